"""Units of rows and parallel PEs by their configurations: RTL and netlists against golden, in both engines."""

from __future__ import annotations

import pytest

from bitmill.config.family import config_of
from bitmill.config.row_presets import OTHER_UNITS
from bitmill.hdl.emit import verilog
from bitmill.sim import VerificationError, verify

SMALL = [
    {"unit": "softmax", "lanes": 3, "max_length": 20},
    {"unit": "softmax", "lanes": 2, "max_length": 9, "scale_is_fixed": True, "output_bits": 7},
    {"unit": "shiftmax", "lanes": 3, "max_length": 20},
    {"unit": "gelu", "lanes": 3},
    {"unit": "shift-gelu", "lanes": 2},
    {"unit": "shift-gelu", "lanes": 2, "maximum": "row", "max_length": 12},
    {"unit": "layernorm", "lanes": 2, "max_length": 20},
    {"unit": "rmsnorm", "lanes": 2, "max_length": 20},
    {"unit": "newton-norm", "lanes": 2, "max_length": 20},
    {"unit": "requantize", "lanes": 2},
    {"unit": "parallel"},
    {"unit": "parallel", "weight": "OLIVE", "headroom": 5},
    {"unit": "parallel", "weight": "ANT", "activation": "BF16"},
    {"unit": "parallel", "weight": "INT8", "activation": "INT8", "headroom": 6},
]
VARIANTS = [SMALL[1], SMALL[5], SMALL[7], SMALL[12], SMALL[13]]
TINY = [{"unit": "requantize", "lanes": 2, "input_bits": 6, "multiplier_bits": 3, "ratio": 0.1}, SMALL[11]]
IDS = [" ".join(map(str, fields.values())) for fields in SMALL]


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param(fields, id=name, marks=pytest.mark.long if fields in VARIANTS else ())
        for name, fields in zip(IDS, SMALL, strict=True)
    ],
)
def test_small_units_in_both_engines(fields):
    config = config_of(fields)
    first, second = (verify(config, seed=41, dot_products=20, engine=engine) for engine in ("cocotb", "compiled"))
    assert first.phases == second.phases
    assert first.mismatches == 0
    assert first.resets == 2
    assert first.input_stalls > 0
    assert first.output_stalls > 0


@pytest.mark.parametrize("kind", ["generic", "ecp5"])
@pytest.mark.parametrize("fields", TINY, ids=lambda fields: fields["unit"])
def test_netlists(fields, kind):
    assert verify(config_of(fields), seed=43, dot_products=12, netlist=kind, engine="compiled").level == kind


def test_a_preset_of_four_lanes_as_a_netlist():
    result = verify(
        OTHER_UNITS["gelu-4"], seed=48, dot_products=8, corner_steps=80, netlist="generic", engine="compiled"
    )
    assert (result.level, result.mismatches, result.resets) == ("generic", 0, 2)


def test_a_row_that_is_too_long_is_played():
    names = [phase.name for phase in verify(config_of(SMALL[6]), seed=44, dot_products=6, engine="compiled").phases]
    assert names == ["back-to-back", "random stalls", "bursts", "too long a row", "reset"]


def test_a_wrong_circuit_is_found():
    config = config_of(SMALL[3])
    text = verilog.emit(config)
    wrong = text.replace("lane0_fits ? lane0_total[10:3]", "lane0_fits ? lane0_total[9:2]")
    assert wrong != text
    with pytest.raises(VerificationError, match=r"elements \(.* instead of"):
        verify(config, seed=45, dot_products=12, verilog=wrong, engine="compiled")


@pytest.mark.long
@pytest.mark.parametrize("engine", ["cocotb", "compiled"])
@pytest.mark.parametrize("name", OTHER_UNITS)
def test_every_preset(name, engine):
    assert verify(OTHER_UNITS[name], seed=46, dot_products=12, engine=engine).mismatches == 0


@pytest.mark.long
@pytest.mark.parametrize("kind", ["generic", "ecp5"])
@pytest.mark.parametrize("name", [name for name, unit in OTHER_UNITS.items() if unit.macs == 1])
def test_every_preset_of_one_lane_as_a_netlist(name, kind):
    # Lanes are copies; a netlist of sixteen is minutes of synthesis and of compilation.
    result = verify(OTHER_UNITS[name], seed=47, dot_products=4, corner_steps=600, netlist=kind, engine="compiled")
    assert result.mismatches == 0
