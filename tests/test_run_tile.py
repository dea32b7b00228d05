"""``bitmill run gemm`` on a bit-serial tile: schemes, packed files, what it prints and writes, and what it refuses."""

from __future__ import annotations

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from bitmill import golden
from bitmill.golden.weights import dequantize, quantize_weights

TOML = 'unit = "bit-serial"\nrows = 2\ncols = 3\nlanes = 2\ngroup = 16\nk_max = 64\nweight_bits = 6\n'
INT8 = TOML + 'activation = "INT8"\n'


@pytest.fixture
def files(here):
    rng = np.random.default_rng(7)
    np.save(here / "w.npy", rng.normal(size=(5, 32)).astype(np.float32))
    np.save(here / "a.npy", rng.normal(size=(3, 32)))
    (here / "tile.toml").write_text(TOML)
    (here / "int8.toml").write_text(INT8)
    return ("--config", "tile.toml", "--weights", "w.npy", "--activations", "a.npy", "--group", "16")


def sqnr(wanted, found):
    return 10 * np.log10(np.square(wanted).sum() / np.square(wanted - found).sum())


def test_gemm(cli, files, here):
    result = cli("run", "gemm", *files, "-o", "out")
    assert result.status == 0
    title = "bit-serial 2x3 tile of 2 lanes, FP16 activations, 16-bit window"
    assert result.out.startswith(f"passed: {title}, 5x3x32, compiled, 15 results equal golden\n")
    assert f"running {title}" in result.err
    run = json.loads((here / "out" / "gemm.json").read_text())["gemm"]
    assert (run["M"], run["N"], run["K"], run["tiles"], run["mismatches"]) == (5, 3, 32, 4, 0)
    assert (run["scheme"], run["group"], run["weight_cycles"]) == ("bitmod-fp4", 16, 2)
    assert run["terms"] == 4 * 16 * 2
    assert run["cycles"] == run["terms"] + run["waits"] + run["drain"]
    assert run["ideal_cycles"] == 5 * 3 * 32 * 2 / 12

    weight, activation = np.load(here / "w.npy"), np.load(here / "a.npy")
    output = np.load(here / "out" / "output.npy")
    quantized = dequantize(quantize_weights("bitmod-fp4", weight, group=16)) @ activation.astype(np.float16).T
    np.testing.assert_allclose(output, quantized, atol=1e-3 * np.abs(quantized).max())
    assert run["sqnr_db"] == pytest.approx(sqnr(weight @ activation.T, output))
    assert run["sqnr_of_the_tile_db"] == pytest.approx(sqnr(quantized, output), abs=0.1)
    told = (
        f"SQNR: {run['sqnr_db']:.2f} dB against the product of the given matrices, {run['sqnr_of_the_tile_db']:.2f} dB"
    )
    assert told in result.out


@pytest.mark.parametrize("rule", ["maximum", "least-squares"])
def test_integer_activations_have_a_scale_a_token(cli, files, here, rule):
    options = ("--config", "int8.toml", *files[2:], "--scheme", "int6", "--rule", rule)
    result = cli("run", "gemm", *options, "-o", "out")
    assert "6 in groups of 16, 3 cycle(s) a weight" in result.out
    assert "no error against that of the quantized ones" in result.out
    weight, activation = np.load(here / "w.npy"), np.load(here / "a.npy")
    scale = golden.choose_scale("INT8", activation, granularity="token", rule=rule, name="a")
    rounded = golden.dequantize("INT8", golden.quantize("INT8", activation, scale), scale)
    wanted = dequantize(quantize_weights("int6", weight, group=16)) @ rounded.T
    np.testing.assert_allclose(np.load(here / "out" / "output.npy"), wanted, rtol=1e-9, atol=1e-12)
    assert json.loads((here / "out" / "gemm.json").read_text())["inputs"]["rule"] == rule


def test_packed_weights(cli, refuses, files, here):
    weight = np.load(here / "w.npy")
    save_file({"fc.weight": weight, "other": weight[:2], "norm": np.ones(3, np.float32)}, here / "model.safetensors")
    packing = ("model.safetensors", "--scheme", "int4", "--group", "8", "--skip", "other", "-o", "packed.safetensors")
    assert cli("quantize", *packing).status == 0
    start = ("run", "gemm", "--config", "int8.toml", "--activations", "a.npy", "--weights")
    result = cli(*start, "packed.safetensors:fc.weight", "-o", "out")
    last, written = result.out.splitlines()[-2:]
    assert last.startswith("int4 in groups of 8, 2 cycle(s) a weight; SQNR: no error")
    assert written == "written: out/gemm.json, out/output.npy"
    again = cli(*start, "model.safetensors:fc.weight", "--scheme", "int4", "--group", "8", "-o", "again")
    assert again.status == 0
    np.testing.assert_array_equal(np.load(here / "out" / "output.npy"), np.load(here / "again" / "output.npy"))
    # A tensor that was kept as it is, is quantized now.
    assert "bitmod-fp4" in cli(*start, "packed.safetensors:other", "--group", "16").out
    wanted = "--scheme must not be given with packed.safetensors:fc.weight, which is quantized in int4"
    assert refuses(*start, "packed.safetensors:fc.weight", "--scheme", "int4") == wanted
    missing = "weights: packed.safetensors: has no tensor 'fc2'; it holds fc.weight"
    assert refuses(*start, "packed.safetensors:fc2") == missing


def test_stalls_are_waits(cli, files):
    free, stalled = (cli("run", "gemm", *files, "--stall", stall, "--seed", "2").out for stall in ("0", "0.5"))
    waits = [next(line for line in out.splitlines() if line.startswith("between steps")) for out in (free, stalled)]
    assert int(waits[0].split()[-2]) < int(waits[1].split()[-2])


def test_what_a_tile_does_not_take(refuses, files, here):
    start = ("run", "gemm", *files[:-2])
    accepted = "bitmod-fp4, bitmod-fp3, fp4, fp3, int3, int4, int5, int6"
    tile = "a bit-serial tile of 6-bit weights"
    for scheme in ("nf4", "mxfp4", "int4-asym", "int8"):
        wanted = f"scheme must be one of {accepted} for {tile}, not '{scheme}'"
        assert refuses(*start, "--group", "16", "--scheme", scheme) == wanted
    assert "not 'int9'" in refuses(*start, "--scheme", "int9")
    group = "group must be at most 16 and a multiple of lanes = 2, not "
    assert refuses(*start) == f"{group}128"
    assert refuses(*start, "--group", "3") == f"{group}3"
    assert refuses(*start, "--group", "0") == f"{group}0"
    assert refuses(*start, "--group", "12") == "group must divide K = 32, not 12"
    rule = "--rule must not be given with FP16 activations, which have no scale"
    assert refuses(*start, "--group", "16", "--rule", "maximum") == rule


def test_wrong_operands(refuses, files, here):
    start = ("run", "gemm", "--config", "tile.toml", "--group", "16")
    np.save(here / "short.npy", np.ones((2, 16)))
    wrong = ("--weights", "w.npy", "--activations", "short.npy")
    assert refuses(*start, *wrong) == "activations must have K = 32 as the weights have, not 16"
    np.save(here / "long.npy", np.ones((2, 80)))
    long = ("--weights", "long.npy", "--activations", "long.npy")
    assert refuses(*start, *long) == "K must be at most k_max = 64, not 80"
    np.save(here / "nan.npy", np.full((2, 32), np.nan))
    nan = refuses(*start, "--weights", "nan.npy", "--activations", "a.npy")
    assert nan.startswith("weights: nan.npy: must be finite")
    assert "no such file" in refuses(*start, "--weights", "none.safetensors", "--activations", "a.npy")


def test_options_of_tiles_are_refused_for_arrays(refuses, files):
    start = ("run", "gemm", "--preset", "int8-4x4", *files[2:6])
    array = "INT8 4x4 array, exact 32-bit accumulator"
    tiles = "a bit-serial tile or an array with scales"
    assert refuses(*start, "--scheme", "int4") == f"--scheme must be given with {tiles}, not with {array}"
    assert refuses(*start, "--group", "16") == f"--group must be given with a bit-serial tile, not with {array}"


def test_an_activation_beyond_fp16_fails_the_run(cli, files, here):
    activation = np.load(here / "a.npy")
    activation[1, 5] = 1e6
    np.save(here / "a.npy", activation)
    result = cli("run", "gemm", *files, "-o", "out")
    assert result.status != 0
    assert result.err.splitlines()[-1] == (
        "bitmill: error: activations must fit their format, or --allow-saturation be given, "
        "not 1 saturated, of 96 values"
    )
    assert not (here / "out").exists()

    allowed = cli("run", "gemm", *files, "--allow-saturation", "-o", "out")
    assert allowed.status == 0
    assert "activations: 1 saturated, of 96 values\n" in allowed.out
    lost = json.loads((here / "out" / "gemm.json").read_text())["gemm"]["losses"]
    assert (lost["activations"]["saturated"], lost["activations"]["values"]) == (1, 96)


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e300])
def test_infinite_activations_fail_the_run(cli, files, here, value):
    activation = np.load(here / "a.npy")
    activation[0, 0] = value
    np.save(here / "a.npy", activation)
    assert cli("run", "gemm", *files).status != 0


def test_a_lost_token_fails_the_run_and_small_values_are_said(cli, files, here):
    activation = np.load(here / "a.npy")
    activation[2] *= 1e-12
    np.save(here / "a.npy", activation)
    result = cli("run", "gemm", *files)
    assert "1 slices that were not zero became zero, 32 rounded to zero, of 96 values" in result.err
    activation[2, 0] = -0.0
    activation[2, 1] = 1.0
    np.save(here / "a.npy", activation)
    result = cli("run", "gemm", *files)
    assert (result.status, "activations: 30 rounded to zero, of 96 values\n" in result.out) == (0, True)


def test_a_channel_of_weights_that_is_lost_fails_the_run(cli, files, here):
    weight = np.load(here / "w.npy")
    weight[3] *= 1e-12
    np.save(here / "w.npy", weight)
    result = cli("run", "gemm", *files)
    assert result.status != 0
    assert "weights must fit their format, or --allow-saturation be given, not 1 flushed channels" in result.err
    assert "weights: 1 flushed channels" in cli("run", "gemm", *files, "--allow-saturation").out
