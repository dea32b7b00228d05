"""The compiled engine and the cocotb bench give the same outcome for the same job, passed or failed."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from bitmill import FloatAccumulator, MacConfig
from bitmill.sim import verify
from bitmill.sim.compiled import CompiledSimulation
from bitmill.sim.job import Job, Outcome, Phase
from bitmill.sim.netlist import NetlistKind
from bitmill.sim.pattern import BACK_TO_BACK, Pattern
from bitmill.sim.payload import PayloadLayout
from bitmill.sim.rows import PayloadRows
from bitmill.sim.runner import SimulationError, simulate

TOP = "bitmill_top"


def _by_cocotb(verilog: str, job: Job) -> Outcome:
    try:
        return Outcome(list(simulate(verilog, TOP, job).phases))
    except SimulationError as failure:
        return failure.outcome


def _compiled(verilog: str, job: Job) -> Outcome:
    return CompiledSimulation(verilog, TOP, input_bits=job.input_bits, output_bits=job.output_bits).run(job)


@pytest.fixture(scope="session")
def mac_job(mac_layout, mac_traffic):
    return lambda seed: _mac_job(seed, mac_layout, *mac_traffic(seed))


def _mac_job(seed: int, layout: PayloadLayout, inputs: list[int], expected: list[int]) -> Job:
    stalls = Pattern("random", 0.4, seed=seed + 1), Pattern("random", 0.5, seed=seed + 2)
    bursts = Pattern("bursty", 0.3, 5.0, seed=seed + 3), Pattern("bursty", 0.5, 4.0, seed=seed + 4)
    phases = (
        Phase("back-to-back", inputs, expected),
        Phase("random stalls", inputs, expected, *stalls),
        Phase("bursts", inputs, expected, *bursts),
        Phase("directed", inputs, expected, Pattern("directed", decisions=(True, False, True)), BACK_TO_BACK),
        Phase("reset", inputs, expected, output_pattern=stalls[1], resets=(6, 23)),
        Phase("reset in stalls", inputs, expected, *bursts, resets=(1, 50)),
    )
    return Job(layout.input_bits, layout.output_bits, phases, patience=100)


def test_passed_job_has_equal_counts(int4_mac: str, mac_job: Callable[[int], Job]) -> None:
    for seed in (11, 12):
        job = mac_job(seed)
        compiled = _compiled(int4_mac, job)
        assert compiled.failure is None
        assert compiled == _by_cocotb(int4_mac, job)
        assert compiled.phases[4].resets == 2
        assert compiled.phases[1].output_stalls > 0


FAULTS = {
    "wrong sum": ("sum + product;", "sum + product + (product == 8'sd64);", "wrong outputs"),
    "flag missing": ("steps > 4'd7", "1'b0", "wrong outputs"),
    "beat dropped under stall": ("i_ready = advance", "i_ready = 1'b1", "wrong outputs|no transfer"),
    "valid falls": ("wire advance = !o_valid | o_ready;", "wire advance = 1'b1;", "valid fell|payload changed"),
    "payload changes": ("if (rst) begin", "if (o_valid & !o_ready) o_payload[0] <= !o_payload[0]; if (rst) begin",
                        "o_payload changed while stalled, from 0x"),
    "never ready": ("wire advance = !o_valid | o_ready;", "wire advance = 1'b0;",
                    "no transfer for 100 cycles after cycle 0, with 0 of 50 inputs"),
    "never valid": ("o_valid <= full & last;", "o_valid <= 1'b0;", "no transfer for 100 cycles .* 0 of 12 outputs"),
    "output too many": ("o_valid <= full & last;", "o_valid <= full;", "more outputs than the 12 expected, first 0x"),
    "sum survives reset": ("      sum <= 11'd0;\n", "", "wrong outputs"),
    "output survives reset": ("      full <= 1'b0;\n", "", "wrong outputs|more outputs"),
}  # fmt: skip


SIMILAR = {"flag missing", "beat dropped under stall", "never valid", "sum survives reset"}
"""Faults that fail like others do, left to the long tests."""


@pytest.mark.parametrize(
    ("original", "replacement", "message"),
    [
        pytest.param(*fault, id=name, marks=[pytest.mark.long] if name in SIMILAR else [])
        for name, fault in FAULTS.items()
    ],
)
def test_failed_job_has_equal_counts_and_message(
    broken: Callable[[str, str], str], mac_job: Callable[[int], Job], original: str, replacement: str, message: str
) -> None:
    job = mac_job(11)
    verilog = broken(original, replacement)
    compiled = _compiled(verilog, job)
    assert compiled.failure is not None
    assert re.search(message, compiled.failure)
    assert compiled == _by_cocotb(verilog, job)


def test_output_too_many_and_input_left_while_draining(int4_mac: str, mac_job: Callable[[int], Job]) -> None:
    """The last phase expects less than comes, or its last input is never asked for."""
    job = mac_job(11)
    phase = job.phases[1]
    short = replace(job, phases=(replace(phase, expected=phase.expected[:-1]),))
    left = replace(job, phases=(replace(phase, inputs=[*phase.inputs[:-1], *[0] * 60]),))
    for wrong, message in ((short, "more outputs than the 11"), (left, "no transfer|all outputs came after")):
        compiled = _compiled(int4_mac, wrong)
        assert re.search(message, str(compiled.failure))
        assert compiled == _by_cocotb(int4_mac, wrong)


def test_wires_only(passthrough: tuple[str, Job]) -> None:
    """Every path is combinational, so what a cycle sees depends on when values are sampled."""
    verilog, job = passthrough
    compiled = _compiled(verilog, job)
    counts = compiled.phases[0]
    assert (counts.beats, counts.transactions, counts.cycles) == (6, 6, 13)
    assert (counts.input_stalls, counts.output_stalls, counts.input_gaps, counts.output_gaps) == (5, 5, 2, 1)
    assert compiled == _by_cocotb(verilog, job)


PORTS = """
module bitmill_top(input clk, input rst, input [8:0] i_payload, input i_valid, output i_ready,
                   output [{top}:0] o_payload, output o_valid, input o_ready);
"""
SPY = f"""{PORTS.format(top=24)}
  reg [15:0] idle = 0;
  reg started = 0;
  assign i_ready = o_ready;
  assign o_valid = i_valid;
  assign o_payload = {{idle, i_payload}};
  always @(posedge clk) begin
    if (i_valid) started <= 1;
    else if (started) idle <= i_payload;
    if (rst) begin started <= 0; idle <= 0; end
  end
endmodule
"""
KEEPER = f"""{PORTS.format(top=8)}
  reg [8:0] first = 0;
  reg full = 0;
  assign i_ready = 1'b1;
  assign o_valid = full;
  assign o_payload = first;
  always @(posedge clk) begin
    if (i_valid & !full) first <= i_payload;
    full <= full ? !o_ready : i_valid;
    if (rst) full <= 0;
  end
endmodule
"""


def test_payload_without_valid_is_the_complement_of_the_last() -> None:
    """Each payload goes out with what stood on the wires in the gap before it."""
    payloads = [0x000, 0x1FF, 0x123, 0x0FE, 0x101]
    gaps = [0, *(payload ^ 0x1FF for payload in payloads[:-1])]
    expected = [gap << 9 | payload for gap, payload in zip(gaps, payloads, strict=True)]
    job = Job(9, 25, (Phase("gaps", payloads, expected, Pattern("directed", decisions=(True, False))),))
    compiled = _compiled(SPY, job)
    assert compiled.failure is None
    assert compiled == _by_cocotb(SPY, job)


def test_reset_may_withdraw_a_stalled_offer() -> None:
    """The unit takes inputs while its output waits, so the reset comes when the output is being offered."""
    sink = Pattern("directed", decisions=(*[False] * 8, True))
    job = Job(9, 9, (Phase("withdrawn", [5, 6, 7], [5], output_pattern=sink, resets=(3,)),))
    compiled = _compiled(KEEPER, job)
    assert compiled.failure is None
    assert compiled.phases[0].output_stalls > 1
    assert compiled == _by_cocotb(KEEPER, job)


def test_rows_of_bytes_are_the_same_job(int4_mac: str, mac_job: Callable[[int], Job]) -> None:
    job = mac_job(11)
    rows = replace(job, phases=tuple(
        replace(phase, inputs=PayloadRows.of(phase.inputs, 9), expected=PayloadRows.of(phase.expected, 13))
        for phase in job.phases
    ))  # fmt: skip
    assert _compiled(int4_mac, rows) == _compiled(int4_mac, job)


EMITTED = [
    MacConfig(weight="INT8", activation="INT8", unit="dot", lanes=32, k_max=256),
    MacConfig(weight="E2M1", activation="E5M2", unit="dot", lanes=9, k_max=64),
    MacConfig(weight="E3M2", activation="E3M2", k_max=8, accumulator=FloatAccumulator()),
]


@pytest.mark.parametrize("config", EMITTED, ids=lambda config: config.title)
def test_emitted_units_have_equal_counts(config: MacConfig) -> None:
    compiled, cocotb = (
        verify(config, seed=5, dot_products=30, corner_steps=64, engine=e) for e in ("compiled", "cocotb")
    )
    assert compiled.phases == cocotb.phases
    assert (compiled.engine, cocotb.engine) == ("compiled", "cocotb")


@pytest.mark.parametrize("kind", ["generic", "ecp5"])
def test_netlists_have_equal_counts(kind: NetlistKind) -> None:
    config = MacConfig(weight="E2M1", activation="E2M3", unit="dot", lanes=4, k_max=16)
    compiled, cocotb = (
        verify(config, seed=6, dot_products=20, corner_steps=16, engine=e, netlist=kind) for e in ("compiled", "cocotb")
    )
    assert compiled.phases == cocotb.phases
    assert compiled.level == kind
