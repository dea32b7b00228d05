"""Job and outcome files give back what was saved."""

from __future__ import annotations

from pathlib import Path

from bitmill.sim.job import Job, Mismatch, Outcome, Phase, PhaseResult
from bitmill.sim.pattern import Pattern


def test_job_round_trip(tmp_path: Path) -> None:
    phases = (
        Phase("wide", [0, (1 << 513) - 1, 1 << 512], [5], Pattern("random", 0.25, seed=4), resets=(1, 3)),
        Phase("directed", [1], [], output_pattern=Pattern("directed", decisions=(True, False))),
        Phase("told", [1], [], controls=({"constants": 1 << 99}, {"constants": 0}), levels={"error": 1}, counts=(2, 0)),
    )
    job = Job(513, 3, phases, patience=77, controls={"constants": 100}, levels={"error": 1})
    job.save(tmp_path / "job.npz")
    assert Job.load(tmp_path / "job.npz") == job


def test_outcome_round_trip(tmp_path: Path) -> None:
    outcome = Outcome([PhaseResult("a", beats=3, mismatches=1)], "1 wrong outputs", [Mismatch(0, 1 << 99, 2)])
    outcome.save(tmp_path / "result.json")
    assert Outcome.load(tmp_path / "result.json") == outcome
