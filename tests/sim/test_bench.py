"""The bench counts what is on the wires, passes a correct unit and catches every broken one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bitmill.sim.job import Job, Phase
from bitmill.sim.pattern import Pattern
from bitmill.sim.payload import Output, PayloadLayout
from bitmill.sim.runner import SimulationError, simulate

TOP = "bitmill_top"
LAYOUT = PayloadLayout(4, 4, 1, 11, value_signed=True)


def _mac_job() -> Job:
    """Dot products of INT4 codes with sums by plain integers: some at most 8 long, one of 9 that is too long."""
    rng = np.random.default_rng(11)
    inputs: list[int] = []
    expected: list[int] = []
    for length in (1, 8, 3, 9, 1, 1, 2, 5, 8, 1, 4, 7):
        weights, activations = rng.integers(-8, 8, (2, length, 1))
        if length == 8:
            weights[:], activations[:] = -8, -8
        last = np.arange(length) == length - 1
        inputs += LAYOUT.pack_steps(weights & 15, activations & 15, last)
        expected.append(LAYOUT.pack_output(Output(int((weights * activations).sum()), False, length > 8)))
    stalls = Pattern("random", 0.4, seed=1), Pattern("random", 0.5, seed=2)
    phases = (
        Phase("back-to-back", inputs, expected),
        Phase("random stalls", inputs, expected, *stalls),
        Phase("reset", inputs, expected, output_pattern=stalls[1], resets=(6, 23)),
    )
    return Job(LAYOUT.input_bits, LAYOUT.output_bits, phases, patience=100)


def test_counts_of_a_known_pattern() -> None:
    """Wires only, so ready and valid of both sides are those of the patterns.

    Source offers 1 2 - 3 4 - 5 6 (- is a gap), the sink's ready is 1 0 0 1 repeated. Cycle by cycle: 1 taken; 2 stalls
    twice, taken; gap with the sink ready; 3 stalls twice, taken; 4 taken; gap with the sink not ready; 5 stalls once,
    taken; 6 taken: 6 transfers, 5 stalls, 2 source gaps and 1 sink gap in 13 cycles.
    """
    source = Pattern("directed", decisions=(True, True, False))
    sink = Pattern("directed", decisions=(True, False, False, True))
    verilog = Path(__file__).with_name("passthrough.v").read_text(encoding="utf-8")
    payloads = [1, 2, 3, 4, 5, 6]
    result = simulate(verilog, TOP, Job(8, 8, (Phase("known", payloads, payloads, source, sink),)))
    counts = result.phases[0]
    assert (counts.beats, counts.transactions, counts.cycles) == (6, 6, 13)
    assert (counts.input_stalls, counts.output_stalls) == (5, 5)
    assert (counts.input_gaps, counts.output_gaps) == (2, 1)


def test_correct_unit_passes(int4_mac: str) -> None:
    job = _mac_job()
    steady, stalled, reset = simulate(int4_mac, TOP, job).phases
    assert steady.beats == len(job.phases[0].inputs) == 50
    assert steady.transactions == 12
    assert steady.cycles == 50 + 2
    assert steady.input_stalls == steady.output_stalls == steady.input_gaps == 0
    assert stalled.output_stalls > 0
    assert stalled.input_gaps > 0
    # Until the last input is taken every cycle is a transfer, a stall or a gap of the source; then the output follows.
    assert 2 <= stalled.cycles - (stalled.beats + stalled.input_stalls + stalled.input_gaps) < 20
    assert (reset.resets, reset.beats) == (2, 50 + 6 + 23)
    assert reset.discarded >= 2


FAULTS = {
    "wrong sum": ("sum + product;", "sum + product + (product == 8'sd64);", "wrong outputs"),
    "sum not cleared": ("sum <= last ? 11'd0 : total;", "sum <= total;", "wrong outputs"),
    "flag missing": ("steps > 4'd7", "1'b0", "wrong outputs"),
    "beat dropped under stall": ("i__ready = advance", "i__ready = 1'b1", "wrong outputs|no transfer"),
    "payload taken without valid": ("if (full) begin", "if (1'b1) begin", "wrong outputs|o__payload is .*X"),
    "valid falls": ("wire advance = !o__valid | o__ready;", "wire advance = 1'b1;", "valid fell|payload changed"),
    "payload changes": ("if (rst) begin", "if (o__valid & !o__ready) o__payload[0] <= !o__payload[0]; if (rst) begin",
                        "o__payload changed while stalled, from 0x"),
    "payload unknown": ("{too_long, 1'b0, total}", "{too_long, 1'bx, total}", "o__payload is .*X.* while valid"),
    "valid unknown": ("full <= i__valid;", "full <= i__valid ? 1'b1 : 1'bx;", "o__valid is X after reset"),
    "ready unknown": ("i__ready = advance", "i__ready = o__valid ? o__ready : 1'bz", "i__ready is Z after reset"),
    "never ready": ("wire advance = !o__valid | o__ready;", "wire advance = 1'b0;",
                    "no transfer for 100 cycles .* 0 of 50 inputs"),
    "never valid": ("o__valid <= full & last;", "o__valid <= 1'b0;", "no transfer for 100 cycles .* 0 of 12 outputs"),
    "output too many": ("o__valid <= full & last;", "o__valid <= full & (last | product == 8'sd64);",
                        "wrong outputs|more outputs than the 12 expected"),
    "sum survives reset": ("      sum <= 11'd0;\n", "", "reset: .*wrong outputs"),
    "output survives reset": ("      full <= 1'b0;\n", "", "wrong outputs|more outputs"),
}  # fmt: skip


SIMILAR = {"sum not cleared", "flag missing", "valid unknown", "never valid", "output too many"}
"""Faults that are caught like others are, left to the long tests."""


@pytest.mark.parametrize(
    ("original", "replacement", "message"),
    [
        pytest.param(*fault, id=name, marks=[pytest.mark.long] if name in SIMILAR else [])
        for name, fault in FAULTS.items()
    ],
)
def test_broken_unit_is_caught(
    broken: Callable[[str, str], str], original: str, replacement: str, message: str
) -> None:
    with pytest.raises(SimulationError, match=message):
        simulate(broken(original, replacement), TOP, _mac_job())
