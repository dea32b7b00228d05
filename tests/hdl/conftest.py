"""Ways to drive a combinational component exhaustively and to prove two of them equal."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest
from amaranth.back import rtlil
from amaranth.lib import wiring

from bitmill.system.tools import find_tool, run_yosys

TESTBENCH = """
module testbench;
  reg [{inputs}-1:0] stimulus;
  wire [{outputs}-1:0] response;
  {instance}
  integer code;
  initial begin
    for (code = 0; code < {count}; code = code + 1) begin
      stimulus = code;
      #1 $display("%h", response);
    end
    $finish;
  end
endmodule
"""


def _plain_verilog(component: wiring.Component) -> str:
    script = "read_rtlil dut.il\nproc\nopt_clean\nwrite_verilog -noattr dut.v\n"
    return run_yosys(script, files={"dut.il": rtlil.convert(component, name="dut")}, outputs=["dut.v"])["dut.v"]


@pytest.fixture
def every_input(tmp_path) -> Callable[[wiring.Component, str, str], list[int]]:
    """Run a combinational component's Verilog in Icarus on every value of one input port; the list of what one output gave."""

    def run(component: wiring.Component, port_in: str, port_out: str) -> list[int]:
        width_in, width_out = (len(getattr(component, port).as_value()) if hasattr(getattr(component, port), "as_value")
                               else len(getattr(component, port)) for port in (port_in, port_out))  # fmt: skip
        bench = TESTBENCH.format(
            inputs=width_in,
            outputs=width_out,
            count=1 << width_in,
            instance=f"dut dut (.{port_in}(stimulus), .{port_out}(response));",
        )
        (tmp_path / "dut.v").write_text(_plain_verilog(component), encoding="utf-8")
        (tmp_path / "bench.v").write_text(bench, encoding="utf-8")
        compile_command = [*find_tool("iverilog"), "-g2005", "-o", "bench.vvp", "bench.v", "dut.v"]
        subprocess.run(compile_command, cwd=tmp_path, check=True, capture_output=True)
        printed = subprocess.run(
            [*find_tool("vvp"), "bench.vvp"], cwd=tmp_path, check=True, capture_output=True, text=True
        )
        lines = [line for line in printed.stdout.split() if line]
        assert len(lines) == 1 << width_in
        assert not any("x" in line or "z" in line for line in lines), "an output bit is undefined"
        return [int(line, 16) for line in lines]

    return run


@pytest.fixture
def prove() -> Callable[[wiring.Component], None]:
    """Prove every ``Assert`` of a combinational component with Yosys' SAT solver."""

    def run(component: wiring.Component) -> None:
        script = (
            "read_rtlil spec.il\nprep -top spec -flatten\nmemory_map\nopt\nselect -assert-min 1 t:$check\nchformal -lower\n"
            "sat -verify -prove-asserts -show-inputs spec\nwrite_rtlil proved.il\n"
        )
        run_yosys(script, files={"spec.il": rtlil.convert(component, name="spec")}, outputs=["proved.il"])

    return run
