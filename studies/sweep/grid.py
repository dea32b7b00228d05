"""A grid of a study: which axes are crossed, the units that come of it, and the combinations that are none."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ... import formats
from ...config import FORMULATIONS, STAGES, USUAL, AlignerStyle, MacConfig, MultiplierStyle, Pipeline, ReductionStyle
from ...config.accumulator_spec import Frozen
from ...config.accumulators import Accumulator, ExactAccumulator
from ...formats import Format
from ...system.errors import BitmillError
from .axes import Axis, Periods

PAIR_SEPARATOR = " x "

_AS_CONFIGURED = ("scale", "block", "pipeline", "k_max", *FORMULATIONS)
"""Axes of a grid whose names and values are those of a configuration's fields."""


class Grid(Frozen, frozen=True):
    """Axes that are crossed: every combination of their values is a unit.

    Attributes
    ----------
    pairs
        ``"E4M3"`` for both operands, or ``"E2M1 x E4M3"``, weight first.
    lanes
        Products a step, which are summed with one alignment (the fused length k); 1 is a MAC.
    accumulators
        Tables as in a configuration.
    scale, block, pipeline, k_max, multiplier, aligner, reduction
        As in a configuration.
    periods
        No axis: clock periods in ns at which these units are mapped on the study's cell libraries besides those of its targets.
    """

    pairs: Axis[str]
    lanes: Axis[int] = (1,)
    accumulators: Axis[Accumulator] = (ExactAccumulator(),)
    scale: Axis[str] = ("none",)
    block: Axis[int | None] = (None,)
    pipeline: Axis[Pipeline] = (len(STAGES),)
    k_max: Axis[int] = (MacConfig.model_fields["k_max"].default,)
    multiplier: Axis[MultiplierStyle] = (USUAL["multiplier"],)
    aligner: Axis[AlignerStyle] = (USUAL["aligner"],)
    reduction: Axis[ReductionStyle] = (USUAL["reduction"],)
    periods: Periods = ()

    @property
    def combinations(self) -> int:
        """How many there are, without making them."""
        axes = (self.pairs, self.lanes, self.accumulators, *(getattr(self, name) for name in _AS_CONFIGURED))
        return math.prod(map(len, axes))

    def check_pairs(self, own: tuple[Format, ...]) -> None:
        """Every pair is of known formats, ``own`` ones of the study among them.

        Raises
        ------
        BitmillError
            Naming the pair's format and what is accepted.
        """
        for pair in self.pairs:
            for name in operands_of(pair):
                formats.get(name, own)


@dataclass(frozen=True)
class Skipped:
    """A combination that is no unit: its fields, and why."""

    fields: dict[str, Any]
    reason: str


@dataclass(frozen=True)
class Expanded:
    """The units of a study by key, the combinations that are none, and units' clock periods that their grids ask for."""

    units: dict[str, MacConfig]
    skipped: tuple[Skipped, ...]
    periods: dict[str, tuple[float, ...]] = field(default_factory=dict[str, tuple[float, ...]])


def operands_of(pair: str) -> tuple[str, str]:
    """Weight and activation of ``"E4M3"`` or ``"E2M1 x E4M3"``.

    Raises
    ------
    BitmillError
        If there are more than two.
    """
    names = [name.strip() for name in pair.split(PAIR_SEPARATOR)]
    if len(names) > 2 or not all(names):
        raise BitmillError(f"pairs must be 'FORMAT' or 'WEIGHT{PAIR_SEPARATOR}ACTIVATION', not {pair!r}")
    return names[0], names[-1]


def combinations(grid: Grid) -> Iterator[dict[str, Any]]:
    """Fields of every combination, in order."""
    for pair, lanes, accumulator, rest in itertools.product(
        grid.pairs, grid.lanes, grid.accumulators, itertools.product(*(getattr(grid, name) for name in _AS_CONFIGURED))
    ):
        weight, activation = operands_of(pair)
        yield {
            "weight": weight,
            "activation": activation,
            "unit": "mac" if lanes == 1 else "dot",
            "lanes": lanes,
            "accumulator": accumulator.model_dump(exclude_none=True),
            **{name: value for name, value in zip(_AS_CONFIGURED, rest, strict=True) if value is not None},
        }


def described(fields: dict[str, Any]) -> str:
    """A combination, for messages."""
    scaled = "" if fields["scale"] == "none" else f" of {fields['scale']} scales"
    return f"{fields['weight']} x {fields['activation']}, {fields['lanes']} lanes{scaled}"
