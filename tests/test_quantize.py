"""``bitmill quantize``: what it writes and says, and how it refuses."""

from __future__ import annotations

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from bitmill.golden.weights import dequantize
from bitmill.models import read_packed


@pytest.fixture
def model(tmp_path):
    weights = np.random.default_rng(63).normal(size=(4, 256)).astype(np.float32)
    path = tmp_path / "model.safetensors"
    save_file({"w": weights, "bias": weights[:, 0].copy()}, path)
    return path, weights


def test_quantize(cli, model, tmp_path):
    path, weights = model
    out = tmp_path / "new" / "out.safetensors"
    done = cli("quantize", path, "--scheme", "bitmod-fp4", "-o", out)
    assert done.status == 0, done.err
    # A row: 256 codes of 4 bits, two group scales, a channel scale, and two selectors of 2 bits in a byte of their own.
    bits = (256 * 4 + 2 * 8 + 16 + 8) / 256
    assert f"1024 weights of 1 tensors in bitmod-fp4: {bits:.4f} bits per weight of these, SQNR" in done.out
    assert f"The whole file: {out.stat().st_size} bytes for 1028 parameters, " in done.out
    assert "kept: 1 dimension, not 2" in done.out
    assert "bitmod-fp4: w (0 of 1024)" in done.err
    values = dequantize(read_packed(out).quantized["w"])
    assert np.square(values - weights).sum() < 0.02 * np.square(weights).sum()


def test_json(cli, model, tmp_path):
    path, _ = model
    done = cli("quantize", path, "--scheme", "int8", "--group", "64", "--json", "-o", tmp_path / "out.safetensors")
    found = json.loads(done.out)
    assert found["bits_per_weight"] == 8 + 8 / 64 + 16 / 256
    assert found["bytes"] == (tmp_path / "out.safetensors").stat().st_size
    assert [row["name"] for row in found["tensors"]] == ["w"]
    assert found["kept"] == [{"name": "bias", "shape": [4], "why": "1 dimension, not 2"}]


def test_list(cli):
    assert "bitmod-fp3" in cli("quantize", "--list").out
    rows = json.loads(cli("quantize", "--list", "--json").out)
    assert {"olive4", "mxfp4", "ant4"} <= {row["scheme"] for row in rows}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{model}", "--scheme", "fp7", "-o", "{out}"], "scheme must be one of bitmod-fp4, bitmod-fp3,"),
        (["{model}", "-o", "{out}"], "give --scheme NAME"),
        (["{model}", "--scheme", "int4"], "give -o OUT.safetensors"),
        (["--scheme", "int4", "-o", "{out}"], "give MODEL.safetensors"),
        (["{model}", "--scheme", "int4", "--group", "0", "-o", "{out}"], "group must be at least 1, not 0"),
        (["{model}", "--scheme", "olive4", "--group", "3", "-o", "{out}"], "group must be even and at least 1, not 3"),
        (["{model}", "--scheme", "int4", "--group", "100", "-o", "{out}"],
         "must have a matrix to quantize, not only tensors kept as they are: 1 dimension, not 2; rows of 256 are not"),
        (["{model}", "--scheme", "int4", "--skip", "(", "-o", "{out}"], "skip must be a regular expression, not '('"),
        (["{none}", "--scheme", "int4", "-o", "{out}"], "none.safetensors: cannot be read: No such file"),
        (["{model}", "--scheme", "int4", "-o", "/proc/out.safetensors"], "output /proc/out.safetensors: cannot be written"),
    ],
)  # fmt: skip
def test_refusals(refuses, model, tmp_path, arguments, message):
    names = {"model": model[0], "out": tmp_path / "out.safetensors", "none": tmp_path / "none.safetensors"}
    assert message in refuses("quantize", *(text.format(**names) for text in arguments))


def test_nan_weights(refuses, tmp_path):
    path = tmp_path / "model.safetensors"
    save_file({"w": np.full((1, 128), np.nan, np.float32)}, path)
    refused = refuses("quantize", path, "--scheme", "int4", "-o", tmp_path / "o")
    assert refused == f"{path}: w must be finite in float32, not 128 NaN and 0 Inf among 128 values"
