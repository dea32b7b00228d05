"""What the units of a study are measured on, and the tasks that come of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from ...config import MacConfig
from ...config.accumulator_spec import Frozen
from ...fpga.cells import TARGETS
from ...system.errors import BitmillError
from ..libraries import OSU018, check_name
from .axes import Axis, Chosen, Period, Periods
from .grid import Expanded
from .task import CELLS, CLOCK, FASTEST, GENERIC, POWER, SPREAD, Operands, Task


def _each_once(values: tuple[int, ...]) -> tuple[int, ...]:
    twice = next((value for value in values if values.count(value) > 1), None)
    if twice is not None:
        raise BitmillError(f"must hold every seed once, not {twice!r} twice: a clock is the median over its seeds")
    return values


Blocks = Literal["logic", "dsp", "best"]
Seed = Annotated[int, Field(ge=0, le=(1 << 31) - 1)]
"""Of a placement; nextpnr takes 31 bits."""
Seeds = Annotated[tuple[Seed, ...], Field(strict=False, max_length=64), AfterValidator(_each_once)]


class PowerTarget(Frozen, frozen=True):
    """How power is measured: of MACs and dot products.

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


class CellsTarget(Frozen, frozen=True):
    """What is measured on one cell library.

    Attributes
    ----------
    periods
        Clock periods in ns at which units are mapped, besides those of their grid.
    fastest
        Whether each unit is mapped at its own best clock.
    curve
        Clock periods in ns of a curve of area against clock: ``periods`` at each, what becomes of the area when the period is a
        little different, and ``fastest``.
    power
        Energy per MAC by part.
    formulation
        ``"best"``: at each of ``periods`` and as fast as it goes a unit is built with the formulation that is best there.
    """

    periods: Periods = ()
    fastest: bool = False
    curve: Periods = ()
    power: PowerTarget | None = None
    formulation: Literal["configured", "best"] = "configured"

    @property
    def per_unit(self) -> int:
        """Measurements of every unit; no fewer than there are."""
        power = len(self.power.operands) if self.power else 0
        return len(self.periods) + self.fastest + 2 * len(self.curve) + bool(self.curve) + power

    def tasks(self, config: MacConfig, library: str, periods: tuple[float, ...] = ()) -> Iterator[Task]:
        """A unit on this library, at its grid's ``periods`` too."""
        fields, best, own = config.to_dict(), self.formulation == "best", (*self.periods, *periods)
        for period in dict.fromkeys((*own, *self.curve)):
            yield Task(config=fields, target=CELLS, library=library, period_ns=period, best=best and period in own)
        for period in dict.fromkeys(self.curve):
            yield Task(config=fields, target=SPREAD, library=library, period_ns=period)
        if self.fastest or self.curve:
            yield Task(config=fields, target=FASTEST, library=library, periods=self.curve, best=best and self.fastest)
        if self.power is not None and not config.by_rows:
            for operands in dict.fromkeys(self.power.operands):
                yield Task(
                    config=fields, target=POWER, library=library, operands=operands, period_ns=self.power.period_ns,
                    cycles=self.power.cycles,
                )  # fmt: skip


def _tables(cells: Any) -> Any:
    """A table per library; a list of names asks for each unit's own best clock on each."""
    return {name: {"fastest": True} for name in cells} if isinstance(cells, list | tuple) else cells


def _named(cells: Mapping[str, CellsTarget]) -> Mapping[str, CellsTarget]:
    for name in cells:
        check_name(name)
    return cells


LibraryTargets = Annotated[Mapping[str, CellsTarget], BeforeValidator(_tables), AfterValidator(_named)]


class Targets(Frozen, frozen=True):
    """What every unit is measured on.

    Attributes
    ----------
    generic
        NAND2-equivalents.
    ice40, ecp5, gowin, xilinx7
        LUT counts: ``"logic"`` without DSP blocks, ``"dsp"`` with a plain ``*`` that may become one, ``"best"`` without DSP
        blocks in the formulation that takes fewest LUTs.
    cells
        Cell libraries by name or path: a table of each, as ``CellsTarget``, or a list, for each unit's own best clock on each.
    osu018, curve, power
        ``periods``, ``curve`` and ``power`` of osu018.
    clock
        Whether ECP5 units are placed and routed, with these seeds.
    """

    generic: bool = False
    ice40: Chosen[Blocks] = ()
    ecp5: Chosen[Blocks] = ()
    gowin: Chosen[Blocks] = ()
    xilinx7: Chosen[Blocks] = ()
    cells: LibraryTargets = Field(default_factory=dict[str, CellsTarget])
    osu018: Periods = ()
    clock: Seeds = ()
    curve: Periods = ()
    power: PowerTarget | None = None

    @property
    def per_unit(self) -> int:
        """Measurements of every unit, each seed's placement one; no fewer than there are."""
        boards = sum(len(getattr(self, name)) for name in TARGETS if name != GENERIC)
        return self.generic + boards + len(self.clock) + sum(asked.per_unit for asked in self.by_library.values())

    @property
    def by_library(self) -> dict[str, CellsTarget]:
        """What is measured on every library, osu018 first."""
        usual = CellsTarget(periods=self.osu018, curve=self.curve, power=self.power)
        return {**({OSU018: usual} if usual.per_unit else {}), **self.cells}

    @model_validator(mode="after")
    def _osu018_once(self) -> Targets:
        if OSU018 in self.cells and (self.osu018 or self.curve or self.power):
            raise BitmillError("targets.cells must not have osu018 where osu018, curve or power are given, not both")
        return self

    @model_validator(mode="after")
    def _some(self) -> Targets:
        if not any(self.model_dump().values()):
            raise BitmillError(f"targets must name at least one of {', '.join(Targets.model_fields)}, not none")
        return self


def tasks_of(expanded: Expanded, targets: Targets) -> Iterator[Task]:
    """Every unit on every target."""
    for key, config in expanded.units.items():
        fields = config.to_dict()
        if targets.generic:
            yield Task(config=fields, target=GENERIC)
        for name in TARGETS:
            for blocks in () if name == GENERIC else getattr(targets, name):
                yield Task(config=fields, target=name, dsp=blocks == "dsp", best=blocks == "best")
        for library, asked in targets.by_library.items():
            yield from asked.tasks(config, library, expanded.periods.get(key, ()))
        if targets.clock:
            yield Task(config=fields, target=CLOCK, seeds=targets.clock)
