"""The simulators that can play a job, behind one call."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

from ..system.errors import BitmillError
from ..system.tools import search_path
from .icarus_time import PATIENCE_SECONDS
from .job import Job
from .runner import SimResult, simulate

Engine = Literal["cocotb", "compiled"]
ENGINES: tuple[Engine, ...] = get_args(Engine)
"""``cocotb``: Icarus Verilog, four-state, can record waveforms. ``compiled``: CXXRTL, two-state, hundreds of times faster."""

AUTO: Literal["auto"] = "auto"
"""Icarus where it takes a user's patience at most, and compiled simulation where it takes longer."""


def choose_engine(engine: Engine | Literal["auto"], *, waves: bool, seconds: float) -> tuple[Engine, str | None]:
    """The engine that plays a job of which Icarus would take so many seconds, and what to say of that, if anything.

    Waveforms are Icarus' work whatever it takes. A missing simulator leaves the other one.
    """
    is_long, about = seconds > PATIENCE_SECONDS, f"Icarus takes about {seconds:.0f} s for this unit"
    if engine == "compiled":
        return engine, None
    if engine == "cocotb" or waves:
        return "cocotb", f"{about}; --engine compiled is hundreds of times faster" * is_long or None
    if is_long:
        return ("compiled", f"{about}: compiled simulation instead") if _has_compiler() else ("cocotb", about)
    if shutil.which("iverilog", path=search_path()) is None:
        return "compiled", "no Icarus Verilog: compiled simulation instead"
    return "cocotb", None


def _has_compiler() -> bool:
    from .compiled.compiler import find_compiler

    try:
        find_compiler()
    except BitmillError:
        return False
    return True


def check_engine(engine: str, *, waves: bool) -> None:
    """Refuse an engine that is unknown or cannot do what is asked.

    Raises
    ------
    BitmillError
        If ``engine`` is not one of ``ENGINES``, or is to record waveforms and cannot.
    """
    if engine not in (*ENGINES, AUTO):
        raise BitmillError(f"engine must be {', '.join(ENGINES)} or {AUTO}, not {engine!r}")
    if waves and engine == "compiled":
        raise BitmillError(f"waves are recorded by engine cocotb, not {engine!r}; leave out waves or the engine")


def play(
    verilog: str,
    top: str,
    job: Job,
    *,
    engine: Engine = "cocotb",
    waves: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
    timeout: float | None = 3600.0,
) -> SimResult:
    """Play a job on module ``top`` in the chosen simulator; both count the same.

    Parameters
    ----------
    verilog, top, job
        As for the engines' own functions, ``simulate`` and ``simulate_compiled``.
    engine
        One of ``ENGINES``.
    waves
        Path to write a waveform to; engine ``cocotb`` only.
    progress
        Called with the inputs taken and those of the whole job.
    timeout
        Seconds after which the simulation is ended.

    Raises
    ------
    SimulationError
        If an output is wrong, missing or too many, or the protocol is broken.
    BitmillError
        If the engine cannot do what is asked, a tool is missing or fails, or the time is over.
    """
    check_engine(engine, waves=waves is not None)
    if progress is not None:
        # Compiling comes first, and a simulator that gets little of a processor says nothing for long.
        progress(0, sum(len(phase.inputs) for phase in job.phases))
    if engine == "cocotb":
        return simulate(verilog, top, job, waves=waves, progress=progress, timeout=timeout)
    from .compiled import simulate_compiled  # The bench in the simulator has no use for it.

    return simulate_compiled(verilog, top, job, timeout=timeout, progress=progress)
