"""Power of netlists: toggles counted by hand, energies linear in them, errors that name what is wrong."""

from __future__ import annotations

import numpy as np
import pytest

from bitmill import BitmillError
from bitmill.fpga.liberty import read_library
from bitmill.fpga.power import PinActivity, pin_activity, simulated_power
from bitmill.fpga.wrap import Port

PERIOD = 8.0
CYCLES = 64


@pytest.fixture(scope="module")
def library():
    return read_library()


def row(count):
    """Flip-flops of so many bits with an inverter each."""
    cells = "".join(
        f"  DFFPOSX1 f{i} (.CLK(clk), .D(d[{i}]), .Q(q[{i}]));\n  INVX1 i{i} (.A(q[{i}]), .Y(y[{i}]));\n"
        for i in range(count)
    )
    top = count - 1
    return f"module row(clk, d, y);\n input clk; input [{top}:0] d; output [{top}:0] y; wire [{top}:0] q;\n{cells}endmodule\n"


def power(library, stream, count=1, **options):
    ports = (Port("clk", "input", 1), Port("d", "input", count), Port("y", "output", count))
    options = {"period_ns": PERIOD, "stimulus": {"d": stream}} | options
    return simulated_power(row(count), "row", ports, library, **options)


def toggling(every, count=1):
    """All bits together toggle every so many cycles."""
    return [((1 << count) - 1) * (cycle // every % 2) for cycle in range(CYCLES)]


def test_energy_is_linear_in_toggles(library):
    none, half, full = (power(library, toggling(every)) for every in (CYCLES, 2, 1))
    for group in ("sequential", "combinational"):
        low, mid, high = (getattr(found, group) for found in (none, half, full))
        assert low < mid < high
        # In 64 cycles of 0 1 0 1 there are 63 toggles of the input, and 31 where every second cycle has one.
        assert (mid - low) / (high - low) == pytest.approx(31 / 63, rel=0.06)
    # The clock pin of a flip-flop draws power though its data stands still, an inverter only leaks.
    assert none.sequential > 10 * none.combinational
    assert none.combinational < 1e-9


def test_power_is_linear_in_cells_and_frequency(library):
    one, eight = power(library, toggling(2)), power(library, toggling(2, 8), count=8)
    assert eight.sequential == pytest.approx(8 * one.sequential, rel=0.02)
    assert eight.combinational == pytest.approx(8 * one.combinational, rel=0.02)
    slow = power(library, toggling(2), period_ns=2 * PERIOD)
    assert slow.energy_pj == pytest.approx(one.energy_pj, rel=0.02)
    assert one.energy_pj == pytest.approx((one.sequential + one.combinational) * PERIOD * 1000)


def test_registers_in_a_loop_toggle(library):
    counter = """module row(clk, rst, y); input clk; input rst; output y; wire q, n, d;
      DFFPOSX1 f (.CLK(clk), .D(d), .Q(q)); INVX1 i (.A(q), .Y(n)); NOR2X1 g (.A(q), .B(rst), .Y(d)); BUFX2 b (.A(q), .Y(y));
    endmodule"""
    ports = (Port("clk", "input", 1), Port("rst", "input", 1), Port("y", "output", 1))
    found = simulated_power(counter, "row", ports, library, period_ns=PERIOD, stimulus={"rst": [0] * CYCLES})
    held = simulated_power(counter, "row", ports, library, period_ns=PERIOD, stimulus={"rst": [1] * CYCLES})
    assert found.combinational > 1000 * held.combinational


TRACE = """$timescale 1ps $end
$scope module unit $end
$var wire 1 ! d $end
$scope module f0 $end
$var wire 1 ! D $end
$var wire 1 " Q $end
$var reg 1 # NOTIFIER $end
$upscope $end
$upscope $end
$enddefinitions $end
#100
$dumpvars
0!
{first}"
x#
$end
#200
1!
#300
0!
1"
#500
"""


def test_toggles_of_a_trace_by_hand():
    found = pin_activity(TRACE.format(first="0"), pins={"D", "Q"}, cycles=4)
    assert found == {"f0/D": PinActivity(2 / 4, 100 / 400), "f0/Q": PinActivity(1 / 4, 200 / 400)}


def test_an_unknown_pin_is_named():
    with pytest.raises(BitmillError, match="every pin 0 or 1, not f0/Q unknown"):
        pin_activity(TRACE.format(first="x").replace('1"\n', ""), pins={"D", "Q"}, cycles=4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"period_ns": 0}, "period must be a positive number of ns, not 0"),
        ({"stimulus": {"nothing": [0, 1]}}, "stimulus must name inputs of row, d, not 'nothing'"),
        ({"stimulus": {"d": [0, 2]}}, "stimulus of d must have 1 bits, not 0 to 2"),
        ({"stimulus": {"d": [0]}}, r"stimulus must have values of one length of at least 2, not of \[1\]"),
        ({"stimulus": {}}, r"one length of at least 2, not of \[\]"),
    ],
)
def test_wrong_arguments(library, change, message):
    with pytest.raises(BitmillError, match=message):
        power(library, [0, 1], **change)


def test_missing_models(library, tmp_path):
    with pytest.raises(BitmillError, match=r"models must be a file of Verilog cells, not .*nowhere"):
        power(library, [0, 1], models=tmp_path / "nowhere.v")


def test_toggles_are_those_of_random_data(library):
    rng = np.random.default_rng(7)
    lazy, busy = ((rng.random(256) < share).astype(int).tolist() for share in (0.05, 0.5))
    toggles = [np.abs(np.diff(stream)).mean() for stream in (lazy, busy)]
    found = [power(library, stream).combinational for stream in (lazy, busy)]
    assert found[1] / found[0] == pytest.approx(toggles[1] / toggles[0], rel=0.1)
