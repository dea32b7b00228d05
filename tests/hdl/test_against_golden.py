"""Generated Verilog and its netlists against golden in Icarus: corners, random stalls on both sides, resets in the middle."""

from __future__ import annotations

import numpy as np
import pytest

from bitmill import FloatAccumulator, MacConfig, golden, preset
from bitmill.config.bit_serial import BitSerialConfig
from bitmill.config.presets import FAMILY_UNITS, PRESETS, UNITS, any_preset
from bitmill.config.row_presets import OTHER_UNITS
from bitmill.models.sample import load_layer
from bitmill.sim import Verification, verify

QUICK_RTL = ["int8-mac", "e4m3-mac", "e5m2-mac-fp32", "e2m1xe4m3-mac", "int4xint8-mac-fp32"]
QUICK_NETLISTS = [
    ("e4m3-mac", "generic"),
    ("int8-mac", "ecp5"),
    ("e2m1-mac-fp32", "generic"),
    ("e2m1-mac", "gowin"),
    ("int4-mac", "xilinx7"),
]
SMALL_DOTS = [
    MacConfig(weight="E4M3", activation="E4M3", unit="dot", lanes=4, k_max=32),
    MacConfig(weight="INT8", activation="INT8", unit="dot", lanes=5, k_max=30, multiplier="operator"),
    MacConfig(weight="E5M2", activation="E2M3", unit="dot", lanes=3, k_max=24, accumulator=FloatAccumulator()),
]


def check(result: Verification, *, cols: int = 1) -> None:
    """The run really had traffic of every kind."""
    # An array gives a row of results a transfer.
    assert result.transactions * cols >= result.results > 0
    assert result.input_stalls > 0
    assert result.output_stalls > 0
    assert result.resets >= 1
    assert result.mismatches == 0


@pytest.mark.parametrize("name", QUICK_RTL)
def test_mac(name):
    check(verify(preset(name), seed=11, dot_products=40, corner_steps=40))


@pytest.mark.parametrize(("name", "kind"), QUICK_NETLISTS)
def test_mac_netlist(name, kind):
    check(verify(preset(name), seed=12, dot_products=24, corner_steps=16, netlist=kind))


@pytest.mark.parametrize("config", SMALL_DOTS, ids=lambda config: config.title)
def test_dot_product(config):
    check(verify(config, seed=13, dot_products=40, corner_steps=40))


@pytest.mark.parametrize("kind", ["generic", "ecp5", "gowin", "xilinx7"])
def test_dot_product_netlist(kind):
    check(verify(SMALL_DOTS[0], seed=14, dot_products=20, corner_steps=16, netlist=kind))


@pytest.mark.parametrize("name", ["e4m3-dot32", "int8-dot32"])
def test_real_layer_runs_through_the_dot_product(name):
    config = preset(name)
    layer = load_layer("attention")
    weight_scale = golden.choose_scale(config.weight, layer.weight, granularity="channel", name="weight")
    activation_scale = golden.choose_scale(config.activation, layer.held_out, granularity="token", name="held_out")
    weights = golden.quantize(config.weight, layer.weight, weight_scale)
    activations = golden.quantize(config.activation, layer.held_out, activation_scale)
    rows = np.arange(6)
    result = verify(config, seed=15, codes=(weights[rows], activations[rows]))
    assert result.products >= len(rows) * layer.weight.shape[1]
    assert result.mismatches == 0


@pytest.mark.long
# Units of rows and parallel PEs: tests/sim/test_row_families.py; those of families: tests/sim/test_family_presets.py.
@pytest.mark.parametrize("name", [name for name in PRESETS if name not in {**OTHER_UNITS, **FAMILY_UNITS}])
def test_every_preset(name):
    config = any_preset(name)
    assert isinstance(config, MacConfig | BitSerialConfig)
    if config.rows * config.cols > 1:
        # Icarus takes the better part of an hour for 256 PEs; small arrays and tiles of every kind run under it in
        # test_array and test_serial_tile.
        check(verify(config, seed=16, dot_products=24, corner_steps=300, engine="compiled"), cols=config.cols)
        return
    check(verify(config, seed=16, dot_products=120, corner_steps=300 if "dot" in name else 4200))


@pytest.mark.long
@pytest.mark.parametrize("kind", ["generic", "ecp5", "gowin", "xilinx7"])
@pytest.mark.parametrize("name", [name for name, config in UNITS.items() if config.unit == "mac"])
def test_every_mac_netlist(name, kind):
    check(verify(preset(name), seed=17, dot_products=40, corner_steps=40, netlist=kind))
