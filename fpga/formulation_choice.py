"""The formulation that a unit is best built with for a target and a clock: rows of the tables that fit it are tried."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..config import FORMULATIONS, MacConfig
from ..config.family import Table
from ..hdl.emit.verilog import TOP, emit, once_in_cells
from ..system.errors import BitmillError
from .jobs import Outcome, run_jobs
from .liberty import Library
from .standard_cells import Flow
from .standard_maps import can_gate_clocks
from .standard_recipes import Recipe
from .synthesis import synthesize

FORMULATED: Table[Callable[[Any], Mapping[str, str]]] = Table(
    "formulated",
    {"mac": lambda config: config.formulation, "dot": lambda config: config.formulation},
    # An array is built as it is configured: what is best for it is what is best for one of its PEs, a dot product.
    others=lambda _config: {},
)
"""What formulation a unit of each family has that may be chosen; of none where nothing may."""

# From the smallest to the fastest. The first one's area is about the least that any gives.
_PROBES = (Recipe(), Recipe(ripple=48), Recipe(ripple=12, effort="medium"))


@dataclass(frozen=True)
class Figures:
    """What a formulation gave.

    Attributes
    ----------
    met
        Whether it meets the clock; True where none is asked for.
    cost
        What is compared where the clock is met: area in gate equivalents, or a target's logic, of the whole unit.
    delay_ns
        The shortest period; 0 where none is measured.
    """

    met: bool
    cost: float
    delay_ns: float = 0.0

    @property
    def rank(self) -> tuple[bool, float, float]:
        """Those that meet the clock by cost, then the others by delay."""
        return (False, self.cost, self.delay_ns) if self.met else (True, self.delay_ns, self.cost)


Probe = Callable[[MacConfig, float], Figures | None]
"""Figures of a unit; None if its cost is above the second argument already, so that it cannot win."""


@dataclass(frozen=True)
class Choice:
    """The formulation that won, and all that were tried, in that order."""

    config: MacConfig
    tried: Mapping[str, Figures | None]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data; null where a formulation was left before it was mapped for the clock."""
        return {
            "chosen": formulation_name(self.config),
            "tried": {name: None if found is None else dict(found.__dict__) for name, found in self.tried.items()},
        }


def formulation_name(config: MacConfig) -> str:
    """``logic, counted, compressed``: the rows of all fields."""
    return ", ".join(config.formulation.values())


def choose(
    config: MacConfig,
    probe: Probe,
    *,
    dsp: bool = False,
    progress: Callable[[str, int, int], None] = lambda _name, _done, _total: None,
) -> Choice:
    """Try rows field by field, from the configuration's own on, and keep what is best so far.

    Parameters
    ----------
    config
        The unit.
    probe
        Measures a unit.
    dsp
        Whether multipliers must be of those that may use DSP blocks; with False, any may be tried.
    progress
        Called with no name before anything was measured, then with the name of each formulation that was, how many were, and how
        many there will be as far as is known.

    Raises
    ------
    BitmillError
        If a tool is missing or fails.
    """
    fields = ("reduction", "aligner", "multiplier")
    tried: dict[str, Figures | None] = {}
    total = 1 + sum(1 for field in fields for unit in _with_other_rows(config, field, dsp=dsp) if unit != config)

    def measured(units: Mapping[str, MacConfig], most: float) -> Iterator[tuple[MacConfig, Figures | None]]:
        def show(outcome: Outcome[Figures | None]) -> None:
            done = len(tried) + outcome.done
            progress(outcome.name, done, max(total, done))

        jobs = {name: (lambda unit=unit: probe(unit, most)) for name, unit in units.items()}
        for name, outcome in run_jobs(jobs, progress=show).items():
            tried[name] = outcome.unwrap()
            yield units[name], tried[name]

    progress("", 0, total)
    ((best, kept),) = measured({formulation_name(config): config}, float("inf"))
    assert kept is not None
    for field in fields:
        others = {formulation_name(unit): unit for unit in _with_other_rows(best, field, dsp=dsp)}
        new = {name: unit for name, unit in others.items() if name not in tried}
        for unit, found in list(measured(new, kept.cost if kept.met else float("inf"))) if new else ():
            if found is not None and found.rank < kept.rank:
                best, kept = unit, found
    return Choice(best, tried)


def _with_other_rows(config: MacConfig, field: str, *, dsp: bool) -> Iterator[MacConfig]:
    """The unit with every other row of a field that fits it, and what that row needs of other fields."""
    for row in FORMULATIONS[field].values():
        if dsp and field == "multiplier" and not row.dsp:
            continue
        needed = {
            other: allowed[0] for other, allowed in row.only_with.items() if config.formulation[other] not in allowed
        }
        try:
            yield MacConfig.from_dict({**config.to_dict(), field: row.name, **needed})
        except BitmillError:
            continue


def cells_probe(library: Library, *, period_ns: float, clock_gating: bool) -> Probe:
    """A few recipes of ``map_standard_cells``, from the smallest on, up to the first that meets the period. Cached."""

    def probe(config: MacConfig, most: float) -> Figures | None:
        flow = Flow(
            verilog=emit(config), top=TOP, library=library, period_ns=period_ns,
            clock_gating=clock_gating and can_gate_clocks(library), once=once_in_cells(config),
        )  # fmt: skip
        found = []
        for recipe in _PROBES:
            mapped = flow.map(recipe)
            cost = mapped.logic_ge + mapped.registers_ge
            if not found and cost > most:
                return None
            found.append(Figures(mapped.delay_ns <= period_ns, cost, mapped.delay_ns))
            if found[-1].met:
                break
        return min(found, key=lambda figures: figures.rank)

    return probe


def target_probe(target: str, *, dsp: bool) -> Probe:
    """Logic on an FPGA or in generic gates, without a clock. Cached."""

    def probe(config: MacConfig, most: float) -> Figures | None:
        counts = synthesize(emit(config), TOP, target, dsp=dsp).counts
        return Figures(met=True, cost=counts.logic)

    return probe


def as_toml(config: MacConfig, fields: Sequence[str] = tuple(FORMULATIONS)) -> str:
    """``multiplier = "logic", reduction = "compressed"``: what to write into the configuration's file."""
    return ", ".join(f'{field} = "{getattr(config, field)}"' for field in fields)
