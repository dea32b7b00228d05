"""Block scales: one power of two for each step of an operand's row."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...config import MacConfig
from ...formats import PowerOfTwo
from ...system.errors import BitmillError
from ..parts import Parts, checked_codes, table


@dataclass(frozen=True, eq=False)
class StepScales:
    """An operand's parts and what their steps are scaled by.

    Attributes
    ----------
    parts
        ``[rows, K]``, NaN throughout a step whose scale is NaN.
    exponents
        ``[rows, K / lanes]``: a step's numbers are to be multiplied by two to that power; 0 where the scale is NaN.
    """

    parts: Parts
    exponents: NDArray[np.int64]


def step_scales(
    config: MacConfig, parts: tuple[Parts, Parts], codes: tuple[ArrayLike | None, ArrayLike | None]
) -> tuple[StepScales, StepScales] | None:
    """Weights and activations with their scales, from codes of ``config.scale_format``; None for a unit without scales.

    Raises
    ------
    BitmillError
        If scales are missing or not wanted, or a shape or a code is wrong.
    """
    names = "weight_scales", "activation_scales"
    fmt = config.scale_format
    for name, given in zip(names, codes, strict=True):
        if given is not None and fmt is None:
            raise BitmillError(f"{name} must be left out for a unit of scale {config.scale!r}, not given")
        if given is None and fmt is not None:
            raise BitmillError(f"{name} must be given for a unit of scale {config.scale!r}, not left out")
    if fmt is None:
        return None
    weight, activation = (
        _scaled(fmt, of_operand, np.asarray(given), config.lanes, name)
        for of_operand, given, name in zip(parts, codes, names, strict=True)
    )
    return weight, activation


def _scaled(fmt: PowerOfTwo, parts: Parts, codes: NDArray[Any], lanes: int, name: str) -> StepScales:
    rows, length = parts.nan.shape
    wanted = rows, length // lanes
    checked = checked_codes(fmt, codes, name=name)
    if checked.shape != wanted:
        raise BitmillError(f"{name} must have shape {wanted}, one scale a step of {lanes} codes, not {checked.shape}")
    scales = table(fmt)[checked]
    nan = np.repeat(scales.nan, lanes, axis=1)
    spoilt = replace(parts, magnitude=np.where(nan, 0, parts.magnitude), nan=parts.nan | nan, inf=parts.inf & ~nan)
    return StepScales(spoilt, np.where(scales.nan, 0, scales.exponent))
