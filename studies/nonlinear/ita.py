"""ITA's softmax and GELU as contenders: no profile of this project, and their softmax takes one scale only as published."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from ...golden.nonlinear import ita_gelu, ita_softmax, ita_softmax_scale, ita_softmax_slope
from ...golden.rows import dispatch
from ...system.errors import BitmillError


@dataclass(frozen=True)
class ItaUnits:
    """ITA's units for inputs of any scale.

    Attributes
    ----------
    slope_bits
        Bits of the multiplier that stands for ``scale * log2(e)``: two have the greatest errors that were recorded.
    """

    KEY: ClassVar[str] = "ita"

    slope_bits: int = 2


@dispatch.SOFTMAX.register(ItaUnits.KEY)
def _softmax(rule: ItaUnits, x: ArrayLike, *, scale: float, mask: ArrayLike | None = None) -> dispatch.Scaled:
    """Rows are one block, so that the order of elements makes no difference."""
    multiplier, shift = ita_softmax_slope(scale=scale, multiplier_bits=rule.slope_bits)
    codes = ita_softmax(x, mask=mask, multiplier=multiplier, shift=shift, block=np.shape(x)[-1])
    return codes, ita_softmax_scale()


@dispatch.GELU.register(ItaUnits.KEY)
def _gelu(rule: ItaUnits, x: ArrayLike, *, scale: float, output_scale: float | None = None) -> dispatch.Scaled:
    if output_scale is None:
        raise BitmillError(f"output_scale must be given to {rule}, not {output_scale!r}")
    return ita_gelu(x, scale=scale, output_scale=output_scale), output_scale


__all__ = ["ItaUnits"]
