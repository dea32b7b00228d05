"""Synthesizes units of a seeded draw, and keeps a journal, so that a killed run goes on where it was."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path

from ...config import MacConfig
from ...fpga.cells import count_cells
from ...fpga.cost.features import features
from ...fpga.cost.measured_units import Cells, Measured
from ...fpga.cost.space import LANES, unit
from ...fpga.cost.traits import reckoned_gates
from ...fpga.jobs import Outcome, run_jobs
from ...fpga.pace import paced
from ...fpga.standard_cells import map_standard_cells
from ...fpga.synthesis import recipe_cells, synthesize
from ...hdl.emit.verilog import TOP, emit, once_in_cells, once_on_fpga
from ...system.errors import BitmillError
from ...system.processes import stop_tools_of
from ..libraries import library_named

QUICK_RECIPE = "nowidelut"
"""The ECP5's recipe that is kept for nine units in ten."""

RELAXED_NS = 40.0
"""A clock period on osu018 that nearly every unit meets in its smallest recipe."""

Flow = Callable[[MacConfig, str], dict[str, Cells]]
"""Cells by target of a configuration and its Verilog."""

_ONCE_FROM_LANES = 5


def measure(
    seed: int,
    indices: Iterable[int],
    *,
    journal: Path,
    seconds: float,
    workers: int,
    most_lanes: int = LANES,
    most_gates: float = float("inf"),
    quick: bool = False,
    library: str = "",
    draw: Callable[[int, int], MacConfig] = unit,
    show: Callable[[Outcome[Measured]], None] = lambda _: None,
) -> list[Measured]:
    """The units of a draw at these places, from the journal or synthesized.

    Parameters
    ----------
    seed, indices
        Which units.
    journal
        A line of JSON per unit; what is there is not measured again.
    seconds
        After which one run of a tool is given up.
    workers
        Units at a time.
    most_lanes, most_gates
        Units with more, gates by reckoning, are left out to save time.
    quick
        Not every recipe as ``bitmill synth`` has it: of the ECP5's only ``QUICK_RECIPE``, and lanes that end in registers are
        mapped once.
    library
        A cell library on which units are mapped instead, with every recipe, at what ``RELAXED_NS`` is there.
    draw
        Gives the unit of a seed and an index.
    show
        Called with every outcome.
    """
    known = {found.index: found for found in read_journal(journal) if found.seed == seed}
    units = {index: draw(seed, index) for index in indices if index not in known}
    jobs = {
        str(index): _job(seed, index, config, _on_library(library) if library else _on_targets(seconds, quick))
        for index, config in units.items()
        if config.lanes <= most_lanes and reckoned_gates(features(config)) <= most_gates
    }
    cut_off = journal.is_file() and not journal.read_bytes().endswith(b"\n")
    with journal.open("a", encoding="utf-8") as out:
        out.write("\n" * cut_off)

        def note(outcome: Outcome[Measured]) -> None:
            found = outcome.unwrap()
            known[found.index] = found
            out.write(json.dumps(asdict(found)) + "\n")
            out.flush()
            show(outcome)

        run_jobs(jobs, workers=workers, progress=note)
    return [known[index] for index in sorted(known)]


def read_journal(path: Path) -> list[Measured]:
    """What is there; a line that a kill cut off is passed over."""
    if not path.is_file():
        return []
    found = []
    for line in path.read_text(encoding="utf-8").split("\n"):
        try:
            found.append(Measured(**json.loads(line)))
        except (ValueError, TypeError):
            continue
    return found


def _job(seed: int, index: int, config: MacConfig, flow: Flow) -> Callable[[], Measured]:
    def job() -> Measured:
        plain = config.to_dict()
        try:
            return Measured(seed, index, plain, flow(config, emit(config)))
        except BitmillError as error:
            return Measured(seed, index, plain, {}, str(error))

    return job


def _on_library(name: str) -> Flow:
    library = library_named(name)
    period_ns = paced(RELAXED_NS, library)

    def flow(config: MacConfig, verilog: str) -> dict[str, Cells]:
        best = map_standard_cells(verilog, TOP, library, period_ns=period_ns, once=once_in_cells(config)).best
        return {library.key: (best.logic_ge, best.registers_ge, best.recipe)}

    return flow


def _on_targets(seconds: float, quick: bool) -> Flow:
    def timed(cells: Callable[[], Cells]) -> Cells:
        timer = threading.Timer(seconds, stop_tools_of, [{threading.get_ident()}])
        timer.start()
        try:
            return cells()
        finally:
            timer.cancel()

    def flow(config: MacConfig, verilog: str) -> dict[str, Cells]:
        once = once_on_fpga(config) if quick and _lanes_end_in_registers(config) else ()
        generic = timed(lambda: _generic(config, verilog, once))
        ecp5 = timed(lambda: _quick_ecp5(verilog, once) if quick else _synthesized(verilog, "ecp5", once))
        return {"generic": generic, "ecp5": ecp5}

    return flow


def _lanes_end_in_registers(config: MacConfig) -> bool:
    shifted = config.product.exponent_span > 0
    return config.lanes >= _ONCE_FROM_LANES and config.registers("align" if shifted else "multiply")


def _generic(config: MacConfig, verilog: str, once: tuple[str, ...]) -> Cells:
    if config.multiplier == "operator":
        return _synthesized(verilog, "generic", once)
    # Without a multiplier there are no other recipes, and nothing has to be asked.
    counts = count_cells("generic", recipe_cells(verilog, TOP, "generic", "plain", dsp=False, once=once))
    return counts.logic, counts.registers, "plain"


def _synthesized(verilog: str, target: str, once: tuple[str, ...]) -> Cells:
    found = synthesize(verilog, TOP, target, once=once)
    return found.counts.logic, found.counts.registers, found.recipe


def _quick_ecp5(verilog: str, once: tuple[str, ...]) -> Cells:
    counts = count_cells("ecp5", recipe_cells(verilog, TOP, "ecp5", QUICK_RECIPE, dsp=False, once=once))
    return counts.logic, counts.registers, QUICK_RECIPE
