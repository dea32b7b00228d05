"""Inputs and outputs beside the streams: both engines set and look at them alike."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bitmill.sim.engine import play
from bitmill.sim.job import Job, Phase
from bitmill.sim.pattern import Pattern
from bitmill.sim.runner import SimulationError
from bitmill.system.errors import BitmillError

# Adds what stands in a table that is written while `enable` is high; `error` once a sum was 7.
ADDER = """
module top(input clk, input rst, input [3:0] i_payload, input i_valid, output i_ready,
           output [3:0] o_payload, output o_valid, input o_ready, input enable, input [64:0] written, output reg error);
  reg [64:0] table_;
  assign o_payload = i_payload + table_[3:0] + table_[64:61];
  assign o_valid = i_valid;
  assign i_ready = o_ready;
  always @(posedge clk) begin
    if (enable) table_ <= written;
    if (i_valid & o_ready & o_payload == 7) error <= 1;
    if (rst) error <= 0;
  end
endmodule
"""
WRITTEN = ({"enable": 1, "written": 3}, {"enable": 1, "written": 2 << 61 | 3}, {"enable": 0, "written": 0})
STALLS = Pattern("random", 0.4, seed=1)
JOB = Job(
    4,
    4,
    (
        Phase("told", [1, 8], [6, 13], controls=WRITTEN, levels={"error": 0}),
        Phase("kept", [2, 8], [7, 13], STALLS, STALLS, resets=(1,), levels={"error": 1}, counts=(1, 1)),
    ),
    controls={"enable": 1, "written": 65},
    levels={"error": 1},
)


def test_both_engines_set_and_look_alike():
    first, second = (play(ADDER, "top", JOB, engine=engine).phases for engine in ("cocotb", "compiled"))
    assert first == second
    assert first[1].resets == 1


@pytest.mark.parametrize("engine", ["cocotb", "compiled"])
def test_a_level_that_is_wrong_fails(engine):
    wrong = replace(JOB, phases=(JOB.phases[0], replace(JOB.phases[1], levels={"error": 0})))
    with pytest.raises(SimulationError, match="kept: error is 0x1 instead of 0x0 in the end"):
        play(ADDER, "top", wrong, engine=engine)


def test_ports_that_are_not_there_are_refused():
    with pytest.raises(BitmillError, match="port written of module top must be 64 bits wide, not 65"):
        play(ADDER, "top", replace(JOB, controls={"enable": 1, "written": 64}), engine="compiled")


def test_results_of_rows_that_differ():
    assert [Phase("rows", [0], [0] * 9, counts=(2, 3, 4)).owed(taken, 3) for taken in range(4)] == [0, 2, 5, 9]
    assert [Phase("tiles", [0], [0] * 9).owed(taken, 3) for taken in range(4)] == [0, 3, 6, 9]
