"""Synthesis onto standard cells at a clock period: the smallest recipe that meets it, or else the fastest."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..system import tools
from ..system.errors import BitmillError
from . import cache, recipes, standard_recipes
from .energy import leakage
from .jobs import run_jobs
from .liberty import Library
from .liberty_use import NO_AREA
from .sta import shortest_period
from .standard_maps import can_gate_clocks
from .standard_recipes import Effort, Multiplier, Recipe
from .synthesis import booth_multipliers, check_top
from .wrap import ports_of

_BOOKKEEPING = frozenset({"$scopeinfo"})

LONGEST_PERIOD_NS = 1e6
"""abc takes periods in picoseconds, as 32-bit integers; a millisecond is no clock of any unit."""


@dataclass(frozen=True)
class Mapped:
    """What one recipe gave.

    Attributes
    ----------
    recipe
        Its name.
    area
        Of all cells, in the library's unit.
    logic_ge, registers_ge
        Combinational cells, and flip-flops and latches, in areas of the library's smallest two-input NAND.
    registers
        How many flip-flops and latches.
    delay_ns
        The shortest clock period by OpenSTA, before layout, with every port registered.
    cells
        Cell to how many there are.
    """

    recipe: str
    area: float
    logic_ge: float
    registers_ge: float
    registers: int
    delay_ns: float
    cells: Mapping[str, int]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data."""
        return {**self.__dict__, "cells": dict(sorted(self.cells.items()))}


@dataclass(frozen=True)
class StandardCells:
    """One unit on one library at one clock period.

    Attributes
    ----------
    library, library_sha256
        The library's name, and the digest of its text.
    period_ns
        The clock asked for.
    clock_gating
        Whether registers with an enable got gated clocks instead of multiplexers.
    best
        The smallest recipe that meets the period, or the fastest if none does.
    tried
        Every recipe that was mapped.
    tools
        Tool versions.
    library_key
        What records call the library: its short name if it is a known one.
    square_microns
        Square micrometres of the library's unit of area.
    leakage_nw, leakage_left_out
        Leakage of the best's cells, the mean over what their inputs may be, and the kinds of which the library states none.
    without_area
        Gates that are not used because the library states no area of them.
    """

    library: str
    library_sha256: str
    period_ns: float
    clock_gating: bool
    best: Mapped
    tried: tuple[Mapped, ...]
    tools: Mapping[str, str]
    library_key: str = ""
    square_microns: float = 1.0
    leakage_nw: float = 0.0
    leakage_left_out: tuple[str, ...] = ()
    without_area: tuple[str, ...] = ()

    @property
    def area_um2(self) -> float:
        """Square micrometres of all cells of the best, without the space between them."""
        return round(self.best.area * self.square_microns, 3)

    @property
    def met(self) -> bool:
        """Whether the period is met."""
        return self.best.delay_ns <= self.period_ns

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data; of the recipes that were not kept, their areas and delays."""
        figures = ("area", "logic_ge", "registers_ge", "delay_ns")
        return {
            "target": "liberty",
            "library": self.library,
            "library_key": self.library_key,
            "library_sha256": self.library_sha256,
            "period_ns": self.period_ns,
            "clock_gating": self.clock_gating,
            "met": self.met,
            "best": self.best.to_dict(),
            "area_um2": self.area_um2,
            "leakage_nw": self.leakage_nw,
            **({"leakage_left_out": list(self.leakage_left_out)} if self.leakage_left_out else {}),
            **({"without_area": list(self.without_area)} if self.without_area else {}),
            "tried": {row.recipe: {name: getattr(row, name) for name in figures} for row in self.tried},
            "tools": dict(self.tools),
        }


@dataclass(frozen=True, kw_only=True)
class Flow:
    """A design on its way to a library's cells at one clock: what every recipe is tried on.

    Attributes
    ----------
    verilog, top, library, period_ns, once
        As for ``map_standard_cells``.
    named
        Whether cells of the modules of ``once`` keep the path of their module in their names.
    clock_gating
        Whether registers that share an enable share a gated clock; the library must have what that takes.
    """

    verilog: str
    top: str
    library: Library
    period_ns: float
    clock_gating: bool
    once: Sequence[str] = ()
    named: bool = False

    def map(self, recipe: Recipe) -> Mapped:
        """Map the design with one recipe and time it. Cached.

        Raises
        ------
        BitmillError
            If Yosys or OpenSTA is missing or fails, or a cell is not of the library.
        """
        library, outputs = self.library, self._outputs(recipe)
        cells = json.loads(outputs["stat.json"])["design"].get("num_cells_by_type", {})
        cells = {cell.removeprefix("\\"): count for cell, count in cells.items() if cell not in _BOOKKEEPING}
        foreign = [cell for cell in cells if cell not in library.areas]
        if foreign:
            raise BitmillError(
                f"liberty: {self.top} must map to cells of {library.name}, not leave {', '.join(foreign)}"
            )
        area = {cell: count * library.areas[cell] for cell, count in cells.items()}
        registers = library.registers.intersection(cells)
        of_registers = sum(area[cell] for cell in registers)
        whole = sum(area.values())
        ports = ports_of(self.verilog, self.top)
        return Mapped(
            recipe=recipe.name,
            area=round(whole, 3),
            logic_ge=round((whole - of_registers) / library.gate_area, 2),
            registers_ge=round(of_registers / library.gate_area, 2),
            registers=sum(cells[cell] for cell in registers),
            delay_ns=shortest_period(outputs[standard_recipes.MAPPED_FILE], self.top, ports, library),
            cells=cells,
        )

    def netlist(self, recipe: Recipe) -> str:
        """Verilog of the library's cells that one recipe gives. Cached.

        Raises
        ------
        BitmillError
            If Yosys is missing or fails.
        """
        return self._outputs(recipe)[standard_recipes.MAPPED_FILE]

    def _outputs(self, recipe: Recipe) -> dict[str, str]:
        # Such libraries can be read, but abc would fail in words of its own, and late.
        library = self.library
        if "timing" not in library.text:
            raise BitmillError(f"liberty {library.name}: must have delays to map to, not only functions and areas")
        if not library.has_buffer:
            raise BitmillError(
                f"liberty {library.name}: must have a buffer to map to, not only {', '.join(sorted(library.areas)[:8])}"
            )
        script = standard_recipes.script(
            recipe,
            self.library,
            check_top(self.top),
            period_ns=self.period_ns,
            clock_gating=self.clock_gating,
            once=self.once,
            named=self.named,
        )
        of_recipe = standard_recipes.files(recipe, self.library, period_ns=self.period_ns)
        return cache.yosys_cached(
            script,
            files={recipes.DESIGN_FILE: self.verilog, **of_recipe},
            outputs=["stat.json", standard_recipes.MAPPED_FILE],
        )


def check_flow(period_ns: float) -> None:
    """Find out before any long work what would fail.

    Raises
    ------
    BitmillError
        If the period is not positive or longer than ``LONGEST_PERIOD_NS``, or OpenSTA is missing.
    """
    if not 0 < period_ns < float("inf"):
        raise BitmillError(f"period must be a positive number of ns, not {period_ns!r}")
    if period_ns > LONGEST_PERIOD_NS:
        raise BitmillError(f"period must be at most {LONGEST_PERIOD_NS:,.0f} ns, not {period_ns!r}")
    tools.find_tool("sta")


def map_standard_cells(
    verilog: str,
    top: str,
    library: Library,
    *,
    period_ns: float,
    clock_gating: bool = True,
    once: Sequence[str] = (),
    skipped: Sequence[Effort] = (),
    progress: Callable[[str, float, int], None] | None = None,
) -> StandardCells:
    """Map a design onto a library and keep the smallest result that meets a clock period. Cached.

    For each way to build the multipliers the recipes for area are tried from the smallest to the fastest until one meets the
    period, and where none does, all those for delay; small changes to the best of them are tried last.

    Parameters
    ----------
    verilog, top
        Self-contained Verilog text and its top module; its clock, if it has one, is ``clk``.
    library
        The cells.
    period_ns
        The clock period to meet, in ns.
    clock_gating
        Whether registers that share an enable may share a gated clock. Without it every such bit costs a multiplexer.
    once
        Names of modules that are mapped by themselves, such as the lane of a dot product; the result is flat all the same.
    skipped
        Efforts of recipes that are not tried: ``small`` where only the fastest circuit is wanted, which takes half the time then.
    progress
        Called with the name of each recipe when it is done, the seconds that it took, and how many are left at the most.

    Raises
    ------
    BitmillError
        If an argument is out of range, Yosys or OpenSTA is missing or fails, or a cell is not of the library.
    """
    check_top(top)
    check_flow(period_ns)
    gating = clock_gating and can_gate_clocks(library)
    flow = Flow(verilog=verilog, top=top, library=library, period_ns=period_ns, clock_gating=gating, once=once)
    gates = library.gate_adders and library.full_adder is not None
    multipliers = _multipliers(verilog, top)
    most = {
        name: [row for row in standard_recipes.ladder(name, gates=gates) if row.effort not in skipped]
        for name in multipliers
    }
    left = {name: len(rows) for name, rows in most.items()}

    def mapped(recipe: Recipe) -> Mapped:
        started = time.monotonic()
        result = flow.map(recipe)
        left[recipe.multiplier] -= 1
        if progress is not None:
            progress(recipe.name, time.monotonic() - started, max(0, sum(left.values())))
        return result

    def at_ease(recipe: Recipe, result: Mapped) -> bool:
        return recipe.effort == "small" and result.delay_ns <= period_ns

    def climb(multiplier: Multiplier) -> list[tuple[Recipe, Mapped]]:
        tried = []
        for recipe in most[multiplier]:
            tried.append((recipe, mapped(recipe)))
            if at_ease(*tried[-1]):
                break
        left[multiplier] = 0
        return tried

    tried = climb("plain")
    # Prefix adders for all sums are for speed. Small units are smaller with them at times; on large ones abc takes minutes.
    if at_ease(*tried[0]) and tried[0][1].logic_ge > 10_000:
        most["noalumacc"] = []
    climbs = run_jobs({name: (lambda name=name: climb(name)) for name in multipliers[1:]})
    tried += [pair for outcome in climbs.values() for pair in outcome.unwrap()]
    chosen, so_far = min(tried, key=lambda pair: _rank(pair[1], period_ns))
    # Full adders of gates are faster and larger (lanes of INT and FP on sky130 and ASAP7: 9 to 17 %), and take longest.
    changed = standard_recipes.variants(chosen, gates=gates and not at_ease(chosen, so_far))
    left[chosen.multiplier] = len(changed)
    last = run_jobs({row.name: (lambda row=row: mapped(row)) for row in changed})
    results = [result for _, result in tried] + [outcome.unwrap() for outcome in last.values()]
    best = min(results, key=lambda result: _rank(result, period_ns))
    watts, unstated = leakage(library, best.cells)
    return StandardCells(
        library=library.name,
        library_sha256=library.sha256,
        period_ns=float(period_ns),
        clock_gating=gating,
        best=best,
        tried=tuple(results),
        tools={"yosys": tools.yosys_release(), "opensta": tools.opensta_version()},
        library_key=library.key,
        square_microns=library.square_microns,
        leakage_nw=round(watts * 1e9, 6),
        leakage_left_out=unstated,
        without_area=tuple(sorted(cell for cell, why in library.left_out.items() if why == NO_AREA)),
    )


def _rank(result: Mapped, period_ns: float) -> tuple[bool, float, float]:
    """Those that meet the period by area, then the others by delay."""
    if result.delay_ns <= period_ns:
        return False, result.area, result.delay_ns
    return True, result.delay_ns, result.area


def _multipliers(verilog: str, top: str) -> list[Multiplier]:
    """Ways to build multipliers that differ for this design."""
    wide, unsigned = booth_multipliers(verilog, top)
    booth: list[Multiplier] = ["booth", *(["booth-lowpower"] if not unsigned else [])] if wide else []
    return ["plain", "noalumacc", *booth]
