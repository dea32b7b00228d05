"""The simulators that can play a job, behind one call."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

from ..errors import BitmillError
from .job import Job
from .runner import SimResult, simulate

Engine = Literal["cocotb", "compiled"]
ENGINES: tuple[Engine, ...] = get_args(Engine)
"""``cocotb``: Icarus Verilog, four-state, can record waveforms. ``compiled``: CXXRTL, two-state, hundreds of times faster."""


def check_engine(engine: str, *, waves: bool) -> None:
    """Refuse an engine that is unknown or cannot do what is asked.

    Raises
    ------
    BitmillError
        If ``engine`` is not one of ``ENGINES``, or is to record waveforms and cannot.
    """
    if engine not in ENGINES:
        raise BitmillError(f"engine must be {' or '.join(ENGINES)}, not {engine!r}")
    if waves and engine != "cocotb":
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
        Called with the inputs taken and those of the whole job; engine ``compiled`` only.
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
    if engine == "cocotb":
        return simulate(verilog, top, job, waves=waves, timeout=timeout)
    from .compiled import simulate_compiled  # The bench in the simulator has no use for it.

    return simulate_compiled(verilog, top, job, timeout=timeout, progress=progress)
