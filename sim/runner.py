"""Runs a job on Verilog text in Icarus Verilog through cocotb, and believes nothing but evidence of success."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from ..system.errors import BitmillError
from ..system.places import private_folder
from ..system.tools import find_tool, keep_log, run_tool
from .job import JOB_VARIABLE, PROGRESS_VARIABLE, RESULT_VARIABLE, Job, Outcome, PhaseResult

LAUNCHER = Path(__file__).with_name("launch.py")
BENCH_MODULE = f"{__package__}.bench"
WAVES_SUFFIX = ".fst"
_WATCH_SECONDS = 1.0

_COMPLAINT = re.compile(r"^(ERROR|FATAL|WARNING)\b|assert(ion)? .*(fail|violat)|assertion (fail|violat)", re.IGNORECASE)
"""A line of the simulator's log that a design or the simulator itself complains with, such as a failed assertion."""


class SimulationError(BitmillError):
    """The simulation ran and the design, or the simulation itself, failed.

    ``outcome`` holds the counts up to the failure and the first wrong outputs; ``waves`` is the waveform, if one was
    recorded.
    """

    def __init__(
        self, message: str, *, outcome: Outcome | None = None, waves: Path | None = None, log: str = ""
    ) -> None:
        super().__init__(message)
        self.outcome = outcome or Outcome()
        self.waves = waves
        self.log = log


@dataclass(frozen=True)
class SimResult:
    """A simulation that passed: the counts of each phase, the log, and the seconds it took, compilation included."""

    phases: tuple[PhaseResult, ...]
    log: str
    seconds: float


def simulate(
    verilog: str,
    top: str,
    job: Job,
    *,
    waves: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
    timeout: float | None = 3600.0,
    test_module: str = BENCH_MODULE,
) -> SimResult:
    """Play ``job`` on module ``top`` and return what was counted.

    Parameters
    ----------
    verilog
        Text that holds the module ``top`` with the ports clk, rst, i_payload, i_valid, i_ready, o_payload,
        o_valid, o_ready.
    top
        Name of the top module.
    job
        Phases of inputs with expected outputs.
    waves
        Path to write a waveform (FST) to, pass or fail.
    progress
        Called now and then, from another thread, with the inputs taken and those of the whole job.
    timeout
        Seconds after which the simulator is ended.
    test_module
        The cocotb module to run.

    Raises
    ------
    SimulationError
        If an output is wrong, missing or too many, the protocol is broken, an assertion is reported in the log, or the
        run leaves no record of at least one passed test and no failed one.
    BitmillError
        If Icarus Verilog is missing, cannot compile the text, or does not finish in time.
    """
    find_tool("iverilog")
    start = time.monotonic()
    with private_folder("sim") as folder:
        source = folder / f"{top}.v"
        source.write_text(verilog, encoding="utf-8")
        job.save(folder / "job.npz")
        result = folder / "result.json"
        specification = {
            "folder": str(folder),
            "sources": [str(source)],
            "top": top,
            "waves": waves is not None,
            "test_module": test_module,
            "environment": {
                JOB_VARIABLE: str(folder / "job.npz"),
                RESULT_VARIABLE: str(result),
                PROGRESS_VARIABLE: str(folder / "progress"),
            },
        }
        (folder / "specification.json").write_text(json.dumps(specification), encoding="utf-8")
        try:
            with _watched(folder / "progress", sum(len(phase.inputs) for phase in job.phases), progress):
                log = run_tool(
                    [sys.executable, "-P", str(LAUNCHER), str(folder / "specification.json")],
                    cwd=folder,
                    env={"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "NO_COLOR": "1"},
                    timeout=timeout,
                    name="icarus",
                )
        finally:
            recorded = _keep_waves(folder / f"{top}{WAVES_SUFFIX}", waves)
        outcome = Outcome.load(result) if result.is_file() else None
        problem = _problem(outcome, len(job.phases), log, folder / "results.xml")
    if problem is not None:
        raise SimulationError(problem, outcome=outcome, waves=recorded, log=log)
    assert outcome is not None
    return SimResult(tuple(outcome.phases), log, time.monotonic() - start)


@contextmanager
def _watched(path: Path, total: int, progress: Callable[[int, int], None] | None) -> Iterator[None]:
    """Tell what the bench writes to ``path``, every other second, as long as the block runs."""
    if progress is None:
        yield
        return
    over = threading.Event()

    def watch() -> None:
        while not over.wait(_WATCH_SECONDS):
            with suppress(OSError, ValueError):  # not there yet, or half written
                progress(min(int(path.read_text(encoding="utf-8")), total), total)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _keep_waves(recorded: Path, destination: Path | None) -> Path | None:
    if destination is None or not recorded.is_file():
        return None
    destination.parent.mkdir(parents=True, exist_ok=True)
    partial = destination.with_name(destination.name + ".part")
    shutil.copyfile(recorded, partial)
    partial.replace(destination)
    return destination


def _problem(outcome: Outcome | None, phases: int, log: str, results: Path) -> str | None:
    """What is wrong with a finished run, most telling first; None if it is proved to have passed."""
    if outcome is not None and outcome.failure is not None:
        where = f"{outcome.phases[-1].name}: " if outcome.phases else ""
        return f"{where}{outcome.failure}"
    for line in log.splitlines():
        if _COMPLAINT.search(line):
            return f"the log reports {line.strip()!r}"
    record = _record_problem(results)
    if record is not None:
        return f"{record} (log: {keep_log('icarus', log)})"
    if outcome is None or len(outcome.phases) != phases:
        return f"the bench left no complete result (log: {keep_log('icarus', log)})"
    return None


def _record_problem(results: Path) -> str | None:
    if not results.is_file():
        return "the simulation left no results.xml"
    try:
        cases = list(ElementTree.parse(results).getroot().iter("testcase"))
    except ElementTree.ParseError as error:
        return f"results.xml is not readable: {error}"
    failed = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
    if failed:
        return f"test {failed[0].get('name')} failed"
    if not any(case.find("skipped") is None for case in cases):
        return "no test was run"
    return None
