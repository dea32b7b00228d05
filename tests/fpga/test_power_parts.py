"""Power of parts: a unit whose parts are told apart by hand, and real lanes whose parts add up to the whole."""

from __future__ import annotations

import numpy as np
import pytest

from bitmill import MacConfig
from bitmill.fpga.liberty import read_library
from bitmill.fpga.power_parts import POWER_GROUPS, POWER_PARTS, instance_category, parts_power
from bitmill.hdl.emit import verilog

CYCLES = 64
TWO = """
module top(input clk, input [3:0] a, input [3:0] b, output reg [4:0] y, output reg z);
  wire [4:0] sum; wire odd; reg [3:0] p, q;
  \\top.adder  accumulate (.a(p), .b(q), .y(sum));
  \\top.parity  align3 (.a(p), .y(odd));
  always @(posedge clk) begin p <= a; q <= b; y <= sum; z <= odd; end
endmodule
module \\top.adder (input [3:0] a, input [3:0] b, output [4:0] y); assign y = a + b; endmodule
module \\top.parity (input [3:0] a, output y); assign y = ^a; endmodule
"""
GROUPS = {"adder": "accumulate", "accumulate": "accumulate", "parity": "align", "align": "align"}


def drawn(**stimulus):
    return parts_power(TWO, "top", read_library(), period_ns=20.0, stimulus=stimulus, groups=GROUPS)


def test_parts_of_a_unit_draw_when_their_inputs_move():
    rng = np.random.default_rng(3)
    moving, still = rng.integers(0, 16, CYCLES).tolist(), [0] * CYCLES
    both, adder, none = drawn(a=moving, b=still), drawn(a=still, b=moving), drawn(a=still, b=still)
    assert both.parts["align"] > 0.02 * both.parts["accumulate"] > 0
    # The parity reads the first operand alone.
    assert adder.parts["align"] < 1e-3 * adder.parts["accumulate"]
    assert adder.parts["control"] == both.parts["control"] == 0
    assert none.parts["registers"] > 100 * (none.parts["accumulate"] + none.parts["align"])
    assert none.parts["registers"] < adder.parts["registers"]
    for found in (both, adder, none):
        assert tuple(found.parts) == POWER_PARTS
        assert sum(found.parts.values()) == pytest.approx(found.power.sequential + found.power.combinational)
        assert found.parts["registers"] == found.power.sequential


@pytest.mark.parametrize(
    ("name", "category"),
    [
        ("_12_", "control"), ("lane0._3_", "control"), ("lane0.multiply._4_", "multiply"),
        ("lane7.decode_weight._4_", "multiply"),
        ("lane1.align._0_", "align"), ("reduce._1_", "accumulate"), ("accumulate._1_", "accumulate"),
        ("lane0.multiply.tree._1_", "multiply"), ("guard._1_", "control"), ("multiply", "control"),
    ],
)  # fmt: skip
def test_the_path_of_a_cell_tells_its_part(name, category):
    assert instance_category(name, POWER_GROUPS) == category


def test_every_part_of_a_lane_draws():
    config = MacConfig(weight="E2M1", activation="E2M1", unit="mac", k_max=64)
    text = verilog.emit(config)
    rng = np.random.default_rng(5)
    stimulus = {
        "i_payload": [int(code) for code in rng.integers(0, 256, CYCLES)], "i_valid": [1] * CYCLES, "o_ready": [1] * CYCLES,
    }  # fmt: skip
    found = parts_power(text, verilog.TOP, read_library(), period_ns=20.0, stimulus=stimulus)
    assert all(watts > 0 for watts in found.parts.values())
    assert sum(found.parts.values()) == pytest.approx(found.power.sequential + found.power.combinational)
    assert not found.mapped.clock_gating
    # Keeping borders costs gates, and changes no register.
    assert found.kept.sequential == pytest.approx(found.power.sequential, rel=0.1)
    assert found.kept.energy_pj == pytest.approx(found.power.energy_pj, rel=0.1)
