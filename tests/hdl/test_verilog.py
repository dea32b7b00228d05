"""The emitted Verilog: the lane that is elaborated once gives the same circuit as lanes elaborated one by one."""

from __future__ import annotations

import re

import pytest
from amaranth.back import rtlil

from bitmill import BitmillError, ExactAccumulator, FloatAccumulator, MacConfig, preset
from bitmill.hdl import build
from bitmill.hdl.emit import verilog
from bitmill.system.tools import run_yosys

EQUIVALENCE = """
read_rtlil flat.il
read_verilog emitted.v
attrmap -modattr -remove top
proc
flatten
opt -full
memory_map
async2sync
opt_clean
equiv_make flat_unit bitmill_top equivalence
hierarchy -top equivalence
opt_clean
equiv_simple -undef
equiv_induct -undef
equiv_status -assert
write_rtlil proved.il
"""


def prove_equal(config: MacConfig, emitted: str) -> None:
    # Registers and ports are paired by name.
    flat = re.sub(r"\b([io])__(payload|valid|ready)\b", r"\1_\2", rtlil.convert(build(config), name="flat_unit"))
    run_yosys(EQUIVALENCE, files={"flat.il": flat, "emitted.v": emitted}, outputs=["proved.il"])


CONFIGS = [
    MacConfig(weight="E2M1", activation="E2M1", unit="dot", lanes=4),
    MacConfig(weight="INT4", activation="INT8", unit="dot", lanes=2),
    MacConfig(weight="E2M1", activation="E2M1", unit="dot", lanes=2, accumulator=FloatAccumulator()),
    MacConfig(weight="E4M3", activation="E4M3", unit="mac"),
]


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.title)
def test_instantiated_lanes_equal_elaborated_lanes(config):
    prove_equal(config, verilog.emit(config))


def test_the_equivalence_can_fail():
    config = CONFIGS[0]
    same_width = ExactAccumulator(width=config.accumulator_bits)
    other = MacConfig(weight="E2M1", activation="E2M1", unit="dot", lanes=4, k_max=8, accumulator=same_width)
    with pytest.raises(BitmillError, match="unproven"):
        prove_equal(config, verilog.emit(other))


def test_header_states_configuration_and_command():
    text = verilog.emit(preset("e4m3-dot32"))
    header = text[: text.index("module")]
    assert "E4M3 dot32, exact 49-bit accumulator" in header
    assert '"weight": "E4M3"' in header
    assert "bitmill generate" in header
    assert text.count("\nmodule bitmill_top_lane") >= 1
    assert text.count("  bitmill_top_lane  lane") == 32
