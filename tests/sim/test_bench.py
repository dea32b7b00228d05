"""The bench counts what is on the wires, passes a correct unit and catches every broken one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bitmill.sim.job import Job, Phase
from bitmill.sim.pattern import Pattern
from bitmill.sim.runner import SimulationError, simulate

TOP = "bitmill_top"


@pytest.fixture
def mac_job(mac_layout, mac_traffic):
    inputs, expected = mac_traffic(11)
    stalls = Pattern("random", 0.4, seed=1), Pattern("random", 0.5, seed=2)
    phases = (
        Phase("back-to-back", inputs, expected),
        Phase("random stalls", inputs, expected, *stalls),
        Phase("reset", inputs, expected, output_pattern=stalls[1], resets=(6, 23)),
    )
    return Job(mac_layout.input_bits, mac_layout.output_bits, phases, patience=100)


def test_counts_of_a_known_pattern(passthrough: tuple[str, Job]) -> None:
    verilog, job = passthrough
    result = simulate(verilog, TOP, job)
    counts = result.phases[0]
    assert (counts.beats, counts.transactions, counts.cycles) == (6, 6, 13)
    assert (counts.input_stalls, counts.output_stalls) == (5, 5)
    assert (counts.input_gaps, counts.output_gaps) == (2, 1)


def test_correct_unit_passes(int4_mac: str, mac_job: Job) -> None:
    steady, stalled, reset = simulate(int4_mac, TOP, mac_job).phases
    assert steady.beats == len(mac_job.phases[0].inputs) == 50
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
    "beat dropped under stall": ("i_ready = advance", "i_ready = 1'b1", "wrong outputs|no transfer"),
    "payload taken without valid": ("if (full) begin", "if (1'b1) begin", "wrong outputs|o_payload is .*X"),
    "valid falls": ("wire advance = !o_valid | o_ready;", "wire advance = 1'b1;", "valid fell|payload changed"),
    "payload changes": ("if (rst) begin", "if (o_valid & !o_ready) o_payload[0] <= !o_payload[0]; if (rst) begin",
                        "o_payload changed while stalled, from 0x"),
    "payload unknown": ("{too_long, 1'b0, total}", "{too_long, 1'bx, total}", "o_payload is .*X.* while valid"),
    "valid unknown": ("full <= i_valid;", "full <= i_valid ? 1'b1 : 1'bx;", "o_valid is X after reset"),
    "ready unknown": ("i_ready = advance", "i_ready = o_valid ? o_ready : 1'bz", "i_ready is Z after reset"),
    "never ready": ("wire advance = !o_valid | o_ready;", "wire advance = 1'b0;",
                    "no transfer for 100 cycles .* 0 of 50 inputs"),
    "never valid": ("o_valid <= full & last;", "o_valid <= 1'b0;", "no transfer for 100 cycles .* 0 of 12 outputs"),
    "output too many": ("o_valid <= full & last;", "o_valid <= full & (last | product == 8'sd64);",
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
    broken: Callable[[str, str], str], mac_job: Job, original: str, replacement: str, message: str
) -> None:
    with pytest.raises(SimulationError, match=message):
        simulate(broken(original, replacement), TOP, mac_job)
