"""Configuration files and packed models that an earlier bitmill wrote: they still load, and mean what they meant.

``of_before/`` was written by the commit before families had a registry and users formats; nothing in it is ever rewritten.
"""

import hashlib
import json
from pathlib import Path

import pytest

from bitmill.config.family import config_of, read_config
from bitmill.golden.weights import dequantize
from bitmill.hdl.emit.verilog import emit
from bitmill.models.packed import read_packed

HERE = Path(__file__).parent / "of_before"
UNITS = json.loads((HERE / "units.json").read_text())
RENEWED = json.loads((HERE.parent / "of_before_renewed.json").read_text())
"""Units whose circuit is another one since: digests of their Verilog now, and why. Their configurations mean what they meant."""
VALUES = json.loads((HERE / "packed/values.json").read_text())
SLOW = ("bitmod-8x8.toml", "unit10.toml")


@pytest.mark.parametrize("name", UNITS)
def test_a_configuration_still_loads_and_is_written_alike(name):
    config = read_config(HERE / name)
    assert config.title == UNITS[name]["title"]
    assert config.to_toml() == (HERE / name).read_text()


def test_configurations_in_manifests_still_load():
    fields = json.loads((HERE / "dicts.json").read_text())
    assert [config_of(each).to_dict() for each in fields] == fields


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.long] * (name in SLOW)) for name in UNITS])
def test_its_verilog_is_the_same_byte_for_byte(name):
    text = emit(read_config(HERE / name), top="unit")
    renewed = RENEWED["verilog_sha256"].get(name)
    assert renewed != UNITS[name]["verilog_sha256"]
    assert hashlib.sha256(text.encode()).hexdigest() == (renewed or UNITS[name]["verilog_sha256"])


def test_only_arrays_have_another_circuit():
    assert {read_config(HERE / name).unit for name in RENEWED["verilog_sha256"]} == {"array"}


@pytest.mark.parametrize("name", VALUES)
def test_a_packed_model_still_holds_the_same_weights(name):
    packed = read_packed(HERE / f"packed/{name}.safetensors")
    found = {
        key: hashlib.sha256(dequantize(weights).tobytes()).hexdigest() for key, weights in packed.quantized.items()
    }
    assert found == VALUES[name]
