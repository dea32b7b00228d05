"""Synthesizes units of a seeded draw, and keeps a journal, so that a killed run goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path

from ...config import MacConfig
from ...fpga.cost.features import features
from ...fpga.cost.measured_units import Measured
from ...fpga.cost.space import LANES, unit
from ...fpga.cost.synthesized import Flow, on_library, on_targets
from ...fpga.cost.traits import reckoned_gates
from ...fpga.jobs import Outcome, run_jobs
from ...hdl.emit.verilog import emit
from ...system.errors import BitmillError


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
        str(index): _job(seed, index, config, on_library(library) if library else on_targets(seconds, quick))
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
