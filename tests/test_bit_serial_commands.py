"""Bit-serial tiles on the command line: generated, verified, synthesized, built and refused."""

from __future__ import annotations

import json

import pytest

from bitmill import MacConfig
from bitmill.config.bit_serial import BitSerialConfig
from bitmill.config.family import read_config
from bitmill.config.presets import preset

TOML = 'unit = "bit-serial"\nrows = 1\ncols = 2\nlanes = 2\ngroup = 16\nactivation = "INT8"\nk_max = 64\n'
TINY = TOML.replace("lanes = 2", "lanes = 1").replace("16", "8") + "weight_bits = 4\n"


@pytest.fixture
def tile(here):
    (here / "tile.toml").write_text(TOML)
    return "tile.toml"


def test_generate(cli, tile, here):
    result = cli("generate", tile, "-o", "out")
    assert result.out == "out/bitmill_top.v: bit-serial 1x2 tile of 2 lanes, INT8 activations, latency 13 cycles\n"
    described = json.loads((here / "out" / "manifest.json").read_text())
    assert described["result"]["unit_exponent"] == 0
    inputs = next(port for port in described["ports"] if port["name"] == "i_payload")
    # 2 x 8 bits of activations, 2 x 2 x 8 of weights, 2 x 12 about columns, 2 of cycles, 12 of special values, 2 ends.
    assert inputs["width"] == 16 + 32 + 24 + 2 + 12 + 2
    assert read_config(here / "out" / "config.toml") == read_config(here / tile)
    header = (here / "out" / "bitmill_top.v").read_text().partition("\nmodule")[0].replace("//", " ")
    assert "throughput, 4 product(s) every ceil(b / 2) cycles" in " ".join(header.split())


def test_verify(cli, tile, here):
    result = cli("verify", tile, "--seed", "3", "--dot-products", "12", "-o", "out")
    assert result.out.startswith("passed: bit-serial 1x2 tile of 2 lanes, INT8 activations, rtl, seed 3")
    record = json.loads((here / "out" / "verification.json").read_text())
    assert record["configuration"]["unit"] == "bit-serial"


def test_unit_decides_the_kind_of_configuration(here, tile):
    assert read_config(tile) == BitSerialConfig(rows=1, cols=2, lanes=2, group=16, activation="INT8", k_max=64)
    (here / "mac.toml").write_text(preset("int8-mac").to_toml())
    assert read_config("mac.toml") == MacConfig(weight="INT8", activation="INT8")


def test_synth(cli, tile, here):
    (here / "tiny.toml").write_text(TINY)
    result = cli("synth", "tiny.toml", "--target", "generic", "-o", "record.json")
    title, header, logic, registers = result.out.splitlines()
    assert title == "bit-serial 1x2 tile of 1 lane, INT8 activations, generic, recipe plain"
    assert header.split() == ["count", "unit", "per", "lane"]
    record = json.loads((here / "record.json").read_text())
    assert record["configuration"]["unit"] == "bit-serial"
    counts = record["synthesis"]["counts"]
    assert float(logic.split()[-1]) == pytest.approx(counts["logic"] / 2, abs=0.05)
    # At least each PE's accumulator and total.
    assert int(registers.split()[-2]) == counts["registers"] > 2 * (17 + 26)


def test_synth_says_that_a_tile_has_no_multiplier(cli, here):
    (here / "tiny.toml").write_text(TINY)
    result = cli("synth", "tiny.toml", "--target", "ecp5", "--dsp", "--no-timing")
    assert result.err.splitlines()[-1] == "bitmill: note: a bit-serial tile has no multiplier, so no DSP block is used"
    assert result.out.splitlines()[4].split() == ["dsp", "0"]


@pytest.mark.long
@pytest.mark.parametrize("target", ["ecp5", "ice40", "liberty"])
def test_synth_reaches_a_clock(cli, here, target):
    (here / "tiny.toml").write_text(TINY)
    arguments = [] if target == "liberty" else ["--seeds", "1"]
    told = cli("synth", "tiny.toml", "--target", target, *arguments).out.splitlines()[-1]
    assert "MHz" in told


@pytest.mark.long
def test_a_tile_that_ecp5_mapping_once_failed_on(cli, here):
    """Yosys 0.70 fails on this one when names have brackets."""
    (here / "bf16.toml").write_text(
        'unit = "bit-serial"\ncols = 2\nactivation = "BF16"\nwindow = 12\ngroup = 16\nweight_bits = 6\n'
    )
    assert cli("synth", "bf16.toml", "--target", "ecp5", "--no-timing").status == 0


@pytest.mark.long
def test_build(cli, here):
    (here / "tiny.toml").write_text(TINY)
    assert cli("build", "tiny.toml", "-o", "out").status == 0
    record = json.loads((here / "out" / "bitmill_top.icebreaker.json").read_text())
    assert record["fmax_mhz"] > record["clock_mhz"]


def test_refused(refuses, tile, here):
    (here / "bad.toml").write_text(TOML.replace("16", "15"))
    wanted = "bad.toml: group must be a multiple of lanes = 2, not 15"
    for command in (["generate", "-o", "out"], ["synth", "--target", "generic"], ["build", "-o", "out"]):
        assert refuses(command[0], "bad.toml", *command[1:]) == wanted


def test_presets_of_tiles_are_taken(cli, here):
    assert cli("generate", "--preset", "bitmod-pe", "-o", "out").status == 0
    assert read_config(here / "out" / "config.toml") == BitSerialConfig()
