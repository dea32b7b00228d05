"""The study file: which axes are crossed, and on which targets every unit of the grid is measured."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import Field, field_validator, model_validator

from ... import formats
from ...accumulators import Accumulator, ExactAccumulator, Frozen
from ...config import STAGES, AcceleratorConfig, AlignerStyle, MultiplierStyle, ScaleFormat
from ...document import Document
from ...errors import BitmillError

PAIR_SEPARATOR = " x "


Value = TypeVar("Value")
# TOML has lists; what comes out of them shall not change.
Axis = Annotated[tuple[Value, ...], Field(min_length=1, strict=False)]
Chosen = Annotated[tuple[Value, ...], Field(strict=False)]

_AS_CONFIGURED = ("scale", "pipeline", "k_max", "multiplier", "aligner")
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
    scale, pipeline, k_max, multiplier, aligner
        As in a configuration.
    """

    pairs: Axis[str]
    lanes: Axis[int] = (1,)
    accumulators: Axis[Accumulator] = (ExactAccumulator(),)
    scale: Axis[ScaleFormat] = ("none",)
    pipeline: Axis[int] = (len(STAGES),)
    k_max: Axis[int] = (AcceleratorConfig.model_fields["k_max"].default,)
    multiplier: Axis[MultiplierStyle] = ("logic",)
    aligner: Axis[AlignerStyle] = ("grouped",)

    @field_validator("pairs")
    @classmethod
    def _known_pairs(cls, pairs: tuple[str, ...]) -> tuple[str, ...]:
        for pair in pairs:
            for name in operands_of(pair):
                formats.get(name)
        return pairs


Blocks = Literal["logic", "dsp"]


Operands = Literal["layer", "uniform"]
Period = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class PowerTarget(Frozen, frozen=True):
    """How power is measured: on osu018, of MACs and dot products.

    Attributes
    ----------
    operands
        ``"layer"``: codes of a layer of the committed sample; ``"uniform"``: random ones.
    period_ns
        The clock at which units are mapped and run.
    cycles
        Steps that are simulated.
    """

    operands: Axis[Operands] = get_args(Operands)
    period_ns: Period = 25.0
    cycles: Annotated[int, Field(ge=2, le=1 << 16)] = 512


class Targets(Frozen, frozen=True):
    """What every unit is measured on.

    Attributes
    ----------
    generic
        NAND2-equivalents.
    ice40, ecp5, gowin, xilinx7
        LUT counts: ``"logic"`` without DSP blocks, ``"dsp"`` with a plain ``*`` that may become one.
    osu018
        Clock periods in ns at which standard cells are mapped.
    clock
        Whether ECP5 units are placed and routed, with these seeds.
    curve
        Clock periods in ns of a curve of area against clock: ``osu018`` at each, what becomes of the area when the period is a
        little different, and the fastest clock.
    power
        Energy per MAC on osu018 by part.
    """

    generic: bool = False
    ice40: Chosen[Blocks] = ()
    ecp5: Chosen[Blocks] = ()
    gowin: Chosen[Blocks] = ()
    xilinx7: Chosen[Blocks] = ()
    osu018: Chosen[Period] = ()
    clock: Chosen[int] = ()
    curve: Chosen[Period] = ()
    power: PowerTarget | None = None

    @model_validator(mode="after")
    def _some(self) -> Targets:
        if not any(self.model_dump().values()):
            raise BitmillError(f"targets must name at least one of {', '.join(Targets.model_fields)}, not none")
        return self


class StudyFile(Document, frozen=True):
    """A study: grids whose units are put together, each once, and targets.

    Attributes
    ----------
    title
        For the report.
    grid
        Crossed one by one.
    targets
        Of all units.

    Raises
    ------
    pydantic.ValidationError
        From the constructor; ``from_toml`` and ``from_dict`` turn it into a one-line ``BitmillError``.
    """

    title: Annotated[str, Field(min_length=1)]
    grid: Axis[Grid]
    targets: Targets

    @model_validator(mode="after")
    def _not_empty(self) -> StudyFile:
        if not self.expand().units:
            first = self.expand().skipped[0]
            raise BitmillError(f"grid must have at least one unit that can be built, not none: {first.reason}")
        return self

    def expand(self) -> Expanded:
        """Every combination of every grid as a unit, in order, each once; what cannot be built, with the reason."""
        units: dict[str, AcceleratorConfig] = {}
        skipped: dict[str, Skipped] = {}
        for grid in self.grid:
            for fields in _combinations(grid):
                try:
                    config = AcceleratorConfig.from_dict(fields, source=_name(fields))
                except BitmillError as error:
                    skipped.setdefault(repr(fields), Skipped(fields, str(error)))
                else:
                    units.setdefault(unit_key(config), config)
        return Expanded(units, tuple(skipped.values()))


@dataclass(frozen=True)
class Skipped:
    """A combination that is no unit: its fields, and why."""

    fields: dict[str, Any]
    reason: str


@dataclass(frozen=True)
class Expanded:
    """The units of a study by key, and the combinations that are none."""

    units: dict[str, AcceleratorConfig]
    skipped: tuple[Skipped, ...]


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


def unit_key(config: AcceleratorConfig) -> str:
    """``e4m3-k32-exact``, ``mx-e2m1-k32-fp32``: a short name that tells units apart; what is as it is by default is left out."""
    weight, activation = config.weight.lower(), config.activation.lower()
    parts = [weight if weight == activation else f"{weight}x{activation}", f"k{config.lanes}"]
    if config.unit == "array":
        parts.insert(1, f"{config.rows}x{config.cols}")
    if config.scale != "none":
        parts.insert(0, "mx")
    parts.append(accumulator_key(config.accumulator))
    if config.k_max != AcceleratorConfig.model_fields["k_max"].default:
        parts.append(f"max{config.k_max}")
    if config.pipeline != len(STAGES):
        parts.append(f"p{config.pipeline}")
    for name in ("multiplier", "aligner"):
        if getattr(config, name) != AcceleratorConfig.model_fields[name].default:
            parts.append(getattr(config, name))
    return "-".join(parts)


def accumulator_key(accumulator: Accumulator) -> str:
    """``exact``, ``saturate18``, ``window24``, ``fp32-fused64`` or ``fp32-truncate``; other fields as ``name=value``."""
    fields = accumulator.model_dump(exclude_none=True, exclude_defaults=True)
    kind, width = accumulator.kind, fields.pop("width", "")
    fields.pop("kind", None)
    fused = fields.pop("fused", None)
    name = fields.pop("overflow", None) or (accumulator.format.lower() if accumulator.kind == "float" else kind)
    fields.pop("format", None)
    rounding = fields.pop("rounding", None)
    rest = [f"{field}={value}" for field, value in fields.items()]
    return "-".join([f"{name}{width}", *([f"fused{fused}"] if fused else []), *([rounding] if rounding else []), *rest])


def _combinations(grid: Grid) -> Iterator[dict[str, Any]]:
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
            **dict(zip(_AS_CONFIGURED, rest, strict=True)),
        }


def _name(fields: dict[str, Any]) -> str:
    scaled = "" if fields["scale"] == "none" else f" of {fields['scale']} scales"
    return f"{fields['weight']} x {fields['activation']}, {fields['lanes']} lanes{scaled}"
