"""How softmax and GELU are computed in integers by polynomials of the second order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from .widths import WIDTH, check_integer


@dataclass(frozen=True, kw_only=True)
class PolynomialSoftmaxRule:
    """I-BERT's softmax.

    Attributes
    ----------
    halvings
        ``n``: 1.0 is halved so often at the most; what is smaller counts as ``2**-n``. 1 to 30.
    exponential_bits
        Signed bits to which exponentials are rounded before they are summed: 1.0 is ``2**(eb-1) - 1``. 3 to 16.
    output_bits
        ``ob``: 1.0 is ``2**ob`` in the output, which stays below. 1 to 16.
    LN2, SQUARE, LINEAR
        ``exp(r)`` is about ``SQUARE * r**2 + LINEAR * r + 1`` from ``-LN2`` to 0: ``.3585 * (r + 1.353)**2 + .344`` in
        the paper, with the digits of the authors' code.

    Raises
    ------
    BitmillError
        If a value is not one of those listed.
    """

    KEY: ClassVar[str] = "polynomial-softmax"

    halvings: int
    exponential_bits: int
    output_bits: int

    LN2: ClassVar[float] = 0.6931
    SQUARE: ClassVar[float] = 0.35815147
    LINEAR: ClassVar[float] = 0.96963238

    def __post_init__(self) -> None:
        check_integer("halvings", self.halvings, 1, WIDTH - 1)
        check_integer("exponential_bits", self.exponential_bits, 3, 16)
        check_integer("output_bits", self.output_bits, 1, 16)

    @property
    def one(self) -> int:
        """The exponential of a row's maximum."""
        return (1 << (self.exponential_bits - 1)) - 1


@dataclass(frozen=True, kw_only=True)
class PolynomialGeluRule:
    """I-BERT's GELU.

    Attributes
    ----------
    dropped_bits
        Bits cut off the polynomial. The authors cut 14 off that of 32-bit sums, whose steps are small; steps of 8-bit
        inputs leave none to cut. 0 to 30.
    ROOT2, SQUARE, CENTRE
        ``erf(v)`` is about ``sign(v) * (SQUARE * (min(|v|, -CENTRE) + CENTRE)**2 + 1)``, of ``v = x / ROOT2``.

    Raises
    ------
    BitmillError
        If a value is not one of those listed.
    """

    KEY: ClassVar[str] = "polynomial-gelu"

    dropped_bits: int

    ROOT2: ClassVar[float] = 1.4142
    SQUARE: ClassVar[float] = -0.2888
    CENTRE: ClassVar[float] = -1.769

    def __post_init__(self) -> None:
        check_integer("dropped_bits", self.dropped_bits, 0, WIDTH - 1)
