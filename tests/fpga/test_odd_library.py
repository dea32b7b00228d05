"""Odd kinds of cells: what of a library is used and how, and that a unit of such cells computes what golden does."""

from __future__ import annotations

import re

import pytest

from bitmill import BitmillError, sim
from bitmill.config.presets import preset
from bitmill.fpga.cell_models import cell_models
from bitmill.fpga.liberty import ClockGate, Kind, Library, parse_library, read_library
from bitmill.fpga.liberty_cell import Adder, Storage
from bitmill.fpga.standard_cells import Flow
from bitmill.fpga.standard_recipes import Recipe
from bitmill.hdl.emit.verilog import TOP, emit

from .odd_library import FLIP_FLOPS, GATES, HEAD, LATCH, gate, odd_library, register
from .test_liberty import liberty

KIND = Kind(dont_use=("SPARE_*",))


def of(flip_flop: str = "asynchronous", full_adder: str = "inverted", *, gated: bool = True) -> Library:
    return parse_library(odd_library(flip_flop, full_adder, gated=gated), kind=KIND)


def test_what_is_never_mapped_and_why():
    library = of()
    assert dict(library.left_out) == {
        "TAP": "no output", "FILL": "is_filler_cell", "ANTENNA": "no output", "TIE1": "no input", "DELAY": "dont_use",
        "ISOLATE": "is_isolation_cell", "SHIFT": "is_level_shifter", "SPARE_BUF": "in the list of cells not to use",
        "TRI": "three_state", "WORD": "bus", "PAIR": "bundle", "SCAN": "test_cell", "STATES": "statetable",
    }  # fmt: skip
    assert sorted(library.areas) == ["AN2", "AOI", "BUFA", "DFC", "FAI", "GATED", "INVA", "LATR", "ND2", "NR2", "XR2"]
    assert library.name == "odd_a"
    assert library.load_ff == 6


def test_cells_by_function_whatever_the_pins_are_called():
    library = of()
    assert (library.nand2.cell, library.inverter.cell) == ("ND2", "INVA")
    assert library.clock_gate == ClockGate("GATED", "CK", "EN", "GCK", "TE")
    assert library.full_adder == Adder("FAI", ("P", "Q", "R"), "SN", "CON", sum_inverted=True, carry_inverted=True)
    assert of(full_adder="true").full_adder == Adder("FA", ("P", "Q", "R"), "S", "CO")
    assert library.latch == Storage("LATR", "D", "G", "Q", rising=True, tied=(("R", 0),))
    assert library.registers == {"DFC", "LATR", "GATED"}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("asynchronous", Storage("DFC", "D", "CK", "Q", rising=True, tied=(("CLR", 0), ("PRE", 1)))),
        ("synchronous", Storage("DFE", "D", "CK", "Q", rising=True, tied=(("EN", 1), ("RST", 0)))),
        ("inverted", Storage("DFQN", "D", "CK", "QN", rising=True, inverted=True)),
        ("inverted output", Storage("DFN", "D", "CK", "QN", rising=True, inverted=True)),
        ("falling", Storage("DFF", "D", "CKN", "Q", rising=False)),
    ],
)
def test_flip_flops_and_what_makes_them_plain(kind, expected):
    assert of(flip_flop=kind).flip_flop == expected


@pytest.mark.parametrize("order", [1, -1])
def test_files_are_one_library_whatever_their_order(order):
    files = dict(list(odd_library().items())[::order])
    assert parse_library(files, kind=KIND) == of()


def test_templates_of_one_name_stay_apart():
    """The second file's ``limit`` has another axis than the first one's."""
    text = of().text
    assert 'index_1 ("1, 100");' in text[text.index('lu_table_template ("limit")') :][:120]
    assert 'index_1 ("2, 200");' in text[text.index('lu_table_template ("limit_")') :][:120]
    assert 'rise_constraint ("limit_")' in text
    assert 'rise_constraint ("limit")' not in text


def test_conditional_delays_become_the_worst():
    invert = of().text.split('cell ("INVA")')[1].split('cell ("')[0]
    assert invert.count("timing ()") == 1
    assert re.search(r'cell_rise \("delay"\) {\nvalues \("10, 60", "20, 70"\);', invert)


@pytest.mark.parametrize(
    ("kind", "adder", "gated"),
    [*((kind, "inverted", True) for kind in FLIP_FLOPS), ("synchronous", "true", True), ("synchronous", "none", False)],
)
def test_a_mac_of_odd_cells_is_golden(kind, adder, gated):
    library = of(flip_flop=kind, full_adder=adder, gated=gated)
    config = preset("e2m1-mac")
    flow = Flow(verilog=emit(config), top=TOP, library=library, period_ns=1.0, clock_gating=True)
    recipe = Recipe(effort="medium")
    mapped = flow.map(recipe)
    used = set(mapped.cells)
    assert library.flip_flop.cell in used
    assert (library.full_adder is not None and library.full_adder.cell in used) == (adder != "none")
    assert ("GATED" in used, "LATR" in used) == (gated, not gated)
    assert 0.05 < mapped.delay_ns < 20, "the library's unit is the picosecond"
    text = flow.netlist(recipe) + cell_models(library)
    assert sim.verify(config, seed=5, dot_products=6, corner_steps=12, verilog=text).mismatches == 0


XOR_WITHOUT_DELAYS = (
    "cell (XR) { area : 1; pin (A, B) { direction : input; capacitance : 1; } "
    'pin (Z) { direction : output; function : "A ^ B"; } }'
)


def flow_of(library: Library) -> Flow:
    return Flow(verilog=emit(preset("e2m1-mac")), top=TOP, library=library, period_ns=1.0, clock_gating=True)


def mapped(files: dict[str, str]) -> tuple[set[str], str]:
    """Cells that a small MAC is mapped to, and its netlist with models, which golden is compared with."""
    library = parse_library(files, kind=KIND)
    flow, recipe = flow_of(library), Recipe(effort="medium")
    text = flow.netlist(recipe) + cell_models(library)
    config = preset("e2m1-mac")
    assert sim.verify(config, seed=5, dot_products=6, corner_steps=12, verilog=text).mismatches == 0
    return set(flow.map(recipe).cells), text


@pytest.mark.parametrize("enable", ["G", "G'"])
def test_a_latch_of_an_inverted_output_makes_a_clock_gate(enable):
    latch = register("LATQN", 8, "latch", f'data_in : "D"; enable : "{enable}"', "D", "G", "QN=P0002")
    files = odd_library(gated=False)
    files["others.lib"] = files["others.lib"].replace(LATCH, latch)
    cells, _ = mapped(files)
    assert "LATQN" in cells


@pytest.mark.parametrize(
    ("function", "written"),
    [("A&B^C", "(A & (B ^ C))"), ("A^B C", "((A ^ B) & C)"), ("A ^ B\t| C'", "((A ^ B) | (!C))")],
)
def test_functions_that_tools_bind_otherwise_than_liberty(function, written):
    files = odd_library()
    files["gates.lib"] = files["gates.lib"].replace("cell (AN2)", gate("AX", 3, "A B C", function) + "cell (AN2)")
    assert f'function : "{written}"' in parse_library(files, kind=KIND).text
    cells, _ = mapped(files)
    assert "AX" in cells


@pytest.mark.parametrize("area", ["", "area : 0;", "area : 0.00;", 'area : "0";'])
def test_gates_without_an_area_are_not_used(area):
    files = odd_library()
    files["gates.lib"] = files["gates.lib"].replace("cell (XR2) { area : 7;", f"cell (XR2) {{ {area}")
    library = parse_library(files, kind=KIND)
    assert library.left_out["XR2"] == "no area"
    assert "XR2" not in library.areas
    assert "XR2" not in library.text


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        *(("area : 7", f"area : {one}", f"area of XR2 must be a number of at least 0, not '{one}'")
          for one in ("-1", "inf", "nan", "1e999", "big", "1_0")),
        ("capacitance : 1.5", "capacitance : x", "capacitance of INVA's A must be a number of at least 0, not 'x'"),
        ("capacitance : 1.5", "capacitance : -1", "capacitance of INVA's A must be a number of at least 0, not '-1'"),
        ("voltage : 1.0", "voltage : V", "voltage of operating conditions typical must be a number, not 'V'"),
        ('"1ps"', '"1 fortnight"', "time_unit must be 1ps, 10ps, 100ps or 1ns, not '1 fortnight'"),
        ('"1ps"', '"0ns"', "time_unit must be 1ps, 10ps, 100ps or 1ns, not '0ns'"),
        ('"1ps"', '"2ps"', "time_unit must be 1ps, 10ps, 100ps or 1ns, not '2ps'"),
        ('"1pW"', '"1 horse"', "leakage_power_unit must be a power of ten of watts, such as 1nW, not '1 horse'"),
        ("(1, ff)", "(1, cc)", "capacitive_load_unit must be a number of ff, pf, nf or uf, such as 1, pf, not '1, cc'"),
        ("(1, ff)", "(0, ff)", "capacitive_load_unit must be a number of ff, pf, nf or uf, such as 1, pf, not '0, ff'"),
        ('"20, 70"', '"20"', "cell_rise of INVA's Z must have 4 values, as many as its axes have points, not 3"),
        ('"20, 70"', '"20, x"', "values of cell_rise of INVA's Z must be numbers, not '10, 60, 20, x'"),
        ('"20, 70"', '"20, nan"', "values of cell_rise of INVA's Z must be numbers, not '10, 60, 20, nan'"),
        ('"1, 100"); index_2', '"1, y"); index_2', "index_1 of template delay must be numbers, not '1, y'"),
        ("cell_rise (delay)", "cell_rise (other)", "cell_rise of INVA's Z must be of a template of the library, not 'other'"),
    ],
)  # fmt: skip
def test_numbers_units_and_tables_that_are_none(old, new, message):
    files = odd_library()
    assert old in files["gates.lib"]
    files["gates.lib"] = files["gates.lib"].replace(old, new)
    with pytest.raises(BitmillError) as caught:
        parse_library(files["gates.lib"], source="gates.lib", kind=KIND)
    assert str(caught.value) == f"liberty gates.lib: {message}"


@pytest.mark.parametrize(
    ("unit", "written"), [("(1e-6, nf)", "(1, ff)"), ("(0.000000001, uf)", "(1, ff)"), ('(1e3, "ff")', "(1, pf)")]
)
def test_units_are_written_as_every_tool_reads_them(unit, written):
    text = HEAD.replace("(1, ff)", unit).replace('"1ps"', '"0.001ns"') % {"part": "a", "limit": "1, 2"}
    text += GATES + FLIP_FLOPS["asynchronous"] + "}"
    library = parse_library(text, kind=KIND)
    expected = parse_library(text.replace(unit, written).replace('"0.001ns"', '"1ps"'), kind=KIND)
    assert library.load_ff == expected.load_ff
    assert 'time_unit : "1ps";' in library.text
    number, name = written.strip("()").split(", ")
    assert f'capacitive_load_unit ({number}, "{name}");' in library.text


def test_a_library_is_called_what_its_group_is(tmp_path):
    files = odd_library()
    before = '/* library (comment) */ // library (other)\ndefine ("library (string)", x, y);\n'
    text = files["gates.lib"]
    text = before + text[: text.rindex("}")] + LATCH + FLIP_FLOPS["asynchronous"] + "}"
    assert parse_library(text, kind=KIND).name == "odd_a"
    (tmp_path / "marked.lib").write_text(text, encoding="utf-8-sig")
    assert read_library(tmp_path / "marked.lib", kind=KIND).name == "odd_a"


@pytest.mark.parametrize("function", ["!" * 3001 + "A", "^".join(["A", "A'"] * 1500), "A A'", "(A + !A)"])
def test_functions_that_no_cell_has(function):
    files = odd_library()
    files["gates.lib"] = files["gates.lib"].replace("cell (AN2)", gate("STRANGE", 1, "A", function) + "cell (AN2)")
    library = parse_library(files, kind=KIND)
    assert ("STRANGE" in library.areas) == function.startswith("!")


@pytest.mark.parametrize(
    ("function", "used"), [("n CK", True), ("(CK' + n')'", True), ("CK + n", False), ("(CK n)'", False)]
)
def test_clock_gates_whose_output_rests_high_are_not_used(function, used):
    files = odd_library()
    files["others.lib"] = files["others.lib"].replace("CK * n", function)
    library = parse_library(files, kind=KIND)
    assert (library.clock_gate is not None) == used
    assert ("GATED" in library.left_out) != used


@pytest.mark.parametrize("cell", ["nand", "GATE 5", "\u00d6", "N" * 201])
def test_names_that_tools_cannot_write_are_not_used(cell):
    files = odd_library()
    files["gates.lib"] = files["gates.lib"].replace("cell (XR2)", f'cell ("{cell}")')
    assert "a name" in parse_library(files, kind=KIND).left_out[cell]


def test_pins_of_keywords_are_escaped():
    """A flip-flop and a latch are instances in Verilog of ours, where abc has no say."""
    files = odd_library(gated=False)
    others = files["others.lib"].replace("DFC", "DFF-X.1").replace("LATR", "2LATCH")
    others = others.replace("pin (D)", "pin (input)").replace("next_state : D", "next_state : input")
    files["others.lib"] = others.replace('data_in : "D"', 'data_in : "input"')
    cells, text = mapped(files)
    assert {"DFF-X.1", "2LATCH"} <= cells
    assert r"\DFF-X.1 " in text


def test_cells_without_delays_are_not_used_and_a_library_of_such_is_not_mapped():
    files = odd_library()
    files["gates.lib"] = files["gates.lib"].replace("cell (AN2)", XOR_WITHOUT_DELAYS + "cell (AN2)")
    library = parse_library(files, kind=KIND)
    assert library.left_out["XR"] == "an output without delays"
    assert "XR" not in library.areas
    with pytest.raises(BitmillError, match=r"^liberty tiny: must have delays to map to, not only functions and areas$"):
        flow_of(parse_library(liberty("INV", "NAND2", "DFF"))).map(Recipe())


def test_a_library_without_a_buffer_is_not_mapped():
    files = odd_library()
    files["gates.lib"] = files["gates.lib"].replace("cell (BUFA)", "cell (SPARE_2)")
    with pytest.raises(BitmillError, match=r"^liberty odd_a: must have a buffer to map to, not only AN2, AOI, "):
        flow_of(parse_library(files, kind=KIND)).map(Recipe())


def test_other_files_are_not_passed_over():
    include = "include_file (more.lib);"
    assert bad(lambda text: text.replace("cell (LATR)", include + "cell (LATR)")) == (
        "liberty others.lib: must have in it what it includes, not include_file 'more.lib'"
    )


def test_a_cell_twice_in_one_file():
    assert bad(lambda text: text.replace("cell (LATR)", LATCH.replace("area : 8", "area : 9") + "cell (LATR)")) == (
        "liberty others.lib: cell LATR must be there once or twice the same, not of other contents"
    )


def bad(change, *, file="others.lib"):
    files = odd_library()
    files[file] = change(files[file])
    with pytest.raises(BitmillError) as caught:
        parse_library(files, kind=KIND)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("voltage : 1.0", "voltage : 0.9", "nom_voltage must be 1 as in gates.lib, not 0.9"),
        ("temperature : 25", "temperature : -40", "nom_temperature must be 25 as in gates.lib, not -40"),
        ("process : 1;", "process : 2;", "nom_process must be 1 as in gates.lib, not 2"),
        ('time_unit : "1ps"', 'time_unit : "1ns"', "time_unit must be 1e-12 as in gates.lib, not 1e-09"),
        ("unit (1, ff)", "unit (1, pf)", "capacitive_load_unit must be 1e-15 as in gates.lib, not 1e-12"),
        ("library : 1", "library : .5", "slew_derate_from_library must be 1 as in gates.lib, not 0.5"),
    ],
)  # fmt: skip
def test_files_of_different_corners(old, new, message):
    assert bad(lambda text: text.replace(old, new)) == f"liberty others.lib: {message}"


def test_units_written_otherwise_are_the_same():
    files = odd_library()
    files["others.lib"] = files["others.lib"].replace('"1ps"', '"1.0 ps"').replace("(1, ff)", '(1.000, "FF")')
    assert parse_library(files, kind=KIND).areas == of().areas


def test_a_cell_twice():
    inverter = GATES[: GATES.index("cell (ND2)")]
    message = "liberty others.lib: cell INVA must be as in gates.lib, not of other contents"
    assert (
        bad(lambda text: text.replace("cell (LATR)", inverter.replace("area : 2", "area : 1") + "cell (LATR)"))
        == message
    )
    files = odd_library()
    files["others.lib"] = files["others.lib"].replace("cell (LATR)", inverter + "cell (LATR)")
    assert parse_library(files, kind=KIND).areas == of().areas


def test_functions_that_cannot_be_read():
    assert bad(lambda text: text.replace("(X1 X2)'", "(X1 @ X2)'"), file="gates.lib") == (
        "liberty gates.lib: functions of ND2 must be of its pins and ! ' & * | + ^, not go on with \"@ X2)'\""
    )


def test_libraries_without_what_a_flow_needs():
    assert "must have a two-input NAND gate with an area, not only" in bad(
        lambda text: text.replace("(X1 X2)'", "(X1 X2)"), file="gates.lib"
    )
    with pytest.raises(BitmillError, match="must have a D flip-flop, not only AN2, AOI, BUFA, "):
        parse_library(HEAD % {"part": "a", "limit": "1, 2"} + GATES + "}")
