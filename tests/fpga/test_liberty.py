import pytest

from bitmill import BitmillError
from bitmill.fpga.cell_models import cell_models
from bitmill.fpga.liberty import parse_library, read_library
from bitmill.fpga.liberty_cell import Adder, Storage
from bitmill.system import tools

HEAD = 'library (tiny) {\n  time_unit : "1ns";\n  capacitive_load_unit (1, pf);\n'


def _cell(name, area, inputs, output, function, state=""):
    pins = "".join(f"pin ({pin}) {{ direction : input; capacitance : {farads}; }} " for pin, farads in inputs.items())
    size = f"area : {area}; " if area else ""
    return f'cell ({name}) {{ {size}{state} {pins}pin ({output}) {{ direction : output; function : "{function}"; }} }}'


def _register(clock):
    return f'ff (IQ, IQN) {{ next_state : "D"; clocked_on : "{clock}"; }}'


CELLS = {
    "INV": _cell("INV", 2, {"A": 0.01}, "Y", "(!A)"),
    "INVBIG": _cell("INVBIG", 9, {"A": 1}, "Y", "(!A)"),
    "NAND2": _cell("NAND2", 3, {"B": 0, "A": 0}, "Y", "(!(A B))"),
    "NOR2": _cell("NOR2", 1, {"A": 0, "B": 0}, "Y", "(!(A+B))"),
    "DFF": _cell("DFF", 12, {"D": 0, "CK": 0}, "Q", "IQ", _register("CK")),
    "DFFN": _cell("DFFN", 4, {"D": 0, "CK": 0}, "Q", "IQ", _register("!CK")),
    "LAT": _cell("LAT", 0, {"D": 0, "G": 0}, "Q", "IQ", 'latch (IQ, IQN) { data_in : "D"; enable : "!G"; }'),
}


def liberty(*names, head=HEAD):
    """Text of a library of some of ``CELLS``."""
    return head + "\n".join(CELLS[name] for name in names) + "\n}\n"


def test_cells_of_osu018_are_known_by_their_function():
    library = read_library()
    assert library.name == "osu018_stdcells"
    assert (library.nand2.cell, library.inverter.cell) == ("NAND2X1", "INVX1")
    assert library.flip_flop == Storage("DFFPOSX1", data="D", clock="CLK", output="Q", rising=True)
    assert library.latch == Storage("LATCH", data="D", clock="CLK", output="Q", rising=True)
    assert library.full_adder == Adder("FAX1", ("A", "B", "C"), sum="YS", carry="YC")
    assert library.registers == {"DFFPOSX1", "DFFNEGX1", "DFFSR", "LATCH"}
    assert (library.gate_area, library.areas["DFFPOSX1"], library.areas["FAX1"]) == (24, 96, 120)
    assert library.areas["LATCH"] == 96, "its Liberty file gives it no area"
    assert library.load_ff == pytest.approx(4 * 9.32456, abs=0.01)


def test_a_library_of_its_own_with_the_least_of_everything():
    library = parse_library(liberty(*CELLS))
    assert (library.name, library.gate_area, library.inverter.cell) == ("tiny", 3, "INV")
    assert sorted(library.nand2.inputs) == ["A", "B"]
    assert library.flip_flop.cell == "DFF", "the smaller one is clocked by the falling edge"
    assert library.latch == Storage("LAT", data="D", clock="G", output="Q", rising=False)
    assert library.areas["LAT"] == 12
    assert (library.and2, library.full_adder, library.load_ff) == (None, None, 40)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hello\n", "must be a Liberty file, not text without a library group"),
        (HEAD + "cell (", "must be a whole Liberty file, not one cut off after 'cell'"),
        (liberty("INV", "NOR2", "DFF"), "must have a two-input NAND gate with an area, not only DFF, INV, NOR2"),
        (liberty("INV", "NAND2", "LAT"), "must have a D flip-flop, not only INV, LAT, NAND2"),
        (liberty("NAND2", "DFF"), "must have an inverter with an area, not only DFF, NAND2"),
        (liberty(), "must have a two-input NAND gate with an area, not only no cell"),
        (
            liberty("INV", "NAND2", "DFF", head="library (tiny) {\n"),
            "capacitive_load_unit must be given in ff, pf or nf, not left out",
        ),
    ],
)
def test_libraries_that_will_not_do(text, message):
    with pytest.raises(BitmillError, match=rf"^liberty my\.lib: {message}$") as caught:
        parse_library(text, source="my.lib")
    assert "\n" not in str(caught.value)


def test_missing_files(tmp_path, monkeypatch):
    with pytest.raises(BitmillError, match=r"^liberty .*none\.lib: cannot be read: No such file or directory$"):
        read_library(tmp_path / "none.lib")
    monkeypatch.setattr("bitmill.fpga.liberty.DEFAULT_LIBRARY", tmp_path / "none.lib")
    with pytest.raises(
        BitmillError, match=r"^missing library osu018: install it with `apt-get install qflow-tech-osu018`"
    ):
        read_library()


def test_models_do_what_the_cells_do(tmp_path):
    bench = """
    module bench;
      reg a, b, c; wire carry, sum, n; integer i, wrong;
      FAX1 adder(.A(a), .B(b), .C(c), .YC(carry), .YS(sum));
      NAND2X1 gate(.A(a), .B(b), .Y(n));
      initial begin
        wrong = 0;
        for (i = 0; i < 8; i = i + 1) begin
          {a, b, c} = i; #1; if ({carry, sum} !== a + b + c || n !== !(a && b)) wrong = wrong + 1;
        end
        $display("wrong %0d", wrong);
      end
    endmodule
    """
    (tmp_path / "bench.v").write_text(cell_models(read_library()) + bench)
    tools.run_tool([*tools.find_tool("iverilog"), "-g2005", "-s", "bench", "-o", "bench", "bench.v"], cwd=tmp_path)
    assert "wrong 0" in tools.run_tool([*tools.find_tool("vvp"), "bench"], cwd=tmp_path)
