import json

import pytest

from bitmill import BitmillError
from bitmill.fpga.cells import count_cells, smallest


def test_generic_weights_by_hand():
    counts = count_cells(
        "generic",
        {"$_NOT_": 2, "$_NAND_": 1, "$_NOR_": 1, "$_AND_": 2, "$_OR_": 2, "$_XOR_": 2, "$_XNOR_": 2, "$_MUX_": 2}
        | {"$_DFF_P_": 3, "$scopeinfo": 9},
    )
    assert counts.logic == 1 + 1 + 1 + 3 + 3 + 5 + 5 + 5
    assert counts.registers == 3
    assert counts.register_area == 18
    assert counts.logic_unit == "NAND2-equivalents"
    assert "$scopeinfo" not in counts.cells


def test_ecp5_weights_by_hand():
    counts = count_cells(
        "ecp5", {"LUT4": 7, "CCU2C": 3, "PFUMX": 2, "L6MUX21": 1, "TRELLIS_FF": 5, "MULT18X18D": 2, "$scopeinfo": 1}
    )
    assert (counts.logic, counts.carry, counts.wide_muxes, counts.registers, counts.dsp) == (13, 3, 3, 5, 2)
    assert counts.register_area is None


def test_gowin_weights_by_hand():
    cells = {
        "LUT1": 1,
        "LUT2": 2,
        "LUT3": 3,
        "LUT4": 4,
        "ALU": 5,
        "MUX2_LUT5": 2,
        "MUX2_LUT6": 1,
        "DFF": 1,
        "DFFRE": 6,
        "DFFNPE": 1,
    }
    counts = count_cells("gowin", cells | {"MULT9X9": 1, "MULT18X18": 2, "GND": 1, "VCC": 1})
    assert (counts.logic, counts.carry, counts.wide_muxes, counts.registers, counts.dsp) == (15, 5, 3, 8, 3)
    assert counts.logic_unit == "LUT4"


def test_xilinx7_weights_by_hand():
    cells = {"LUT2": 2, "LUT6": 4, "INV": 1, "CARRY4": 5, "MUXF7": 2, "MUXF8": 1, "FDRE": 6, "FDSE_1": 1, "DSP48E1": 3}
    counts = count_cells("xilinx7", cells)
    assert (counts.logic, counts.carry, counts.wide_muxes, counts.registers, counts.dsp) == (7, 5, 3, 7, 3)
    assert counts.logic_unit == "LUT6"


def test_ice40_keeps_carry_apart():
    counts = count_cells("ice40", {"SB_LUT4": 7, "SB_CARRY": 3, "SB_DFFESR": 5, "SB_DFFN": 1, "SB_MAC16": 2})
    assert (counts.logic, counts.carry, counts.registers, counts.dsp) == (7, 3, 6, 2)


@pytest.mark.parametrize(
    ("target", "kind"), [("generic", "$_ANDNOT_"), ("generic", "$_SDFF_PP0_"), ("ecp5", "EHXPLLL"), ("ice40", "LUT4")]
)
def test_unknown_cell_is_refused(target, kind):
    with pytest.raises(BitmillError, match=rf"cell '\{kind}' cannot" if kind[0] == "$" else f"cell '{kind}' cannot"):
        count_cells(target, {kind: 1})


def test_smallest_prefers_logic_then_the_first():
    rows = {name: count_cells("ecp5", {"LUT4": luts}) for name, luts in (("a", 5), ("b", 4), ("c", 4))}
    assert smallest(rows) == "b"


def test_record_is_plain_json():
    record = count_cells("ice40", {"SB_LUT4": 2}).to_dict()
    assert json.loads(json.dumps(record)) == record
    assert record["logic"] == 2


def test_block_memories_are_counted_apart() -> None:
    counts = count_cells("ecp5", {"LUT4": 3, "DP16KD": 2, "TRELLIS_FF": 1})
    assert (counts.logic, counts.memory_blocks, counts.to_dict()["memory_blocks"]) == (3, 2, 2)
    assert count_cells("ice40", {"SB_RAM40_4KNR": 4}).memory_blocks == 4
    assert "memory_blocks" not in count_cells("ecp5", {"LUT4": 3}).to_dict()
