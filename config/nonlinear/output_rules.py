"""What is made of a softmax's output: codes of powers of two, or values with exact zeros."""

from __future__ import annotations

from dataclasses import dataclass

from ...system.errors import BitmillError
from .widths import check_integer


@dataclass(frozen=True, kw_only=True)
class Log2SoftmaxRule:
    """Softmax as codes of powers of two: ``k`` stands for ``2**-k``.

    Attributes
    ----------
    bits
        Of a code; the greatest also stands for everything smaller. 1 to 5.

    Raises
    ------
    BitmillError
        If a value is not one of those listed.

    Source: FQ-ViT (Lin et al., IJCAI 2022), section "Log-Int-Softmax".
    """

    bits: int = 4

    def __post_init__(self) -> None:
        check_integer("bits", self.bits, 1, 5)


@dataclass(frozen=True, kw_only=True)
class ClippedSoftmaxRule:
    """Softmax ``p`` stretched and clipped: ``clip((zeta - gamma) * p + gamma, 0, 1)``, so that zeros are exact.

    Attributes
    ----------
    gamma
        -1 to 0. Probabilities below ``-gamma / (zeta - gamma)`` become 0.
    zeta
        1 to 2. Probabilities above ``(1 - gamma) / (zeta - gamma)`` become 1.
    fraction_bits
        Of the two integer constants. 8 to 24.

    Raises
    ------
    BitmillError
        If a value is not one of those listed.

    Source: Bondarenko, Nagel and Blankevoort, "Quantizable Transformers" (NeurIPS 2023), section "Clipped softmax".
    """

    gamma: float = -0.03
    zeta: float = 1.0
    fraction_bits: int = 16

    def __post_init__(self) -> None:
        _check_real("gamma", self.gamma, -1, 0)
        _check_real("zeta", self.zeta, 1, 2)
        check_integer("fraction_bits", self.fraction_bits, 8, 24)


def _check_real(field: str, value: float, least: float, greatest: float) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    # NaN is within nothing.
    if not number or not least <= value <= greatest:
        raise BitmillError(f"{field} must be a number from {least} to {greatest}, not {value!r}")
