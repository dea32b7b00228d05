"""``bitmill run gemm`` on the command line: what it prints and writes, and what it refuses in one line."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from bitmill import golden
from bitmill.formats.block import block_for
from bitmill.golden.blocks import quantize_blocks

TOML = 'weight = "E2M1"\nactivation = "INT8"\nunit = "array"\nrows = 2\ncols = 3\nk_max = 32\n'


@pytest.fixture
def files(here):
    rng = np.random.default_rng(3)
    np.save(here / "w.npy", rng.normal(size=(5, 7)))
    np.save(here / "a.npy", rng.normal(size=(4, 7)))
    (here / "array.toml").write_text(TOML)
    return ("--config", "array.toml", "--weights", "w.npy", "--activations", "a.npy")


def test_gemm(cli, files, here):
    result = cli("run", "gemm", *files, "-o", "out")
    assert result.status == 0
    assert result.out.startswith("passed: E2M1 x INT8 2x3 array, exact 17-bit accumulator, 5x4x7, compiled, 20 results")
    record = json.loads((here / "out" / "gemm.json").read_text())
    assert result.out.splitlines()[-1] == "written: out/gemm.json, out/output.npy"
    run = record["gemm"]
    assert (run["M"], run["N"], run["K"], run["tiles"], run["mismatches"]) == (5, 4, 7, 6, 0)
    parts = ("steps", "short_tiles", "stalls", "gaps", "fill", "drain")
    assert run["cycles"] == sum(run[part] for part in parts)
    assert record["versions"]["bitmill"]

    weight, activation = np.load(here / "w.npy"), np.load(here / "a.npy")
    output = np.load(here / "out" / "output.npy")
    rounded = [
        golden.dequantize(name, golden.quantize(name, tensor, scale), scale)
        for name, tensor in (("E2M1", weight), ("INT8", activation))
        for scale in [golden.choose_scale(name, tensor, granularity="channel", name=name)]
    ]
    np.testing.assert_allclose(output, rounded[0] @ rounded[1].T, rtol=1e-12)
    wanted = weight @ activation.T
    decibels = 10 * np.log10((wanted**2).sum() / ((wanted - output) ** 2).sum())
    assert run["sqnr_db"] == pytest.approx(decibels)
    assert f"SQNR: {decibels:.2f} dB against the product of the given matrices" in result.out.splitlines()


@pytest.mark.parametrize("power", [600, -600])
def test_sqnr_of_great_and_small_matrices(power, cli, files, here):
    told = []
    for scale in (0, power):
        for file in ("w.npy", "a.npy"):
            np.save(
                here / file, np.ldexp(np.random.default_rng(3).normal(size=(4, 7)), scale if file == "w.npy" else 0)
            )
        result = cli("run", "gemm", *files)
        told.append([line for line in result.out.splitlines() if line.startswith("SQNR: ")])
    assert told[0] == told[1] != []


def test_no_error_is_said(cli, files, here):
    for file in ("w.npy", "a.npy"):
        np.save(here / file, np.ones((2, 7)))
    assert "SQNR: no error against the product of the given matrices" in cli("run", "gemm", *files).out


SCALED = 'weight = "E2M1"\nactivation = "INT8"\nunit = "array"\nlanes = 2\nk_max = 32\nblock = 4\nscale = "{}"\n'


@pytest.mark.parametrize(("scale", "scheme", "rule"), [("E4M3", None, "maximum"), ("E8M0", "mxfp4-up", "round-up")])
def test_gemm_in_blocks(scale, scheme, rule, cli, files, here):
    """K of 8 is two blocks; the INT8 of MX is worth 64ths."""
    for file in ("w.npy", "a.npy"):
        np.save(here / file, np.pad(np.load(here / file), ((0, 0), (0, 1)), mode="reflect"))
    (here / "array.toml").write_text(SCALED.format(scale) + '[accumulator]\nkind = "float"\n')
    result = cli("run", "gemm", *files, "-o", "out", *(() if scheme is None else ("--scheme", scheme)))
    assert result.status == 0, result.err
    assert json.loads((here / "out" / "gemm.json").read_text())["inputs"]["rule"] == rule
    found = [
        quantize_blocks(block_for(name, scale, 4, rule=rule), np.load(here / file)).values()
        for name, file in (("E2M1", "w.npy"), ("INT8", "a.npy"))
    ]
    output = np.load(here / "out" / "output.npy")
    np.testing.assert_allclose(output, found[0] @ found[1].T, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(output, np.load(here / "w.npy") @ np.load(here / "a.npy").T, atol=1.6)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ((), "weights must have K a multiple of the block of 4 for MX E2M1 x INT8 .*, not 7"),
        (("--scheme", "nvfp4"), "--scheme must be one of mxfp4, mxfp4-up for MX E2M1 x INT8 .*, not 'nvfp4'"),
        (("--rule", "maximum"), "--rule must be left out for MX E2M1 x INT8 .*, not 'maximum'"),
        (("--group", "4"), "--group must be given with a bit-serial tile, not with MX E2M1 x INT8 .*"),
    ],
)
def test_wrong_options_for_blocks(option, message, refuses, files, here):
    (here / "array.toml").write_text(SCALED.format("E8M0") + '[accumulator]\nkind = "float"\n')
    assert re.match(message, refuses("run", "gemm", *files, *option))


def test_saturated_results_are_counted(cli, files, here):
    narrow = 'saturated = true\n[accumulator]\nkind = "fixed"\nwidth = 12\noverflow = "saturate"\n'
    (here / "array.toml").write_text(TOML + narrow)
    result = cli("run", "gemm", *files, "-o", "out")
    count = json.loads((here / "out" / "gemm.json").read_text())["gemm"]["saturated_results"]
    assert 0 < count < 20
    assert f"{count} of 20 results saturated in the accumulator" in result.out


def test_stalls_appear_in_the_account(cli, files):
    out = cli("run", "gemm", *files, "--stall", "0.4", "--seed", "2").out
    rows = {line.rsplit(maxsplit=2)[0].strip(): line.split() for line in out.splitlines()}
    assert int(rows["no step offered"][-2]) > 0


def test_wrong_operands(refuses, files, here):
    np.save(here / "short.npy", np.ones((4, 6)))
    assert (
        refuses("run", "gemm", *files[:4], "--activations", "short.npy")
        == "activations must have K = 7 as the weights have, not 6"
    )
    np.save(here / "long.npy", np.ones((2, 33)))
    long = ("--weights", "long.npy", "--activations", "long.npy")
    assert refuses("run", "gemm", *files[:2], *long) == "K must be at most k_max = 32, not 33"
    np.save(here / "nan.npy", np.full((2, 7), np.nan))
    assert refuses("run", "gemm", *files[:2], "--weights", "nan.npy", *files[4:]).startswith(
        "weights: nan.npy: must be finite"
    )
    np.save(here / "codes.npy", np.ones((2, 7), np.int8))
    assert "dtype must be float16" in refuses("run", "gemm", *files[:2], "--weights", "codes.npy", *files[4:])
    assert "no such file" in refuses("run", "gemm", *files[:2], "--weights", "none.npy", *files[4:])
    np.save(here / "empty.npy", np.ones((2, 0)))
    assert "none of them 0" in refuses(
        "run", "gemm", *files[:2], "--weights", "empty.npy", "--activations", "empty.npy"
    )


def test_wrong_unit_and_option(refuses, files):
    message = refuses("run", "gemm", "--preset", "int8-mac", *files[2:])
    assert (
        message
        == "unit must be 'array' or 'bit-serial' to be run on matrices, not 'mac': it has no rows and columns for them"
    )
    assert "--stall" in refuses("run", "gemm", *files, "--stall", "1.0")
    assert "'verilator' is not one of" in refuses("run", "gemm", *files, "--engine", "verilator")


def test_nothing_is_left_of_a_failed_run(refuses, files, here):
    refuses("run", "gemm", "--preset", "int8-mac", *files[2:], "-o", "out")
    assert not (here / "out").exists()


def test_what_a_rule_clips_is_said(cli, files, here):
    (here / "array.toml").write_text(TOML.replace("E2M1", "INT3"))
    np.save(here / "w.npy", np.random.default_rng(4).normal(size=(5, 32)))
    np.save(here / "a.npy", np.random.default_rng(4).normal(size=(4, 32)))
    result = cli("run", "gemm", *files, "--rule", "least-squares", "-o", "out")
    assert result.status == 0
    lost = json.loads((here / "out" / "gemm.json").read_text())["gemm"]["losses"]["weights"]
    assert (lost["saturated"], lost["values"]) == (0, 160)
    assert lost["clipped"] > 0
    assert f"weights: {lost['clipped']} clipped by the rule that chose the scales" in result.out


def test_negative_activations_of_an_unsigned_format_fail_the_run(cli, files, here):
    (here / "array.toml").write_text(TOML.replace("INT8", "UINT8"))
    activation = np.abs(np.load(here / "a.npy"))
    activation[2, 3] = -activation.max()
    np.save(here / "a.npy", activation)
    result = cli("run", "gemm", *files)
    assert result.status != 0
    assert "--allow-saturation be given, not 1 saturated" in result.err
    assert cli("run", "gemm", *files, "--allow-saturation").status == 0
