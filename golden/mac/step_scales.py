"""Block scales: a number for each block of an operand's row, which its steps are multiplied by."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...config import MacConfig
from ...formats import Format
from ...system.errors import BitmillError
from ..parts import Parts, checked_codes, table


@dataclass(frozen=True, eq=False)
class StepScales:
    """An operand's parts and what their steps are multiplied by.

    Attributes
    ----------
    parts
        ``[rows, K]``: NaN throughout a step whose scale is no number, and where an infinity has scale 0; zeros and signs are
        those of the products with the scales.
    magnitudes, exponents
        ``[rows, K / lanes]``: a step's numbers are to be multiplied by ``magnitude * 2**exponent``, 1 where the scale is no
        number.
    """

    parts: Parts
    magnitudes: NDArray[np.int64]
    exponents: NDArray[np.int64]

    def of_rows(self, rows: slice) -> StepScales:
        """The same of some rows."""
        return StepScales(self.parts[rows], self.magnitudes[rows], self.exponents[rows])


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
        _scaled(config, fmt, of_operand, np.asarray(given), name)
        for of_operand, given, name in zip(parts, codes, names, strict=True)
    )
    return weight, activation


def _scaled(config: MacConfig, fmt: Format, parts: Parts, codes: NDArray[Any], name: str) -> StepScales:
    (rows, length), lanes = parts.nan.shape, config.lanes
    steps = length // lanes
    wanted = rows, -(-steps // config.steps_per_block)
    checked = checked_codes(fmt, codes, name=name)
    if checked.shape != wanted:
        each = f"a step of {lanes}" if config.block is None else f"a block of {config.block}"
        raise BitmillError(f"{name} must have shape {wanted}, one scale {each} codes, not {checked.shape}")
    scales = table(fmt)[np.repeat(checked, config.steps_per_block, axis=1)[:, :steps]]
    special = scales.special
    none, zero, negative = (
        np.repeat(facts, lanes, axis=1) for facts in (special, (scales.magnitude == 0) & ~special, scales.negative)
    )
    none = none | (zero & parts.inf)
    spoilt = replace(
        parts,
        magnitude=np.where(none | zero, 0, parts.magnitude),
        nan=parts.nan | none,
        inf=parts.inf & ~none,
        negative=parts.negative ^ (negative & ~none),
    )
    return StepScales(spoilt, np.where(special, 1, scales.magnitude), np.where(special, 0, scales.exponent))
