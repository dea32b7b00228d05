"""Power by OpenSTA: linear in toggles and cells, nothing where nothing is, and errors that name what is wrong."""

from __future__ import annotations

import pytest

from bitmill import BitmillError
from bitmill.fpga.liberty import read_library
from bitmill.fpga.power import vectorless_power

PERIOD = 8.0


@pytest.fixture(scope="module")
def library():
    return read_library()


def row(count):
    cells = "".join(
        f"  DFFPOSX1 f{i} (.CLK(clk), .D(d[{i}]), .Q(q[{i}]));\n  INVX1 i{i} (.A(q[{i}]), .Y(y[{i}]));\n"
        for i in range(count)
    )
    top = count - 1
    return f"module row(clk, d, y);\n input clk; input [{top}:0] d; output [{top}:0] y; wire [{top}:0] q;\n{cells}endmodule\n"


def power(library, count=1, period=PERIOD, **options):
    options = {"toggles": {"d": 0.5}, "high": {}} | options
    return vectorless_power(row(count), "row", library, period_ns=period, **options)


def test_power_is_linear_in_toggles(library):
    none, half, full = (power(library, toggles={"d": rate}) for rate in (0.0, 0.5, 1.0))
    for group in ("sequential", "combinational"):
        low, mid, high = (getattr(found, group) for found in (none, half, full))
        assert low < mid < high
        assert mid == pytest.approx((low + high) / 2, rel=0.02)
    # The clock pin of a flip-flop draws power though its data stands still, an inverter only leaks.
    assert none.sequential > 10 * none.combinational
    assert none.combinational < 1e-9


def test_power_is_linear_in_cells_and_frequency(library):
    one, eight = power(library), power(library, count=8)
    assert eight.sequential == pytest.approx(8 * one.sequential, rel=0.02)
    assert eight.combinational == pytest.approx(8 * one.combinational, rel=0.02)
    slow = power(library, period=2 * PERIOD)
    assert slow.energy_pj == pytest.approx(one.energy_pj, rel=0.02)
    assert one.energy_pj == pytest.approx((one.sequential + one.combinational) * PERIOD * 1000)


def test_an_input_that_is_always_high_costs_nothing_more(library):
    low, high = (power(library, toggles={}, high={"d": level}) for level in (0.0, 1.0))
    assert high.combinational == pytest.approx(low.combinational, rel=0.5)


def test_wrong_arguments(library):
    with pytest.raises(BitmillError, match=r"toggles and high must be 0 to 1, not 1\.5 for d"):
        power(library, toggles={"d": 1.5})
    with pytest.raises(BitmillError, match="period must be a positive number of ns, not 0"):
        power(library, period=0)


def test_an_unknown_port(library):
    with pytest.raises(BitmillError, match="no port nothing"):
        power(library, toggles={"nothing": 0.5})
