"""Traces: toggles counted by hand, and one clear line for a trace that is not of its netlist."""

from __future__ import annotations

import pytest

from bitmill import BitmillError
from bitmill.fpga.activity import NetlistCell, PinActivity, netlist_cells, pin_activity

TRACE = """$timescale 1ps $end
$scope module bench $end
$scope module unit $end
$var wire 1 ! d $end
$var wire 1 % clk $end
$var wire 2 & both [1:0] $end
$scope module f0 $end
$var wire 1 ! D $end
$var wire 1 " Q $end
$var reg 1 # NOTIFIER $end
$upscope $end
$scope module part.x $end
$var wire 1 " A $end
$upscope $end
$upscope $end
$upscope $end
$enddefinitions $end
#100
$dumpvars
0!
{first}"
x#
0%
b10 &
$end
#150
1%
#200
0%
1!
#250
1%
#300
0%
b11 &
0!
1"
#350
1%
#400
0%
#450
1%
#500
0%
"""
WHOLE = TRACE.format(first="0")
CELLS = {"f0": NetlistCell("DFFPOSX1", {"D": "2", "Q": "3"}), "part.x": NetlistCell("INVX1", {"A": "3"})}


def read(trace=WHOLE, cells=CELLS, cycles=4):
    return pin_activity(trace, cells=cells, unit="unit", cycles=cycles)


def test_toggles_of_a_trace_by_hand():
    assert read() == {
        "f0/D": PinActivity(2 / 4, 100 / 400),
        "f0/Q": PinActivity(1 / 4, 200 / 400),
        "part.x/A": PinActivity(1 / 4, 200 / 400),
    }


def test_cells_of_a_netlist():
    text = """module top(a, y); input a; output [1:0] y; wire n; /* INVX1 not (.A(a)); */
      INVX1 \\part.x (.A(a), .Y(n)); FAX1 u ( .A(a), .B(1'b1), .C(y[1]),
        .YS(y[0]), .YC() ); BUFX2 b(.A(n), .Y(w)); assign y[1] = w; endmodule"""
    found = netlist_cells(text, "top")
    assert {name: (cell.library_cell, sorted(cell.pins)) for name, cell in found.items()} == {
        "part.x": ("INVX1", ["A", "Y"]), "u": ("FAX1", ["A", "B", "C", "YS"]), "b": ("BUFX2", ["A", "Y"]),
    }  # fmt: skip
    # A net is one whatever it is called.
    assert found["b"].pins["Y"] == found["u"].pins["C"] != found["u"].pins["A"] == found["part.x"].pins["A"]
    assert found["u"].pins["B"] == "1"


MORE = {f"g{index}": NetlistCell("INVX1", {"A": "9"}) for index in range(5)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"trace": TRACE.format(first="x").replace('1"\n', "")}, "must leave every pin 0 or 1, not f0/Q, part.x/A unknown"),
        ({"cells": {**CELLS, "f0": NetlistCell("DFFSR", {"D": "2", "S": "7"})}},
         "must have every pin of the netlist, not lack f0/S"),
        ({"cells": CELLS | MORE}, "must have every pin of the netlist, not lack g0/A, g1/A, g2/A and 2 more"),
        ({"cells": {"f0": CELLS["f0"]}},
         "must have the netlist's cells only, not also part.x, which the netlist lacks"),
        ({"cycles": 5}, "must have 5 cycles of clk, not 4 rising and 4 falling edges; it is cut off or of another run"),
        ({"trace": WHOLE[: WHOLE.index("#450")]},
         "must have 4 cycles of clk, not 3 rising and 3 falling edges; it is cut off or of another run"),
        ({"trace": WHOLE[: WHOLE.index("#500")]},
         "must have 4 cycles of clk, not 4 rising and 3 falling edges; it is cut off or of another run"),
        ({"trace": WHOLE[:-2]}, "must be a whole VCD, not one cut off or damaged at line 28 after its definitions: '0'"),
        ({"trace": WHOLE.replace("b11 &", "b1")},
         "must be a whole VCD, not one cut off or damaged at line 18 after its definitions: 'b1'"),
        ({"trace": WHOLE.replace("#350", "1@")},
         "must be a whole VCD, not one cut off or damaged at line 21 after its definitions: '1@'"),
        ({"trace": WHOLE[:200]}, "must be a whole VCD, not one whose definitions do not end"),
        ({"trace": ""}, "must be a whole VCD, not one whose definitions do not end"),
        ({"trace": WHOLE.replace("module unit", "module dut")},
         "must have one scope 'unit' with the clock 'clk' of the netlist, not 0"),
    ],
)  # fmt: skip
def test_a_trace_that_does_not_match(change, message):
    with pytest.raises(BitmillError) as error:
        read(**change)
    assert str(error.value) == f"trace: {message}"
