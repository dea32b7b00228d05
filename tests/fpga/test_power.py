"""Power of netlists: toggles counted by hand, energies linear in them, errors that name what is wrong."""

from __future__ import annotations

import numpy as np
import pytest

from bitmill import BitmillError
from bitmill.fpga.activity import netlist_cells, pin_activity
from bitmill.fpga.cell_models import cell_models
from bitmill.fpga.energy import energies
from bitmill.fpga.liberty import read_library
from bitmill.fpga.netlist_trace import UNIT, netlist_trace
from bitmill.fpga.power import pin_slews, simulated_power, traced_power
from bitmill.fpga.sta import run_sta
from bitmill.fpga.wrap import Port
from bitmill.system import tools

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


BITS = 6
INVERTER_FARADS, VOLTS = (0.00932196e-12 + 0.00932456e-12) / 2, 1.8
"""Of osu018's INVX1, rise and fall, read off its Liberty text."""


@pytest.fixture(scope="module")
def counter():
    """A binary counter with two inverters in a row at every bit, and its ports."""
    lines = ["wire c0 = 1'b1;"]
    for bit in range(BITS):
        lines += [
            f"DFFPOSX1 f{bit} (.CLK(clk), .D(d{bit}), .Q(q{bit}));",
            f"XOR2X1 x{bit} (.A(q{bit}), .B(c{bit}), .Y(s{bit}));",
            f"AND2X2 z{bit} (.A(s{bit}), .B(n), .Y(d{bit}));",
            f"AND2X2 c{bit}_ (.A(q{bit}), .B(c{bit}), .Y(c{bit + 1}));",
            f"INVX1 a{bit} (.A(q{bit}), .Y(m{bit}));",
            f"INVX1 b{bit} (.A(m{bit}), .Y(y[{bit}]));",
        ]
    body = "\n".join(["INVX1 reset (.A(rst), .Y(n));", *lines])
    text = f"module counter(clk, rst, y);\ninput clk; input rst; output [{BITS - 1}:0] y;\n{body}\nendmodule\n"
    return text, (Port("clk", "input", 1), Port("rst", "input", 1), Port("y", "output", BITS))


@pytest.fixture(scope="module")
def counted(counter):
    """The trace of a counter's whole period."""
    text, ports = counter
    return netlist_trace(text, "counter", ports, stimulus={"rst": [0] * 2**BITS}, models=cell_models(read_library()))


def test_bits_of_a_counter_toggle_half_as_often_each(counter, counted):
    found = pin_activity(counted, cells=netlist_cells(counter[0], "counter"), unit=UNIT, cycles=2**BITS)
    for bit in range(BITS):
        for pin in (f"f{bit}/Q", f"a{bit}/A", f"a{bit}/Y", f"b{bit}/Y"):
            assert (found[pin].toggles, found[pin].high) == (0.5**bit, 0.5), pin
        # The carry into bit i is 1 in one cycle of 2^i: up and down again.
        assert bit == 0 or found[f"x{bit}/B"].toggles == 2 * 0.5**bit
    assert found["f0/CLK"].toggles == 2


def test_energies_of_a_counter_in_closed_form(counter, library):
    text, ports = counter
    stimulus = {"rst": [0] * 2**BITS}
    found = simulated_power(text, "counter", ports, library, period_ns=PERIOD, stimulus=stimulus)
    for bit in range(BITS):
        expected = INVERTER_FARADS * VOLTS**2 / 2 * 0.5**bit / (PERIOD * 1e-9)
        assert found.cells[f"a{bit}"].switching == pytest.approx(expected, rel=1e-6)
        assert found.cells[f"b{bit}"].switching == 0
        # What flip-flops spend beside their outputs and inputs, on their clock pins, is the same in all.
        assert found.cells[f"f{bit}"].internal > found.cells[f"f{BITS - 1}"].internal * 0.95
    registers = [found.cells[f"f{bit}"].total for bit in range(BITS)]
    assert registers == sorted(registers, reverse=True)
    assert found.sequential == pytest.approx(sum(registers))
    assert found.sequential + found.combinational == pytest.approx(sum(cell.total for cell in found.cells.values()))
    assert found.leakage == pytest.approx(sum(cell.leakage for cell in found.cells.values()))


def reported(netlist, top, activity, library):
    """OpenSTA's own figures per cell: internal, switching, leakage. Toggles behind flip-flops alone are not overwritten by it."""
    script = f"read_liberty cells.lib\nread_verilog netlist.v\nlink_design {top}\nset_cmd_units -time ns\n"
    script += f"create_clock -name clk -period {PERIOD} [get_ports clk]\n"
    script += "".join(
        f"::sta::set_power_pin_activity [get_pins {pin}] {found.toggles} {found.high}\n"
        for pin, found in activity.items()
    )
    log = run_sta(
        tools.find_tool("sta"), script + "report_power -digits 7 -instances [get_cells *]\n", netlist, library
    )
    rows = [line.split() for line in log.splitlines() if line.count("e-") + line.count("e+") == 4]
    return {row[4]: [float(value) for value in row[:3]] for row in rows}


def test_cells_draw_what_opensta_says(library):
    """But for its internal power, for which OpenSTA 2.0 takes both the energy of a rise and that of a fall at every toggle."""
    netlist = """module ring(clk, rst, y, z); input clk, rst; output y, z; wire q, d, n, m, h, w;
      DFFPOSX1 f (.CLK(clk), .D(d), .Q(q)); NOR2X1 o (.A(q), .B(rst), .Y(d)); INVX1 i (.A(q), .Y(n));
      BUFX2 b (.A(n), .Y(m)); INVX4 j (.A(m), .Y(y)); DFFPOSX1 g (.CLK(clk), .D(n), .Q(h)); INVX2 k (.A(h), .Y(w));
      BUFX4 l (.A(w), .Y(z)); endmodule"""
    ports = (Port("clk", "input", 1), Port("rst", "input", 1), Port("y", "output", 1), Port("z", "output", 1))
    stimulus = {"rst": [0] * CYCLES}
    trace = netlist_trace(netlist, "ring", ports, stimulus=stimulus, models=cell_models(read_library()))
    activity = pin_activity(trace, cells=netlist_cells(netlist, "ring"), unit=UNIT, cycles=CYCLES)
    mine = simulated_power(netlist, "ring", ports, library, period_ns=PERIOD, stimulus=stimulus)
    theirs = reported(netlist, "ring", activity, library)
    twice = 2 if tools.opensta_version().startswith("2.0") else 1
    for name in ("i", "b", "j", "k", "l"):
        internal, switching, leakage = theirs[name]
        assert twice * mine.cells[name].internal == pytest.approx(internal, rel=1e-3), name
        assert mine.cells[name].switching == pytest.approx(switching, rel=1e-3), name
        assert mine.cells[name].leakage == pytest.approx(leakage, rel=1e-3), name
    slew = pin_slews(netlist, "ring", library)["g/D"]
    data = energies(library).cells["DFFPOSX1"].pins["D"].internal[0]
    joules = data.at(load=0, rise_slew=slew[0], fall_slew=slew[1]) * 1e-12
    of_data = joules * activity["g/D"].toggles / (PERIOD * 1e-9)
    assert activity["g/D"].toggles == 1
    assert mine.cells["g"].switching == pytest.approx(theirs["g"][1], rel=1e-3)
    # Data pins it takes at half, which is right.
    assert twice * (mine.cells["g"].internal - of_data) + of_data == pytest.approx(theirs["g"][0], rel=1e-3)


def test_a_trace_of_yours_gives_the_same(counter, counted, library, tmp_path):
    text, ports = counter
    path = tmp_path / "mine.vcd"
    path.write_text(counted)
    options = {"period_ns": PERIOD, "trace": path, "unit": UNIT}
    found = traced_power(text, "counter", library, cycles=2**BITS, **options)
    assert found == simulated_power(text, "counter", ports, library, period_ns=PERIOD, stimulus={"rst": [0] * 2**BITS})
    with pytest.raises(
        BitmillError, match=r"^trace .*mine\.vcd: must have 65 cycles of clk, not 64 rising and 64 falling"
    ):
        traced_power(text, "counter", library, cycles=65, **options)
    with pytest.raises(BitmillError, match=r"^cycles must be at least 1, not 0$"):
        traced_power(text, "counter", library, cycles=0, **options)
    with pytest.raises(BitmillError, match=r"^trace .*none\.vcd: cannot be read: No such file or directory$"):
        traced_power(text, "counter", library, cycles=64, **{**options, "trace": tmp_path / "none.vcd"})
    foreign = text.replace("INVX1 a3", "INVX9 a3")
    with pytest.raises(BitmillError, match=r"^netlist counter must be of cells of osu018_stdcells, not have INVX9$"):
        traced_power(foreign, "counter", library, cycles=64, **options)
