"""How a unit fails a job, in the words that both engines use, and when the end of a phase counts as reached."""

from __future__ import annotations

from .job import Phase

DRAIN_CYCLES = 24
"""Cycles after the last expected output in which no further one may come."""


def valid_fell(port: str) -> str:
    """An offer was withdrawn before it was taken."""
    return f"{port}_valid fell before {port}_ready"


def payload_changed(port: str, before: int, after: int | None) -> str:
    """The payload of an offer that waits is not the same as in the cycle before."""
    return f"{port}_payload changed while stalled, from {before:#x} to {after:#x}"


def too_many_outputs(phase: Phase, payload: int) -> str:
    """An output came when all expected ones had come."""
    return f"more outputs than the {len(phase.expected)} expected, first {payload:#x}"


def hung(phase: Phase, patience: int, last_transfer: int, beats: int, outputs: int) -> str:
    """Nothing was transferred for longer than the job has patience."""
    return (
        f"no transfer for {patience} cycles after cycle {last_transfer}, with {beats} of "
        f"{len(phase.inputs)} inputs and {outputs} of {len(phase.expected)} outputs done"
    )


def inputs_left(phase: Phase, beats: int) -> str:
    """All expected outputs came, and inputs remain that the unit does not take."""
    return f"all outputs came after {beats} of {len(phase.inputs)} inputs"


def wrong_level(port: str, level: int, expected: int) -> str:
    """An output beside the streams is not as it must be when the phase is over."""
    return f"{port} is {level:#x} instead of {expected:#x} in the end"


def wrong_outputs(count: int) -> str:
    """Outputs differ from the expected ones."""
    return f"{count} wrong outputs"
