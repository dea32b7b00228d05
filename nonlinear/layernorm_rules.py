"""How LayerNorm is computed in integers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .widths import check_choice, check_integer

MeanRounding = Literal["nearest-even", "floor"]
"""How LayerNorm's ``sum / N`` becomes an integer."""


@dataclass(frozen=True, kw_only=True)
class LayerNormRule:
    """I-ViT's I-LayerNorm.

    Attributes
    ----------
    mean_rounding
        ``nearest-even`` or ``floor``.
    root_iterations
        Newton steps from ``2**16`` of the square root; the count is observable where they have not converged. 1 to 64.

    Raises
    ------
    BitmillError
        If a value is not one of those listed.
    """

    mean_rounding: MeanRounding
    root_iterations: int

    def __post_init__(self) -> None:
        check_choice("mean_rounding", self.mean_rounding, MeanRounding)
        check_integer("root_iterations", self.root_iterations, 1, 64)
