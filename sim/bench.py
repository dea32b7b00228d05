"""The cocotb test that the simulator runs: plays a job on the top module and writes what it counted."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge

from . import failures
from .job import JOB_VARIABLE, PROGRESS_VARIABLE, RESULT_VARIABLE, Job, Outcome, Phase, PhaseResult
from .stream import StreamDriver, StreamMonitor

_TOLD_CYCLES = 64
"""Cycles after which the file of the progress is written anew."""


class BenchError(AssertionError):
    """The design hung, gave too many outputs, or wrong ones."""


class _Bench:
    """The top module with its clock, reset and two streams."""

    def __init__(self, dut: Any, job: Job) -> None:
        self.job = job
        self.source = StreamDriver(dut, "i", job.input_bits)
        self.sink = StreamMonitor(dut, "o")
        self._edge = RisingEdge(dut.clk)
        self._rst = dut.rst
        self._controls = {name: getattr(dut, name) for name in job.controls}
        self._levels = {name: getattr(dut, name) for name in job.levels}
        for control in self._controls.values():
            control.value = 0
        self._transfers = self._last_transfer = 0
        self.taken = 0
        self._told = Path(os.environ[PROGRESS_VARIABLE]) if PROGRESS_VARIABLE in os.environ else None
        Clock(dut.clk, 10, unit="ns").start()

    async def reset(self) -> None:
        """One cycle of reset, which must be enough; traffic may start in the next one."""
        self.source.stop()
        self.sink.stop()
        self._rst.value = 1
        await self._edge
        self._rst.value = 0

    async def set_controls(self, controls: Sequence[Mapping[str, int]]) -> None:
        """A clock cycle for each mapping of names to values; what is set stays."""
        for cycle in controls:
            for name, value in cycle.items():
                self._controls[name].value = value
            await self._edge

    def check_levels(self, phase: Phase) -> None:
        """Outputs beside the streams are what they must be."""
        for name, expected in phase.levels.items():
            level = int(self._levels[name].value)
            if level != expected:
                raise BenchError(failures.wrong_level(name, level, expected))

    async def run(self, phase: Phase, counts: PhaseResult, *, beats: int | None = None) -> None:
        """Run traffic until every expected output has come, or until ``beats`` inputs were taken."""
        source, sink, edge = self.source, self.sink, self._edge
        expected = len(phase.expected)
        first_beat, first_cycle = source.transactions, counts.cycles
        self._transfers = self._last_transfer = 0
        source.start(phase.inputs, phase.input_pattern)
        sink.start(phase.output_pattern)
        try:
            while len(sink.received) < expected if beats is None else source.transactions - first_beat < beats:
                await edge
                counts.cycles += 1
                source.edge()
                sink.edge()
                self._check_progress(phase, counts.cycles - first_cycle, source.transactions - first_beat)
                if self._told is not None and counts.cycles % _TOLD_CYCLES == 0:
                    self._told.write_text(str(self.taken + source.transactions - first_beat), encoding="utf-8")
        finally:
            counts.beats, counts.input_stalls, counts.input_gaps = source.transactions, source.stalls, source.gaps
            counts.transactions, counts.output_stalls, counts.output_gaps = sink.transactions, sink.stalls, sink.gaps
        if beats is None:
            await self._drain(phase, first_beat)

    def _check_progress(self, phase: Phase, cycles: int, beats: int) -> None:
        received = self.sink.received
        if len(received) > len(phase.expected):
            raise BenchError(failures.too_many_outputs(phase, received[-1]))
        transfers = beats + len(received)
        if transfers != self._transfers:
            self._transfers, self._last_transfer = transfers, cycles
        elif cycles - self._last_transfer > self.job.patience:
            last = self._last_transfer
            raise BenchError(failures.hung(phase, self.job.patience, last, beats, len(received)))

    async def _drain(self, phase: Phase, first_beat: int) -> None:
        for _ in range(failures.DRAIN_CYCLES):
            await self._edge
            self.source.edge()
            self.sink.edge()
            self._check_progress(phase, 0, len(phase.inputs))
        beats = self.source.transactions - first_beat
        if beats != len(phase.inputs):
            raise BenchError(failures.inputs_left(phase, beats))


def _last_flags(phase: Phase, job: Job) -> list[bool]:
    return [job.every_input or bool(payload >> (job.input_bits - 1)) for payload in phase.inputs]


async def _run_phase(bench: _Bench, phase: Phase, outcome: Outcome) -> None:
    counts = PhaseResult(phase.name)
    outcome.phases.append(counts)
    bench.source.clear_counts()
    bench.sink.clear_counts()
    last_flags = _last_flags(phase, bench.job)
    await bench.set_controls(phase.controls)
    for beats in (*phase.resets, None):
        try:
            await bench.run(phase, counts, beats=beats)
        finally:
            pairs = enumerate(zip(bench.sink.received, phase.expected, strict=False))
            outcome.add_mismatches(phase, [(index, got) for index, (got, expected) in pairs if got != expected])
        if beats is not None:
            # Units without rows may have given more than whole rows.
            owed = phase.owed(sum(last_flags[:beats]), sum(last_flags))
            counts.discarded += max(0, owed - len(bench.sink.received))
            counts.resets += 1
            await bench.reset()
    bench.taken += len(phase.inputs)
    if counts.mismatches:
        raise BenchError(failures.wrong_outputs(counts.mismatches))
    bench.check_levels(phase)


@cocotb.test()
async def play_job(dut: Any) -> None:
    """Run the phases in order; the first that fails ends the run."""
    job = Job.load(Path(os.environ[JOB_VARIABLE]))
    outcome = Outcome()
    try:
        bench = _Bench(dut, job)
        await RisingEdge(dut.clk)
        await bench.reset()
        for phase in job.phases:
            await _run_phase(bench, phase, outcome)
    except Exception as error:
        expected = isinstance(error, AssertionError)
        outcome.failure = str(error) if expected else f"{type(error).__name__}: {error}"
        raise
    finally:
        outcome.save(Path(os.environ[RESULT_VARIABLE]))
