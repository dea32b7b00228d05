"""How LayerNorm is computed in integers where the square root converges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from .layernorm_rules import MeanRounding
from .widths import check_choice


@dataclass(frozen=True, kw_only=True)
class ExactRootLayerNormRule:
    """I-BERT's I-LayerNorm.

    Attributes
    ----------
    mean_rounding
        ``nearest-even`` or ``floor``.

    Raises
    ------
    BitmillError
        If a value is not one of those listed.
    """

    KEY: ClassVar[str] = "exact-root"

    mean_rounding: MeanRounding

    def __post_init__(self) -> None:
        check_choice("mean_rounding", self.mean_rounding, MeanRounding)
