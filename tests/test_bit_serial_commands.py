"""Bit-serial tiles on the command line: generated, verified, and refused where they are not known."""

from __future__ import annotations

import json

import pytest

from bitmill import AcceleratorConfig
from bitmill.bit_serial import BitSerialConfig, read_config
from bitmill.config import preset

TOML = 'unit = "bit-serial"\nrows = 1\ncols = 2\nlanes = 2\ngroup = 16\nactivation = "INT8"\nk_max = 64\n'


@pytest.fixture
def tile(here):
    (here / "tile.toml").write_text(TOML)
    return "tile.toml"


def test_generate(cli, tile, here):
    result = cli("generate", tile, "-o", "out")
    assert result.out == "out/bitmill_top.v: bit-serial 1x2 tile of 2 lanes, INT8 activations, latency 13 cycles\n"
    described = json.loads((here / "out" / "manifest.json").read_text())
    assert described["result"]["unit_exponent"] == 0
    inputs = next(port for port in described["ports"] if port["name"] == "i__payload")
    # 2 x 8 bits of activations, 2 x 2 x 8 of weights, 2 x 12 about columns, 2 of cycles, 12 of special values, 2 ends.
    assert inputs["width"] == 16 + 32 + 24 + 2 + 12 + 2
    assert read_config(here / "out" / "config.toml") == read_config(here / tile)
    assert "throughput 4 product(s) every ceil(b / 2) cycles" in (here / "out" / "bitmill_top.v").read_text()


def test_verify(cli, tile, here):
    result = cli("verify", tile, "--seed", "3", "--dot-products", "12", "-o", "out")
    assert result.out.startswith("passed: bit-serial 1x2 tile of 2 lanes, INT8 activations, rtl, seed 3")
    record = json.loads((here / "out" / "verification.json").read_text())
    assert record["configuration"]["unit"] == "bit-serial"


def test_unit_decides_the_kind_of_configuration(here, tile):
    assert read_config(tile) == BitSerialConfig(rows=1, cols=2, lanes=2, group=16, activation="INT8", k_max=64)
    (here / "mac.toml").write_text(preset("int8-mac").to_toml())
    assert read_config("mac.toml") == AcceleratorConfig(weight="INT8", activation="INT8")


def test_commands_that_do_not_know_tiles(refuses, tile, here):
    wanted = "tile.toml: unit must be mac, dot or array for this command, not 'bit-serial'"
    assert refuses("synth", tile, "--target", "generic") == wanted
    assert refuses("build", tile, "--board", "icebreaker", "-o", "out") == wanted
    (here / "bad.toml").write_text(TOML.replace("16", "15"))
    assert refuses("generate", "bad.toml", "-o", "out") == "bad.toml: group must be a multiple of lanes = 2, not 15"
