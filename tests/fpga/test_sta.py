import pytest

from bitmill import BitmillError
from bitmill.fpga.liberty import read_library
from bitmill.fpga.sta import shortest_period
from bitmill.fpga.wrap import Port
from bitmill.system import tools


def chain(length):
    """``length`` inverters in a row between an input and an output."""
    nets = ["a", *(f"n{index}" for index in range(1, length)), "y"]
    cells = [f"  INVX1 i{i} (.A({nets[i]}), .Y({nets[i + 1]}));" for i in range(length)]
    wires = f"  wire {', '.join(nets[1:-1])};\n" if length > 1 else ""
    return "module top (a, y);\n  input a;\n  output y;\n" + wires + "\n".join(cells) + "\nendmodule\n"


PORTS = (Port("a", "input", 1), Port("y", "output", 1))


def test_each_inverter_adds_the_same_delay():
    library = read_library()
    periods = [shortest_period(chain(length), "top", PORTS, library) for length in (2, 12, 22)]
    first, second = periods[1] - periods[0], periods[2] - periods[1]
    assert first == pytest.approx(second, rel=0.02)
    assert 0.02 < first / 10 < 0.2, "a loaded inverter of a 180 nm library takes some tens of picoseconds"


def test_the_period_of_a_flip_flop_pair_by_its_own_tables():
    # From clock to output and setup of DFFPOSX1, from osu018's tables: between 0.2 and 0.5 ns together.
    direct = "module top (a, y);\n  input a;\n  output y;\n  assign y = a;\nendmodule\n"
    assert 0.1 < shortest_period(direct, "top", PORTS, read_library()) < 0.5


def test_a_clock_gate_must_settle_within_half_a_period():
    # The enable of an AND gate without a latch may only change while the clock is low, that is after the falling edge of the
    # register that makes it.
    gated = """
module top (clk, a, y);
  input clk, a;
  output y;
  wire n, held, gclk;
  DFFNEGX1 hold (.D(a), .CLK(clk), .Q(held));
  AND2X1 gate (.A(clk), .B(held), .Y(gclk));
  DFFPOSX1 register (.D(a), .CLK(gclk), .Q(y));
endmodule
"""
    library = read_library()
    ports = (Port("clk", "input", 1), *PORTS)
    whole = shortest_period(gated.replace("DFFNEGX1", "DFFPOSX1"), "top", ports, library)
    half = shortest_period(gated, "top", ports, library)
    assert half != whole
    assert half > 0.4, "two paths of half a period, each through a flip-flop"


def test_signed_declarations_are_accepted():
    library = read_library()
    text = chain(4)
    assert shortest_period(text.replace("input a", "input signed a"), "top", PORTS, library) == shortest_period(
        text, "top", PORTS, library
    )


def test_errors_are_seen_though_opensta_exits_with_0(empty_cache):
    with pytest.raises(BitmillError, match=r"^sta: Error.*\(log: .*\.log\)$") as caught:
        shortest_period(chain(3).replace("INVX1 i1 (", "INVX1 i1 [("), "top", PORTS, read_library())
    assert "\n" not in str(caught.value)


def test_an_unknown_cell_is_an_error(empty_cache):
    with pytest.raises(BitmillError, match=r"^sta: "):
        shortest_period(chain(3).replace("INVX1 i1", "INVX99 i1"), "top", PORTS, read_library())


def test_a_netlist_without_a_path_is_an_error():
    apart = "module top (a, y);\n  input a;\n  output y;\nendmodule\n"
    with pytest.raises(BitmillError, match=r"^sta: found no path between registers"):
        shortest_period(apart, "top", PORTS, read_library())


def test_missing_opensta(monkeypatch, tmp_path):
    library = read_library()
    tools.opensta_version.cache_clear()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BitmillError, match=r"^missing tool sta: install it with `apt-get install opensta`$"):
        shortest_period(chain(2), "top", PORTS, library)
