"""Plays jobs on the compiled design and counts exactly what the cocotb bench counts."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

import numpy as np

from ...system.errors import BitmillError
from .. import failures
from ..job import Job, Outcome, Phase, PhaseResult
from ..pattern import Pattern
from ..rows import PayloadRows
from ..runner import SimResult, SimulationError
from .library import Run, Status, build_library, load_library

BATCH = 16384
"""Clock cycles of one call into the library: Ctrl-C, the timeout and progress wait no longer than these take."""

Progress = Callable[[int, int], None]
"""Called after each batch with the input transfers done and those of the whole job."""


class _DesignError(Exception):
    """The design failed the job."""


class CompiledSimulation:
    """A design compiled for simulation with payloads of given widths; any number of jobs can be run on it.

    CXXRTL knows two states only: an X or Z in the design is not seen, and registers start with the initial values of
    the Verilog or with 0. Text that the design prints and its assertions are not judged either. What X would show is
    the business of the engine ``cocotb``.

    The library is built once per content (Verilog, versions of Yosys and the compiler, our driver) and kept in the
    cache directory, where other processes find it too. Building takes seconds; each ``run`` begins with a fresh design.

    Parameters
    ----------
    verilog
        Text that holds the module ``top`` with the ports clk, rst, i_payload, i_valid, i_ready, o_payload,
        o_valid, o_ready. Other outputs are ignored.
    top
        Name of the top module.
    input_bits, output_bits
        Widths of the two payloads.
    controls, levels
        Names and widths of inputs and outputs beside these that jobs set and look at.
    timeout
        Seconds after which the compiler is ended.

    Raises
    ------
    BitmillError
        If Yosys or a C++ compiler is missing or fails, or a port is missing or has another width.
    """

    def __init__(
        self,
        verilog: str,
        top: str,
        *,
        input_bits: int,
        output_bits: int,
        controls: Mapping[str, int] | None = None,
        levels: Mapping[str, int] | None = None,
        timeout: float | None = None,
    ) -> None:
        self.input_bits = input_bits
        self.output_bits = output_bits
        self.controls = dict(controls or {})
        self.levels = dict(levels or {})
        stream = dict.fromkeys(("clk", "rst", "i_valid", "i_ready", "o_valid", "o_ready"), 1)
        widths = {**stream, "i_payload": input_bits, "o_payload": output_bits}
        found = build_library(verilog, top, widths, controls=self.controls, levels=self.levels, timeout=timeout)
        self.path = found.path
        self._library = load_library(found)

    def run(self, job: Job, *, progress: Progress | None = None, timeout: float | None = None) -> Outcome:
        """Play a job and return what was counted; a failure of the design is in ``Outcome.failure``.

        Parameters
        ----------
        job
            Phases of inputs with expected outputs; ``PayloadRows`` for many of them.
        progress
            Called after each batch of cycles.
        timeout
            Seconds after which the run is given up.

        Raises
        ------
        BitmillError
            If the job's widths are not those of the design, or the time is over.
        """
        if (job.input_bits, job.output_bits) != (self.input_bits, self.output_bits):
            raise BitmillError(
                f"job must have payloads of {self.input_bits} and {self.output_bits} bits, "
                f"not {job.input_bits} and {job.output_bits}"
            )
        if (dict(job.controls), dict(job.levels)) != (self.controls, self.levels):
            raise BitmillError(
                f"job must set {self.controls} and look at {self.levels}, not {dict(job.controls)} and {dict(job.levels)}"
            )
        outcome = Outcome()
        handle = self._library.create()
        try:
            player = _Player(self, handle, job, progress, timeout)
            self._library.idle(handle)
            self._library.reset(handle)
            for phase in job.phases:
                player.run_phase(phase, outcome)
        except _DesignError as failure:
            outcome.failure = str(failure)
        finally:
            self._library.destroy(handle)
        return outcome


class _Player:
    """One job on one fresh design."""

    def __init__(
        self, simulation: CompiledSimulation, handle: int, job: Job, progress: Progress | None, timeout: float | None
    ) -> None:
        self._library: Any = simulation._library
        self._handle = handle
        self._job = job
        self._progress = progress
        self._timeout = timeout
        self._deadline = None if timeout is None else time.monotonic() + timeout
        self._total = sum(len(phase.inputs) + sum(phase.resets) for phase in job.phases)
        self._before = 0
        self._controls = _numbered(job.controls)
        self._levels = _numbered(job.levels)
        self._output_bytes = (job.output_bits + 7) // 8

    def run_phase(self, phase: Phase, outcome: Outcome) -> None:
        """Run a phase with its resets; raises ``_DesignError`` when the design fails it."""
        counts = PhaseResult(phase.name)
        outcome.phases.append(counts)
        inputs = PayloadRows.of(phase.inputs, self._job.input_bits).rows
        expected = PayloadRows.of(phase.expected, self._job.output_bits).rows
        last_flags = inputs[:, -1] >> ((self._job.input_bits - 1) % 8)
        if self._job.every_input:
            last_flags = np.ones_like(last_flags)
        self._set_controls(phase)
        for beats in (*phase.resets, None):
            received = np.zeros((len(expected) + 1, self._output_bytes), np.uint8)
            run = Run(
                inputs=inputs.ctypes.data,
                received=received.ctypes.data,
                input_count=len(inputs),
                expected_count=len(expected),
                wanted_beats=-1 if beats is None else beats,
                patience=self._job.patience,
            )
            try:
                self._play(phase, run, counts)
            finally:
                # Like the bench: what failed is compared and counted as well.
                kept = received[: min(run.received_count, len(expected))]
                wrong = np.flatnonzero((kept != expected[: len(kept)]).any(axis=1))
                outcome.add_mismatches(phase, [(int(i), int.from_bytes(kept[i].tobytes(), "little")) for i in wrong])
            if beats is not None:
                owed = phase.owed(int(last_flags[:beats].sum()), int(last_flags.sum()))
                counts.discarded += max(0, owed - run.received_count)
                counts.resets += 1
                self._library.reset(self._handle)
        if counts.mismatches:
            raise _DesignError(failures.wrong_outputs(counts.mismatches))
        self._check_levels(phase)

    def _set_controls(self, phase: Phase) -> None:
        for cycle in phase.controls:
            for name, value in cycle.items():
                index, width = self._controls[name]
                self._library.set(self._handle, index, value.to_bytes((width + 7) // 8, "little"))
            self._library.idle(self._handle)

    def _check_levels(self, phase: Phase) -> None:
        for name, expected in phase.levels.items():
            index, width = self._levels[name]
            held = ctypes.create_string_buffer((width + 7) // 8)
            self._library.get(self._handle, index, held)
            level = int.from_bytes(held.raw, "little")
            if level != expected:
                raise _DesignError(failures.wrong_level(name, level, expected))

    def _play(self, phase: Phase, run: Run, counts: PhaseResult) -> None:
        source, sink = _Decisions(phase.input_pattern), _Decisions(phase.output_pattern)
        before = {name: getattr(counts, name) for name in _COUNTED}
        status = Status.MORE
        try:
            while status == Status.MORE:
                source.hand_over(run, "input")
                sink.hand_over(run, "output")
                status = Status(self._library.play(self._handle, ctypes.byref(run), BATCH))
                self._tell(run)
        finally:
            for name, value in before.items():
                setattr(counts, name, value + getattr(run, name))
        if status == Status.DONE and run.wanted_beats < 0:
            source.hand_over(run, "input")
            sink.hand_over(run, "output")
            status = Status(self._library.drain(self._handle, ctypes.byref(run), failures.DRAIN_CYCLES))
        if status != Status.DONE:
            raise _DesignError(self._describe(status, phase, run))
        self._before += run.beats

    def _tell(self, run: Run) -> None:
        if self._progress is not None:
            self._progress(self._before + run.beats, self._total)
        if self._deadline is not None and time.monotonic() > self._deadline:
            raise BitmillError(f"compiled simulation: not finished after {self._timeout:g} s, ended")

    def _describe(self, status: Status, phase: Phase, run: Run) -> str:
        held, latest = self._payload(self._library.held), self._payload(self._library.latest)
        match status:
            case Status.VALID_FELL:
                return failures.valid_fell("o")
            case Status.PAYLOAD_CHANGED:
                return failures.payload_changed("o", held, latest)
            case Status.TOO_MANY:
                return failures.too_many_outputs(phase, latest)
            case Status.HUNG:
                patience = self._job.patience
                return failures.hung(phase, patience, run.last_transfer, run.beats, run.received_count)
            case Status.INPUTS_LEFT:
                return failures.inputs_left(phase, run.beats)
            case _:
                return "the design does not settle: it has a combinational loop that swings"

    def _payload(self, function: Any) -> int:
        return int.from_bytes(ctypes.string_at(function(self._handle), self._output_bytes), "little")


def _numbered(widths: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """Place and width of each port, by name."""
    return {name: (place, width) for place, (name, width) in enumerate(widths.items())}


_COUNTED = ("cycles", "beats", "transactions", "input_stalls", "output_stalls", "input_gaps", "output_gaps")


class _Decisions:
    """The decisions of a pattern, drawn as they are needed: always enough of them for one more batch."""

    _SIZE = BATCH + failures.DRAIN_CYCLES + 1

    def __init__(self, pattern: Pattern) -> None:
        self._always = pattern.never_stalls
        self._goes = iter(pattern)
        self._ahead = np.zeros(0, np.uint8)

    def hand_over(self, run: Run, side: str) -> None:
        """Drop the decisions that ``side`` of ``run`` has used up, and let it have the next ones."""
        if self._always:
            return
        left = self._ahead[getattr(run, f"{side}_used") :]
        missing = self._SIZE - len(left)
        self._ahead = np.concatenate([left, np.fromiter(islice(self._goes, missing), np.uint8, missing)])
        setattr(run, f"{side}_used", 0)
        setattr(run, f"{side}_go", self._ahead.ctypes.data)


def simulate_compiled(
    verilog: str, top: str, job: Job, *, timeout: float | None = 3600.0, progress: Progress | None = None
) -> SimResult:
    """Play ``job`` on module ``top`` in compiled simulation; the same counts as ``sim.runner.simulate``.

    Parameters
    ----------
    verilog, top
        As for ``CompiledSimulation``.
    job
        Phases of inputs with expected outputs.
    timeout
        Seconds after which the compiler, and then the run, is ended.
    progress
        Called after each batch of cycles with the inputs taken and those of the whole job.

    Raises
    ------
    SimulationError
        If an output is wrong, missing or too many, or the protocol is broken.
    BitmillError
        If a tool is missing or fails, a port is missing, or the time is over.
    """
    start = time.monotonic()
    simulation = CompiledSimulation(
        verilog,
        top,
        input_bits=job.input_bits,
        output_bits=job.output_bits,
        controls=job.controls,
        levels=job.levels,
        timeout=timeout,
    )
    outcome = simulation.run(job, progress=progress, timeout=timeout)
    if outcome.failure is not None:
        raise SimulationError(f"{outcome.phases[-1].name}: {outcome.failure}", outcome=outcome)
    return SimResult(tuple(outcome.phases), "", time.monotonic() - start)
