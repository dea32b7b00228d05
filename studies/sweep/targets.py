"""What the units of a study are measured on, and the tasks that come of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field, model_validator

from ...config.accumulator_spec import Frozen
from ...fpga.cells import TARGETS
from ...system.errors import BitmillError
from .axes import Axis, Chosen
from .grid import Expanded
from .task import CLOCK, FASTEST, GENERIC, LIBERTY, POWER, SPREAD, Operands, Task

_SHORTEST_NS = 0.01


def _not_tiny(period: float) -> float:
    if period < _SHORTEST_NS:
        raise BitmillError(f"must be at least {_SHORTEST_NS} ns, not {period!r}")
    return period


def _each_once(values: tuple[int, ...]) -> tuple[int, ...]:
    twice = next((value for value in values if values.count(value) > 1), None)
    if twice is not None:
        raise BitmillError(f"must hold every seed once, not {twice!r} twice: a clock is the median over its seeds")
    return values


Blocks = Literal["logic", "dsp"]


Period = Annotated[float, Field(gt=0, le=1e5, allow_inf_nan=False), AfterValidator(_not_tiny)]
"""Of a clock, in ns."""
Seed = Annotated[int, Field(ge=0, le=(1 << 31) - 1)]
"""Of a placement; nextpnr takes 31 bits."""
Seeds = Annotated[tuple[Seed, ...], Field(strict=False, max_length=64), AfterValidator(_each_once)]
Periods = Annotated[tuple[Period, ...], Field(strict=False, max_length=256)]


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
    osu018: Periods = ()
    clock: Seeds = ()
    curve: Periods = ()
    power: PowerTarget | None = None

    @property
    def per_unit(self) -> int:
        """Measurements of every unit, each seed's placement one; no fewer than there are."""
        boards = sum(len(getattr(self, name)) for name in TARGETS if name != GENERIC)
        power = len(self.power.operands) if self.power else 0
        return (
            self.generic + boards + len(self.osu018) + len(self.clock) + 2 * len(self.curve) + bool(self.curve) + power
        )

    @model_validator(mode="after")
    def _some(self) -> Targets:
        if not any(self.model_dump().values()):
            raise BitmillError(f"targets must name at least one of {', '.join(Targets.model_fields)}, not none")
        return self


def tasks_of(expanded: Expanded, targets: Targets) -> Iterator[Task]:
    """Every unit on every target."""
    for config in expanded.units.values():
        fields = config.to_dict()
        if targets.generic:
            yield Task(config=fields, target=GENERIC)
        for name in TARGETS:
            for blocks in () if name == GENERIC else getattr(targets, name):
                yield Task(config=fields, target=name, dsp=blocks == "dsp")
        for period in dict.fromkeys((*targets.osu018, *targets.curve)):
            yield Task(config=fields, target=LIBERTY, period_ns=period)
        for period in dict.fromkeys(targets.curve):
            yield Task(config=fields, target=SPREAD, period_ns=period)
        if targets.curve:
            yield Task(config=fields, target=FASTEST, periods=targets.curve)
        if targets.power is not None and not config.by_rows:
            power = targets.power
            for operands in dict.fromkeys(power.operands):
                yield Task(
                    config=fields, target=POWER, operands=operands, period_ns=power.period_ns, cycles=power.cycles
                )
        if targets.clock:
            yield Task(config=fields, target=CLOCK, seeds=targets.clock)
