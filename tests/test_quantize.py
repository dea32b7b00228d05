"""``bitmill quantize``: what it writes and says, and how it refuses."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from bitmill.golden.weights import dequantize, quantize_weights
from bitmill.models import read_packed

RNG = np.random.default_rng(63)


@pytest.fixture
def model(tmp_path):
    weights = np.random.default_rng(63).normal(size=(4, 256)).astype(np.float32)
    path = tmp_path / "model.safetensors"
    save_file({"w": weights, "bias": weights[:, 0].copy()}, path)
    return path, weights


def strict(text):
    """JSON as other languages read it."""

    def refuse(name):
        raise AssertionError(f"{name} is no JSON")

    return json.loads(text, parse_constant=refuse)


@pytest.fixture
def quantized(cli, tmp_path):
    """Quantize tensors, or what is at a path; the summary and the packed model."""

    def run(what, *options, scheme="int8"):
        path = tmp_path / "in.safetensors" if isinstance(what, dict) else what
        if isinstance(what, dict):
            save_file(what, path)
        out = tmp_path / "out.safetensors"
        done = cli("quantize", path, "--scheme", scheme, "--json", *options, "-o", out)
        assert done.status == 0, done.err
        return strict(done.out), read_packed(out)

    return run


def test_quantize(cli, model, tmp_path):
    path, weights = model
    out = tmp_path / "new" / "out.safetensors"
    done = cli("quantize", path, "--scheme", "bitmod-fp4", "-o", out)
    assert done.status == 0, done.err
    # A row: 256 codes of 4 bits, two group scales, a channel scale, and two selectors of 2 bits in a byte of their own.
    bits = (256 * 4 + 2 * 8 + 16 + 8) / 256
    assert f"1024 weights of 1 tensor in bitmod-fp4: {bits:.4f} bits per weight of these, SQNR" in done.out
    assert (
        f"The whole file: {out.stat().st_size} bytes for 1028 parameters, {8 * out.stat().st_size / 1028:.4f} bits"
        in done.out
    )
    assert "kept: 1 dimension, not 2" in done.out
    assert "bitmod-fp4: w (0 of 1024)" in done.err
    values = dequantize(read_packed(out).quantized["w"])
    assert np.square(values - weights).sum() < 0.02 * np.square(weights).sum()


def test_json(cli, model, tmp_path):
    path, _ = model
    done = cli("quantize", path, "--scheme", "int8", "--group", "64", "--json", "-o", tmp_path / "out.safetensors")
    found = strict(done.out)
    assert found["bits_per_weight"] == 8 + 8 / 64 + 16 / 256
    assert found["bytes"] == (tmp_path / "out.safetensors").stat().st_size
    assert found["bits_per_parameter"] == 8 * found["bytes"] / found["parameters"]
    assert found["parameters"] == 1028
    assert [row["name"] for row in found["tensors"]] == ["w"]
    assert found["kept"] == [{"name": "bias", "shape": [4], "why": "1 dimension, not 2"}]


def test_no_noise_and_not_computable(cli, quantized, tmp_path):
    exact = np.tile(np.array([127, -1, 5, 0], np.float32) * np.float32(255 / 256), (1, 32))
    told, _ = quantized({"exact": exact, "zero": np.zeros((2, 128), np.float32)})
    rows = {row["name"]: (row["sqnr_db"], row["sqnr"]) for row in told["tensors"]}
    assert rows == {"exact": (None, "no noise"), "zero": (None, "not computable")}
    assert (told["sqnr_db"], told["sqnr"]) == (None, "no noise")
    text = cli("quantize", tmp_path / "in.safetensors", "--scheme", "int8", "-o", tmp_path / "again.safetensors").out
    assert "no noise" in text
    assert "not computable" in text
    assert "SQNR no noise; 0 tensors kept" in text
    assert "inf" not in text


def test_a_second_scheme_joins_the_first(quantized, model, tmp_path):
    path, weights = model
    save_file({"w": weights, "v": -weights}, path)
    quantized(path, "--skip", "v", scheme="bitmod-fp4")
    first = tmp_path / "first.safetensors"
    (tmp_path / "out.safetensors").rename(first)
    told, packed = quantized(first, scheme="int8")
    assert [row["name"] for row in told["tensors"]] == ["v"]
    assert told["kept"][0]["why"] == "already packed in bitmod-fp4, groups of 128"
    assert {name: found.scheme.name for name, found in packed.quantized.items()} == {"w": "bitmod-fp4", "v": "int8"}
    second = tmp_path / "second.safetensors"
    (tmp_path / "out.safetensors").rename(second)
    told, _ = quantized(second, scheme="int8")
    assert told["tensors"] == []
    assert told["bits_per_weight"] is None
    assert {row["why"] for row in told["kept"]} == {
        f"already packed in {s}, groups of 128" for s in ("bitmod-fp4", "int8")
    }
    assert (tmp_path / "out.safetensors").read_bytes() == second.read_bytes()


@pytest.mark.parametrize("spelling", ["same", "relative", "hard link", "symbolic link", "folder link", "shard"])
def test_an_input_is_never_an_output(refuses, model, tmp_path, spelling):
    path, _ = model
    before = path.read_bytes()
    given, out = path, path
    if spelling == "relative":
        out = f"../{tmp_path.name}/./model.safetensors"
    elif spelling == "hard link":
        out = tmp_path / "other.safetensors"
        os.link(path, out)
    elif spelling == "symbolic link":
        out = tmp_path / "other.safetensors"
        out.symlink_to(path)
    elif spelling == "folder link":
        (tmp_path / "folder").symlink_to(tmp_path)
        out = tmp_path / "folder" / "model.safetensors"
    elif spelling == "shard":
        given = tmp_path
    line = refuses("quantize", given, "--scheme", "int4", "-o", out)
    assert line.startswith(f"output {Path(out)}: must ")
    assert path.read_bytes() == before


def test_gpt2_and_what_is_no_linear_layer(quantized):
    shapes = {
        "wte.weight": (50, 128), "wpe.weight": (16, 128), "h.0.attn.c_attn.weight": (128, 384), "h.0.attn.bias": (1, 1, 16, 16),
        "h.0.attn.c_proj.weight": (128, 128), "h.0.mlp.c_fc.weight": (128, 512), "h.0.mlp.c_proj.weight": (512, 128),
        "h.0.ln_1.weight": (128,), "lm_head.weight": (50, 128),
    }  # fmt: skip
    tensors = {name: RNG.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    told, packed = quantized(tensors)
    layers = {row["name"]: row for row in told["tensors"]}
    assert set(layers) == {name for name in shapes if ".c_" in name}
    for name, row in layers.items():
        assert row["layout"] == "Conv1D [in, out]"
        assert row["shape"] == list(shapes[name])
        turned = quantize_weights("int8", np.ascontiguousarray(tensors[name].T))
        np.testing.assert_array_equal(packed.quantized[name].codes, turned.codes)
    why = {row["name"]: row["why"] for row in told["kept"]}
    assert why["wte.weight"] == why["wpe.weight"] == "an embedding by its name"
    assert why["lm_head.weight"] == "the output head by its name"
    assert why["h.0.ln_1.weight"] == "1 dimension, not 2"
    assert told["parameters"] == sum(int(np.prod(shape)) for shape in shapes.values())
    told, _ = quantized(tensors, "--include", "wte|lm_head", "--transpose", "wte", "--group", "50")
    assert [row["name"] for row in told["tensors"]] == ["wte.weight"]


def test_stacks(quantized, cli, tmp_path):
    stack = RNG.normal(size=(3, 4, 128)).astype(np.float32)
    told, packed = quantized({"experts.up": stack, "patch.weight": RNG.normal(size=(4, 8, 4, 4)).astype(np.float32)})
    assert [(row["name"], row["shape"]) for row in told["tensors"]] == [("experts.up", [3, 4, 128])]
    np.testing.assert_array_equal(
        packed.quantized["experts.up"].codes, quantize_weights("int8", stack.reshape(12, 128)).codes
    )
    told, packed = quantized(tmp_path / "in.safetensors", "--include", "patch")
    assert packed.quantized["patch.weight"].shape == (4, 128)
    turned = np.ascontiguousarray(stack.transpose(0, 2, 1))
    _, packed = quantized({"experts.up": turned}, "--transpose", "up")
    np.testing.assert_array_equal(
        packed.quantized["experts.up"].codes, quantize_weights("int8", stack.reshape(12, 128)).codes
    )


def shards(folder, tensors, *, index):
    folder.mkdir()
    names = [f"model-{at + 1:05}-of-{len(tensors):05}.safetensors" for at in range(len(tensors))]
    for name, part in zip(names, tensors, strict=True):
        save_file(part, folder / name, {"format": "pt"})
    if index:
        places = {key: name for name, part in zip(names, tensors, strict=True) for key in part}
        (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": places}))


@pytest.mark.parametrize("index", [False, True])
def test_shards(quantized, tmp_path, index):
    a, b = RNG.normal(size=(2, 2, 128)).astype(np.float32)
    shards(tmp_path / "model", [{"a": a, "ids": np.arange(3)}, {"b": b}], index=index)
    told, packed = quantized(tmp_path / "model")
    assert [row["name"] for row in told["tensors"]] == ["a", "b"]
    np.testing.assert_array_equal(packed.quantized["b"].codes, quantize_weights("int8", b).codes)
    assert packed.metadata == {"format": "pt"}
    if index:
        again, _ = quantized(tmp_path / "model" / "model.safetensors.index.json")
        assert again == told


def test_types_names_and_orders(quantized, tmp_path):
    values = RNG.normal(size=(2, 128))
    tensors = {
        "bf16": values.astype(ml_dtypes.bfloat16), "f8e4": values.astype(ml_dtypes.float8_e4m3fn),
        "f8e5": values.astype(ml_dtypes.float8_e5m2), "f64": values, "dense/kernel:0": values.astype(np.float16),
        "[/x]": values.astype(np.float32), "i8": values.astype(np.int8),
    }  # fmt: skip
    told, packed = quantized(tensors)
    assert {row["name"] for row in told["tensors"]} == set(tensors) - {"i8"}
    for name in set(tensors) - {"i8"}:
        np.testing.assert_array_equal(
            packed.quantized[name].codes, quantize_weights("int8", tensors[name].astype(np.float32)).codes
        )
    np.savez(
        tmp_path / "m.npz", big=values.astype(">f4"), columns=np.asfortranarray(values), ids=np.arange(4, dtype=">i8")
    )
    told, packed = quantized(tmp_path / "m.npz")
    for name in ("big", "columns"):
        np.testing.assert_array_equal(
            packed.quantized[name].codes, quantize_weights("int8", values.astype(np.float32)).codes
        )
    np.testing.assert_array_equal(load_file(tmp_path / "out.safetensors")["ids"], np.arange(4))


def test_names_are_text(cli, tmp_path):
    save_file({"[/x]": np.ones((1, 128), np.float32), "\x1b[31m": np.ones(2, np.float32)}, tmp_path / "m.safetensors")
    done = cli("quantize", tmp_path / "m.safetensors", "--scheme", "int4", "-o", tmp_path / "o.safetensors")
    assert done.status == 0, done.err
    assert "[/x]" in done.out


SATURATING: dict[str, tuple[np.ndarray, str]] = {
    "overflow": (np.array([[1e9] + [1] * 127], np.float32), "must have group scales within FP16 times 255/256"),
    "lost": (
        np.array([[1e-20] * 128, [1] * 128], np.float32),
        "must keep weights in every output channel, not lose all",
    ),
}


@pytest.mark.parametrize("kind", SATURATING)
@pytest.mark.parametrize("scheme", ["int4", "int4-asym", "bitmod-fp4", "olive4"])
def test_saturating_scales(refuses, quantized, tmp_path, kind, scheme):
    weights, message = SATURATING[kind]
    path = tmp_path / "m.safetensors"
    save_file({"w": weights}, path)
    line = refuses("quantize", path, "--scheme", scheme, "-o", tmp_path / "o.safetensors")
    assert line.startswith(f"{path}: w {message}")
    assert line.endswith("; --allow-saturation accepts and counts them")
    told, packed = quantized(path, "--allow-saturation", scheme=scheme)
    found = told["tensors"][0]["losses"]
    if kind == "overflow":
        assert (found["overflowed_channels"], found["clipped_weights"]) == (1, 1)
        assert packed.quantized["w"].channel_scales.tolist() == [65504]
    else:
        assert (found["flushed_channels"], found["flushed_groups"], found["flushed_weights"]) == (1, 1, 128)
    assert told["losses"] == found


def test_channels_that_vanish_in_float32(refuses, tmp_path):
    weights = np.random.default_rng(0).normal(size=(16, 256))
    weights[0] *= 1e-300
    save_file({"w": weights}, tmp_path / "m.safetensors")
    line = refuses("quantize", tmp_path / "m.safetensors", "--scheme", "int4", "-o", tmp_path / "o.safetensors")
    assert line.endswith("w must not vanish in float32, not 1 of 16 rows that are too small for it")


def test_counts_that_fail_nothing(cli, quantized, tmp_path):
    weights = np.ones((3, 256), np.float32)
    weights[0] = 0
    weights[1, :128] = 1e-6
    told, _ = quantized({"w": weights})
    assert told["losses"] == {
        "overflowed_channels": 0, "clipped_weights": 0, "flushed_channels": 0, "flushed_groups": 1, "flushed_weights": 128,
        "zero_channels": 1, "negative_weights": 0,
    }  # fmt: skip
    text = cli("quantize", tmp_path / "in.safetensors", "--scheme", "int8", "-o", tmp_path / "o.safetensors").out
    assert "1 groups became zero, 128 weights of them were not" in text
    assert "1 channels of zeros" in text


def test_subnormals_in_power_of_two_scales(quantized):
    weights = np.full((1, 64), 1e-45, np.float32)
    weights[0, 32:] = 1
    told, _ = quantized({"w": weights}, scheme="mxfp4")
    assert (told["losses"]["flushed_groups"], told["losses"]["flushed_weights"]) == (1, 32)


def test_standard_output(cli_command, cli_environment, model, tmp_path):
    start = [*cli_command, "quantize", str(model[0]), "--scheme", "int8"]
    done = subprocess.run([*start, "-o", "-"], env=cli_environment, capture_output=True, check=True)
    subprocess.run([*start, "-o", str(tmp_path / "o")], env=cli_environment, capture_output=True, check=True)
    assert done.stdout == (tmp_path / "o").read_bytes()
    assert b"The whole file: " in done.stderr


def test_list(cli):
    assert "bitmod-fp3" in cli("quantize", "--list").out
    rows = strict(cli("quantize", "--list", "--json").out)
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
        (["{model}", "--scheme", "int4", "--include", "(", "-o", "{out}"], "include must be a regular expression, not '('"),
        (["{model}", "--scheme", "int4", "--transpose", "zz", "-o", "{out}"], "transpose must find a tensor's name, not 'zz'"),
        (["{none}", "--scheme", "int4", "-o", "{out}"], "none.safetensors: cannot be read: No such file"),
        (["{model}", "--scheme", "int4", "-o", "/proc/out.safetensors"], "output /proc/out.safetensors: cannot be written"),
    ],
)  # fmt: skip
def test_refusals(refuses, model, tmp_path, arguments, message):
    names = {"model": model[0], "out": tmp_path / "out.safetensors", "none": tmp_path / "none.safetensors"}
    assert message in refuses("quantize", *(text.format(**names) for text in arguments))


def test_a_folder_called_as_its_tensors_are(refuses, tmp_path):
    shards(tmp_path / "model", [{"model.w": np.full((1, 128), np.nan, np.float32)}], index=True)
    line = refuses("quantize", "model", "--scheme", "int4", "-o", "o.safetensors")
    assert line.startswith("model: model.w must be finite in float32")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_weights(refuses, tmp_path, value):
    path = tmp_path / "model.safetensors"
    save_file({"w": np.full((1, 128), value, np.float32)}, path)
    refused = refuses("quantize", path, "--scheme", "int4", "--allow-saturation", "-o", tmp_path / "o")
    counts = "128 NaN and 0 Inf" if np.isnan(value) else "0 NaN and 128 Inf"
    assert refused == f"{path}: w must be finite in float32, not {counts} among 128 values"
