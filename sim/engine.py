"""The simulators that can play a job, behind one call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from ..errors import BitmillError
from .job import Job
from .runner import SimResult, simulate

Engine = Literal["cocotb", "compiled"]


def play(
    verilog: str,
    top: str,
    job: Job,
    *,
    engine: Engine = "cocotb",
    progress: Callable[[int, int], None] | None = None,
    timeout: float | None = None,
) -> SimResult:
    """Play a job on module ``top`` in the chosen simulator.

    Raises
    ------
    BitmillError
        If the engine is unknown; else as the engine's own ``simulate``.
    """
    if engine == "cocotb":
        return simulate(verilog, top, job, timeout=timeout)
    raise BitmillError(f"engine must be cocotb or compiled, not {engine!r}")
