"""What the simulation is told and what it answers, as files: phases of inputs with expected outputs, and counts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .pattern import BACK_TO_BACK, Pattern
from .rows import PayloadRows

JOB_VARIABLE = "BITMILL_JOB"
"""Environment variable that names the job file for the bench inside the simulator."""

RESULT_VARIABLE = "BITMILL_RESULT"
"""Environment variable that names the file the bench writes its result to."""

PROGRESS_VARIABLE = "BITMILL_PROGRESS"
"""Environment variable that names the file to which the bench writes how many inputs were taken."""

KEPT_MISMATCHES = 8
"""Wrong outputs that an outcome keeps; all are counted."""


@dataclass(frozen=True)
class Phase:
    """One run of traffic from idle to idle.

    Parameters
    ----------
    inputs
        Input payloads in order: a list, or ``PayloadRows`` for very many.
    expected
        The output payloads they must give, in order.
    input_pattern, output_pattern
        When the source offers and when the sink accepts.
    resets
        For each number, before the run proper: start the same traffic, reset right after that many accepted inputs, and
        expect that nothing of it remains.
    controls
        What the inputs beside the streams are set to before the traffic, a clock cycle for each mapping of names to values, in
        which the streams are idle; what is set stays. Resets do not repeat them: what a unit was told survives.
    levels
        What outputs beside the streams must be when the phase is over.
    counts
        Outputs of each dot product, tile or row in order, where they differ.
    """

    name: str
    inputs: Sequence[int]
    expected: Sequence[int]
    input_pattern: Pattern = BACK_TO_BACK
    output_pattern: Pattern = BACK_TO_BACK
    resets: tuple[int, ...] = ()
    controls: tuple[Mapping[str, int], ...] = ()
    levels: Mapping[str, int] = field(default_factory=dict)
    counts: tuple[int, ...] = ()

    def owed(self, taken: int, lasts: int) -> int:
        """Outputs of the first ``taken`` dot products (one each), tiles (their rows) or rows (their beats) of ``lasts``."""
        return sum(self.counts[:taken]) if self.counts else len(self.expected) // max(1, lasts) * taken


@dataclass(frozen=True)
class Job:
    """Phases to run one after the other, and the payload widths that store them.

    ``patience``: cycles without any transfer after which the simulation is given up as hung. ``controls`` and ``levels``: names
    and widths of the inputs and outputs beside the streams, clock and reset that phases set and look at. ``every_input``: each
    input is an item of work by itself, and no bit says so.
    """

    input_bits: int
    output_bits: int
    phases: tuple[Phase, ...]
    patience: int = 1000
    controls: Mapping[str, int] = field(default_factory=dict)
    levels: Mapping[str, int] = field(default_factory=dict)
    every_input: bool = False

    def save(self, path: Path) -> None:
        """Write the job as an ``.npz`` file."""
        arrays: dict[str, NDArray[np.uint8]] = {}
        rows: list[dict[str, Any]] = []
        for index, phase in enumerate(self.phases):
            arrays[f"inputs{index}"] = PayloadRows.of(phase.inputs, self.input_bits).rows
            arrays[f"expected{index}"] = PayloadRows.of(phase.expected, self.output_bits).rows
            rows.append({
                "name": phase.name,
                "input_pattern": asdict(phase.input_pattern),
                "output_pattern": asdict(phase.output_pattern),
                "resets": phase.resets,
                "controls": [dict(cycle) for cycle in phase.controls],
                "levels": dict(phase.levels),
                "counts": phase.counts,
            })  # fmt: skip
        widths = {"input_bits": self.input_bits, "output_bits": self.output_bits}
        beside = {"controls": dict(self.controls), "levels": dict(self.levels)}
        about = {**widths, "patience": self.patience, **beside, "every_input": self.every_input, "phases": rows}
        arrays["about"] = np.frombuffer(json.dumps(about).encode(), np.uint8)
        with path.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)

    @classmethod
    def load(cls, path: Path) -> Job:
        """Read what ``save`` wrote."""
        with np.load(path, allow_pickle=False) as arrays:
            about = json.loads(arrays["about"].tobytes())
            phases = tuple(
                Phase(
                    name=row["name"],
                    inputs=list(PayloadRows(arrays[f"inputs{index}"])),
                    expected=list(PayloadRows(arrays[f"expected{index}"])),
                    input_pattern=_pattern(row["input_pattern"]),
                    output_pattern=_pattern(row["output_pattern"]),
                    resets=tuple(row["resets"]),
                    controls=tuple(row["controls"]),
                    levels=row["levels"],
                    counts=tuple(row["counts"]),
                )
                for index, row in enumerate(about["phases"])
            )
        widths = about["input_bits"], about["output_bits"]
        return cls(*widths, phases, about["patience"], about["controls"], about["levels"], about["every_input"])


@dataclass
class PhaseResult:
    """What was counted on the wires in one phase.

    Attributes
    ----------
    beats, transactions
        Transfers on the input and on the output.
    input_stalls, output_stalls
        Cycles with valid and without ready.
    input_gaps, output_gaps
        Cycles in which the source still had inputs and offered none; cycles in which the sink was ready in vain.
    cycles
        From the first cycle of traffic to the last expected output, the runs cut off by a reset included.
    resets, discarded
        Resets in the middle, and the results that they discarded of dot products or tiles whose last step was taken.
    mismatches
        Outputs that differ from the expectation.
    """

    name: str
    beats: int = 0
    transactions: int = 0
    input_stalls: int = 0
    output_stalls: int = 0
    input_gaps: int = 0
    output_gaps: int = 0
    cycles: int = 0
    resets: int = 0
    discarded: int = 0
    mismatches: int = 0


@dataclass(frozen=True)
class Mismatch:
    """An output payload that differs from the expected one; ``index`` counts the outputs of the phase."""

    index: int
    got: int
    expected: int


@dataclass
class Outcome:
    """What the bench writes: the counts of each phase that ran, and how the first failing one failed."""

    phases: list[PhaseResult] = field(default_factory=list)
    failure: str | None = None
    mismatches: list[Mismatch] = field(default_factory=list)

    def add_mismatches(self, phase: Phase, wrong: Sequence[tuple[int, int]]) -> None:
        """Count outputs (index, payload) of the last phase that differ from the expected ones, and keep the first."""
        self.phases[-1].mismatches += len(wrong)
        for index, got in wrong[: KEPT_MISMATCHES - len(self.mismatches)]:
            self.mismatches.append(Mismatch(index, got, phase.expected[index]))

    def save(self, path: Path) -> None:
        """Write the outcome as JSON."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Outcome:
        """Read what ``save`` wrote."""
        fields = json.loads(path.read_text(encoding="utf-8"))
        return cls(
            phases=[PhaseResult(**row) for row in fields["phases"]],
            failure=fields["failure"],
            mismatches=[Mismatch(**row) for row in fields["mismatches"]],
        )


def _pattern(fields: dict[str, Any]) -> Pattern:
    return Pattern(**{**fields, "decisions": tuple(fields["decisions"])})
