"""The libraries that people use, where ``BITMILL_CELLS`` has them: what is found in them, and their netlists against golden."""

from __future__ import annotations

import os

import pytest

from bitmill import MacConfig, sim
from bitmill.config.bit_serial import BitSerialConfig
from bitmill.config.family import config_of
from bitmill.fpga.liberty_cell import Adder, Storage
from bitmill.fpga.libraries import CELLS_VARIABLE, LIBRARIES, find_library

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not os.environ.get(CELLS_VARIABLE), reason=f"{CELLS_VARIABLE} names no folder of libraries"),
]
UNITS = {
    "mac": MacConfig(weight="INT4", activation="INT4", k_max=64),
    "dot": MacConfig(unit="dot", weight="E2M1", activation="E4M3", lanes=3, k_max=64),
    "array": MacConfig(unit="array", weight="INT4", activation="INT8", rows=2, cols=2, lanes=2, k_max=64),
    "tile": BitSerialConfig(rows=1, cols=2, lanes=2, group=8, k_max=32, activation="INT8", weight_bits=4),
    "softmax": config_of({"unit": "softmax", "lanes": 2, "max_length": 9, "scale_is_fixed": True, "output_bits": 7}),
}


@pytest.mark.parametrize("name", LIBRARIES)
@pytest.mark.parametrize("unit", UNITS)
def test_netlists_are_golden(name, unit):
    result = sim.verify(
        UNITS[unit], seed=7, dot_products=12, corner_steps=40, netlist="cells", cells=name, engine="compiled"
    )
    assert (result.mismatches, result.resets) == (0, 2)


@pytest.mark.parametrize("name", LIBRARIES)
@pytest.mark.parametrize("unit", UNITS)
def test_netlists_with_gated_clocks_are_golden_under_icarus(name, unit):
    result = sim.verify(UNITS[unit], seed=8, dot_products=4, corner_steps=10, netlist="cells", cells=name)
    assert (result.mismatches, result.resets) == (0, 2)


def test_what_is_found_in_them():
    sky130, ihp, asap7 = (find_library(name) for name in ("sky130", "ihp-sg13g2", "asap7"))
    assert sky130.gate_area == pytest.approx(3.7536)
    assert sky130.flip_flop == Storage("sky130_fd_sc_hd__dfxtp_1", "D", "CLK", "Q", rising=True)
    assert sky130.full_adder == Adder("sky130_fd_sc_hd__fa_1", ("A", "B", "CIN"), "SUM", "COUT")
    assert ihp.gate_area == pytest.approx(7.2576)
    assert ihp.flip_flop == Storage("sg13g2_dfrbp_1", "D", "CLK", "Q", rising=True, tied=(("RESET_B", 1),))
    assert ihp.full_adder is None
    assert asap7.flip_flop == Storage("DFFHQNx1_ASAP7_75t_R", "D", "CLK", "QN", rising=True, inverted=True)
    assert asap7.full_adder is not None
    assert (asap7.full_adder.sum_inverted, asap7.full_adder.carry_inverted) == (True, True)
    for library in (sky130, ihp, asap7):
        assert library.clock_gate is not None
        assert library.left_out
