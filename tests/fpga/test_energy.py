"""Energies of Liberty's tables: entries and points between them by hand, and texts that are none."""

from __future__ import annotations

import dataclasses

import pytest

from bitmill import BitmillError
from bitmill.fpga.energy import Table, energies, leakage
from bitmill.fpga.liberty import read_library
from bitmill.fpga.liberty_clean import clean_library
from bitmill.fpga.liberty_text import parse_groups

TEXT = """/* a library */ library ("small") {
  nom_voltage : 1.2; capacitive_load_unit (10, ff); leakage_power_unit : "100pW"; // of cells
  power_lut_template(both) { variable_1 : input_transition_time; variable_2 : total_output_net_capacitance;
    index_1 ("1, 2"); index_2 ("1, 2"); }
  cell ("INV") { cell_leakage_power : 3; area : 1
    ; pin(A) { direction : input; capacitance : 2; }
    pin (Y) { direction : output; function : "!A"; rise_capacitance : 1.0; fall_capacitance : 3.0;
      internal_power() { related_pin : "A";
        rise_power(both) { index_1 ("1, 3"); index_2 ("10, 20, 40"); values ("1, 2, 4", \\
          "5, 6, 8"); }
        fall_power(scalar) { values ("0.5"); } } } } }
"""


@pytest.fixture
def small():
    return of_text(TEXT)


def of_text(text):
    power = clean_library({"small": text})["power"]
    return dataclasses.replace(read_library(), text=text, sources_sha256="", power=power, name="small")


def test_units_and_pins(small):
    found = energies(small)
    assert (found.voltage, found.farads, found.joules) == pytest.approx((1.2, 10e-15, 10e-15))
    cell = found.cells["INV"]
    assert cell.leakage == pytest.approx(300e-12)
    assert (cell.pins["A"].output, cell.pins["Y"].output) == (False, True)
    assert [cell.pins[pin].capacitance for pin in "AY"] == pytest.approx([20e-15, 20e-15])
    assert [group.related for group in cell.pins["Y"].internal] == ["A"]


@pytest.mark.parametrize(
    ("slew", "load", "energy"),
    [(1, 10, 1), (3, 40, 8), (1, 30, 3), (2, 10, 3), (2, 15, 3.5), (1, 0, 0), (0, 10, -1), (5, 10, 9), (3, 60, 10)],
)
def test_between_entries_and_beyond_them(small, slew, load, energy):
    group = energies(small).cells["INV"].pins["Y"].internal[0]
    assert group.rises[0].at(load=load, slew=slew) == pytest.approx(energy)
    assert group.falls[0].at(load=load, slew=slew) == 0.5


def test_a_table_of_one_entry_is_a_constant():
    assert Table((("input_transition_time", (2.0,)),), (7.0,)).at(load=1, slew=9) == 7


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TEXT[: TEXT.index("cell (")], "must be a whole Liberty file, not one cut off after 'index_2'"),
        (TEXT[: TEXT.index("5, 6")], "must be a whole Liberty file, not one cut off after 'values'"),
        ("library (x) { area 3; }", "must be a whole Liberty file, not one with 'area' where a name goes"),
        ("", "must be a Liberty file of one library, not text with 0 library groups"),
    ],
)
def test_texts_that_are_no_library(text, message):
    with pytest.raises(BitmillError) as error:
        parse_groups(text, source="x.lib")
    assert str(error.value) == f"liberty x.lib: {message}"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("nom_voltage : 1.2", "area : 1", "must have a voltage and power tables for energies, not only areas and delays"),
        ("internal_power", "timing", "must have a voltage and power tables for energies, not only areas and delays"),
        ("variable_1 : input_transition_time", "variable_1 : related_out_total_output_net_capacitance",
         "power tables must be over total_output_net_capacitance and input_transition_time, not "
         "'related_out_total_output_net_capacitance'"),
        ('"5, 6, 8"', '"5, 6"', "rise_power of template both must have 6 values, not 5"),
        ('"5, 6, 8"', '"5, x, 8"', "values of rise_power must be numbers, not '1, 2, 4, 5, x, 8'"),
        ('"0.5"', '""', "fall_power of template scalar must have 1 values, not 0"),
        ("rise_power(both)", "rise_power(other)", "rise_power of template other must have 1 values, not 6"),
    ],
)  # fmt: skip
def test_libraries_without_energies(old, new, message):
    with pytest.raises(BitmillError) as error:
        energies(of_text(TEXT.replace(old, new))).cells["INV"]
    assert str(error.value) == f"liberty small: {message}"


ODD = """library ("odd") {
  nom_voltage : 2; capacitive_load_unit (1, ff); leakage_power_unit : "1nW"; voltage_unit : "1V";
  power_lut_template (load) { variable_1 : total_output_net_capacitance; index_1 ("0, 1"); }
  cell (INV) {
    pg_pin (VDD) { pg_type : primary_power; } pg_pin (VSS) { pg_type : primary_ground; }
    leakage_power () { value : 2; when : "A"; related_pg_pin : VDD; }
    leakage_power () { value : 4; when : "!A"; related_pg_pin : VDD; }
    leakage_power () { value : 9; related_pg_pin : VDD; }
    leakage_power () { value : 50; when : "A"; related_pg_pin : VSS; }
    pin (A) { direction : input; capacitance : 1; }
    pin (Y) { direction : output; function : "!A";
      internal_power () { related_pin : A; related_pg_pin : VDD; RISE fall_power (load) { values ("1, 3"); } }
      internal_power () { related_pin : A; related_pg_pin : VSS; rise_power (load) { values ("7, 7"); } } } }
  cell (BARE) { pin (A) { direction : input; } pin (Y) { direction : output; function : A; } } }
"""


def odd(rise=""):
    return energies(of_text(ODD.replace("RISE", rise))).cells


def test_leakage_is_the_mean_of_conditions_and_ground_is_not_counted_again():
    assert odd()["INV"].leakage == pytest.approx(3e-9)
    assert odd()["BARE"].leakage is None


def test_leakage_of_many_cells():
    found = leakage(of_text(ODD.replace("RISE", "")), {"INV": 4, "BARE": 2, "UNKNOWN": 1})
    assert found == (pytest.approx(12e-9), ("BARE", "UNKNOWN"))


def test_a_rise_without_a_table_is_zero_and_ground_is_not_counted_again():
    (internal,) = odd()["INV"].pins["Y"].internal
    assert internal.at(load=1, rise_slew=0, fall_slew=0) == 1.5
    assert not odd()["BARE"].has_internal


def test_conditions_are_equally_frequent():
    power = (
        'rise_power (load) { values ("1, 1"); } } internal_power () { related_pin : A; related_pg_pin : VDD; when : X; '
    )
    (internal,) = odd(f'when : "Y"; {power} rise_power (load) {{ values ("5, 5"); }}')["INV"].pins["Y"].internal
    assert internal.at(load=0, rise_slew=0, fall_slew=0) == (3 + 1) / 2


@pytest.mark.parametrize(
    ("rise", "holds"),
    [("1, 3", True), ("1, 1", False), ("3, 1", False), ("1, 2.5", True)],
)
def test_tables_that_hold_the_charge_of_the_load_are_told_apart(rise, holds):
    """A volt squared times two: half ``C V^2`` is 2 a femtofarad, the fall's table alone grows by it."""
    (internal,) = odd(f'rise_power (load) {{ values ("{rise}"); }}')["INV"].pins["Y"].internal
    assert internal.holds_switching is holds
