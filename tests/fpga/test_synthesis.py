import json

import pytest

from bitmill import BitmillError
from bitmill.fpga import recipes
from bitmill.fpga.synthesis import booth_multipliers, netlist, synthesize
from bitmill.system import tools


@pytest.mark.parametrize(
    ("name", "target", "logic", "registers", "carry"),
    [
        ("nand", "generic", 1, 0, 0),
        ("nand", "ecp5", 1, 0, 0),
        ("nand", "ice40", 1, 0, 0),
        ("xor8", "generic", 8 * 2.5, 0, 0),
        ("xor8", "ecp5", 8, 0, 0),
        ("xor8", "ice40", 8, 0, 0),
        ("registered_and8", "ecp5", 3, 1, 0),
        ("registered_and8", "ice40", 3, 1, 0),
        ("add16", "ecp5", 2 * 8, 0, 8),
        ("add16", "ice40", 16, 0, 15),  # a carry out of every bit but the last
    ],
)
def test_cells_counted_by_hand(design, name, target, logic, registers, carry):
    counts = synthesize(design(name), "top", target).counts
    assert (counts.logic, counts.registers, counts.carry) == (logic, registers, carry)


def test_generic_registers_are_plain_and_their_enables_are_logic(design):
    counts = synthesize(design("enabled"), "top", "generic").counts
    assert counts.cells["$_DFF_P_"] == 4
    assert counts.logic >= 4 * 2.5, "four bits of enable multiplexer"


@pytest.mark.parametrize("target", ["ecp5", "ice40"])
def test_dsp_replaces_logic_only_when_allowed(design, target):
    without, with_dsp = (synthesize(design("multiply8"), "top", target, dsp=dsp) for dsp in (False, True))
    assert without.counts.dsp == 0
    assert without.counts.logic > 50
    assert with_dsp.counts.dsp == 1
    assert with_dsp.counts.logic == 0


@pytest.mark.parametrize("target", ["ecp5", "ice40"])
def test_every_product_of_a_shared_register_survives(target):
    # synth_ice40 -dsp of Yosys 0.70 left one of three multipliers, and no error.
    verilog = """
    module top(input clk, input [23:0] a, input [7:0] b, output reg [47:0] y);
      always @(posedge clk) y <= {a[23:16] * {8'd0, b}, a[15:8] * {8'd0, b}, a[7:0] * {8'd0, b}};
    endmodule
    """
    counts = synthesize(verilog, "top", target, dsp=True).counts
    assert (counts.dsp, counts.registers) == (3, 48)


def test_recipe_kept_is_the_smallest_and_named(design):
    synthesis = synthesize(design("multiply8"), "top", "generic")
    assert set(synthesis.tried) == {"plain", "booth", "booth-lowpower"}
    assert len(set(synthesis.tried.values())) > 1
    assert synthesis.counts.logic == min(synthesis.tried.values()) == synthesis.tried[synthesis.recipe]
    assert set(synthesize(design("multiply8"), "top", "ecp5").tried) == {"default", "nowidelut"}


def test_booth_is_skipped_without_a_multiplier(design):
    assert booth_multipliers(design("multiply8"), "top")[0] == 1
    assert booth_multipliers(design("multiply8").replace("7:0", "2:0").replace("15:0", "5:0"), "top") == (0, 0)
    assert set(synthesize(design("add16"), "top", "generic").tried) == {"plain"}


def test_record_is_plain_json_with_tool_version(design):
    record = synthesize(design("nand"), "top", "ecp5").to_dict()
    assert json.loads(json.dumps(record)) == record
    assert record["tools"] == {"yosys": tools.yosys_release()}


@pytest.mark.parametrize("target", ["generic", "ecp5", "ice40"])
def test_both_yosys_engines_agree(design, target, empty_cache, monkeypatch):
    verilog = design("multiply8" if target == "ecp5" else "enabled")
    counts = {}
    for engine in ("pyosys", "yowasp"):
        monkeypatch.setenv(tools.YOSYS_VARIABLE, engine)
        monkeypatch.setenv("BITMILL_CACHE", str(empty_cache / engine))
        counts[engine] = synthesize(verilog, "top", target).to_dict()
    assert counts["pyosys"] == counts["yowasp"]


@pytest.mark.parametrize("engine", ["pyosys", "yowasp"])
def test_bad_verilog_is_one_line(engine, monkeypatch):
    monkeypatch.setenv(tools.YOSYS_VARIABLE, engine)
    with pytest.raises(BitmillError, match=r"^yosys: design\.v:1: ERROR: syntax error.*\(log: .*\.log\)$") as caught:
        synthesize("module top(;", "top", "ecp5")
    assert "\n" not in str(caught.value)


def test_missing_top_is_one_line(design):
    with pytest.raises(BitmillError, match=r"^yosys: .*ERROR.*other.*$"):
        synthesize(design("nand"), "other", "ice40")


def test_arguments_are_checked(design):
    with pytest.raises(BitmillError, match="target must be one of generic, ice40, ecp5, gowin, xilinx7, not 'xilinx'"):
        synthesize(design("nand"), "top", "xilinx")
    with pytest.raises(BitmillError, match="dsp must be False on target generic"):
        synthesize(design("nand"), "top", "generic", dsp=True)
    with pytest.raises(BitmillError, match="top must be a plain Verilog identifier"):
        synthesize(design("nand"), "top; shell", "generic")
    with pytest.raises(BitmillError, match="recipe must be one of default, nowidelut, not 'booth'"):
        netlist(design("nand"), "top", "ecp5", "booth")
    with pytest.raises(BitmillError, match="form must be json or verilog"):
        netlist(design("nand"), "top", "ecp5", form="edif")


def test_unknown_cells_of_a_design_are_refused():
    pll = """
    module top(input clk, output q);
      EHXPLLL pll(.CLKI(clk), .CLKOP(q));
    endmodule
    """
    with pytest.raises(BitmillError, match="cell 'EHXPLLL' cannot be counted on target ecp5"):
        synthesize(pll, "top", "ecp5")


def test_block_memories_are_counted():
    memory = """
    module top(input clk, we, input [9:0] at, input [15:0] d, output reg [15:0] q);
      reg [15:0] words [0:1023];
      always @(posedge clk) begin if (we) words[at] <= d; q <= words[at]; end
    endmodule
    """
    counts = synthesize(memory, "top", "ecp5").counts
    assert (counts.memory_blocks, counts.logic, dict(counts.cells)) == (1, 0, {"DP16KD": 1})


@pytest.mark.parametrize("recipe", recipes.recipe_names("generic"))
def test_generic_netlist_simulates_alone_and_multiplies(design, recipe, wrong_products):
    assert wrong_products(netlist(design("multiply8"), "top", "generic", recipe, form="verilog"), every=5) == 0


def test_lowpower_booth_is_left_out_where_a_multiplier_is_unsigned():
    # Yosys ends with an error when told to map an unsigned multiplier that way.
    verilog = "module top(input [7:0] a, b, output [15:0] y); assign y = a * b; endmodule\n"
    assert booth_multipliers(verilog, "top") == (1, 1)
    assert set(synthesize(verilog, "top", "generic").tried) == {"plain", "booth"}
