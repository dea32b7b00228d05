"""Rows of integers that a unit is given, with what their steps are worth."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...system.errors import BitmillError

Unit = Literal["softmax", "gelu", "layernorm"]
UNITS: tuple[Unit, ...] = ("softmax", "gelu", "layernorm")

INPUT_LARGEST = 127
"""Magnitude of the code to which a scale brings the largest magnitude that was seen."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Rows:
    """Rows of one unit at one place.

    Attributes
    ----------
    function
        What they are rows for.
    place
        Where they come from, for captions: ``layer 3``, ``embeddings``, a distribution.
    scale
        Real value of one step.
    codes
        int8 ``[rows, L]``.
    kept
        Elements of each row that take part, from the left, ``[rows]``; all of them if None.
    gamma, beta
        Parameters of LayerNorm, one per channel or one for all.
    output_scale
        Real value of a step of LayerNorm's 8-bit output; the other units' follow from ``scale``.
    input_error
        Mean magnitude of what rounding the inputs to these codes changed in the unit's real output; 0 where codes are all
        there is.
    """

    function: Unit
    place: str
    scale: float
    codes: NDArray[np.int8]
    kept: NDArray[np.int64] | None = None
    gamma: NDArray[np.float64] = field(default_factory=lambda: np.ones(1))
    beta: NDArray[np.float64] = field(default_factory=lambda: np.zeros(1))
    output_scale: float = 1.0
    input_error: float = 0.0

    @property
    def length(self) -> int:
        """Elements of a row."""
        return self.codes.shape[-1]

    @property
    def mask(self) -> NDArray[np.bool_]:
        """bool of the shape of ``codes``: True where an element takes part."""
        if self.kept is None:
            return np.ones(self.codes.shape, dtype=np.bool_)
        return np.arange(self.length) < self.kept[:, None]


def unit_named(name: str) -> Unit:
    """The unit of that name."""
    for unit in UNITS:
        if unit == name:
            return unit
    raise BitmillError(f"unit must be one of {', '.join(UNITS)}, not {name!r}")


def of_unit(rows: Iterable[Rows], unit: Unit) -> list[Rows]:
    """Those of one unit, in order."""
    return [found for found in rows if found.function == unit]


def scale_of(largest: float) -> float:
    """What a step is worth if the largest magnitude is to be ``INPUT_LARGEST``."""
    return largest / INPUT_LARGEST if largest > 0 else 1.0


def to_codes(x: NDArray[np.floating], scale: float) -> NDArray[np.int8]:
    """``x / scale`` rounded to the nearest, ties to even, and saturated at int8."""
    return np.clip(np.rint(x / scale), -128, 127).astype(np.int8)
