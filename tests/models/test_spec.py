"""Loading of users' tensors: accepted types, and one clear line for everything else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save_file

from bitmill.golden.weights import dequantize, quantize_weights
from bitmill.models import load_matrix, load_packed
from bitmill.models.layers import sample_layers, user_layer
from bitmill.models.spec import split_spec
from bitmill.system.errors import BitmillError

MATRIX = np.arange(12, dtype=np.float32).reshape(3, 4) / 8 - 0.5


def refused(spec: str | Path, *words: str, role: str = "weights") -> None:
    with pytest.raises(BitmillError) as caught:
        load_matrix(spec, role)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{role}: ")
    for word in words:
        assert word in message, message


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_every_accepted_dtype_of_safetensors(tmp_path, dtype):
    numbers = MATRIX.astype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)
    save_file({"other": np.ones((2, 2), np.float32), "w": numbers}, tmp_path / "a.safetensors")
    found = load_matrix(f"{tmp_path / 'a.safetensors'}:w", "weights")
    assert found.dtype == np.float64
    assert np.array_equal(found, numbers.astype(np.float64))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ">f4"])
def test_npy_and_npz(tmp_path, dtype):
    np.save(tmp_path / "a.npy", MATRIX.astype(dtype))
    np.savez(tmp_path / "a.npz", w=MATRIX.astype(dtype), v=MATRIX[:1])
    for spec in (tmp_path / "a.npy", f"{tmp_path / 'a.npz'}:w"):
        assert np.array_equal(load_matrix(spec, "weights"), MATRIX.astype(np.float64))


def test_the_only_tensor_needs_no_name_and_paths_may_hold_spaces_and_colons(tmp_path):
    folder = tmp_path / "with space: and colon"
    folder.mkdir()
    np.savez(folder / "a.npz", w=MATRIX)
    save_file({"layer:0.weight": MATRIX}, folder / "b.safetensors")
    np.save(folder / "c:d.npy", MATRIX)
    for spec in (folder / "a.npz", f"{folder / 'a.npz'}:w", folder / "b.safetensors", folder / "c:d.npy"):
        assert np.array_equal(load_matrix(spec, "weights"), MATRIX.astype(np.float64))


def test_names_with_colons(tmp_path):
    save_file({"dense/kernel:0": MATRIX, "other": MATRIX}, tmp_path / "a:b.safetensors")
    arrays: dict[str, Any] = {"dense/kernel:0": MATRIX, "a.npz:x": 2 * MATRIX}
    np.savez(tmp_path / "a.npz", **arrays)
    for file in ("a:b.safetensors", "a.npz"):
        assert np.array_equal(load_matrix(f"{tmp_path / file}:dense/kernel:0", "weights"), MATRIX)
    assert np.array_equal(load_matrix(f"{tmp_path / 'a.npz'}:a.npz:x", "weights"), 2 * MATRIX)
    assert split_spec("none.npz:dense/kernel:0") == (Path("none.npz"), "dense/kernel:0")
    assert split_spec("no:ne") == (Path("no:ne"), None)


@pytest.mark.parametrize("dtype", ["float8_e4m3fn", "float8_e5m2"])
def test_eight_bits(tmp_path, dtype):
    numbers = MATRIX.astype(getattr(ml_dtypes, dtype))
    save_file({"w": numbers}, tmp_path / "a.safetensors")
    assert np.array_equal(load_matrix(tmp_path / "a.safetensors", "activations"), numbers.astype(np.float64))


def test_big_ends_and_columns_first(tmp_path):
    rows = np.arange(10_000_000, dtype=">f4").reshape(1000, 10_000)
    np.save(tmp_path / "a.npy", np.asfortranarray(rows))
    assert np.array_equal(load_matrix(tmp_path / "a.npy", "weights"), rows)
    np.save(tmp_path / "a.npy", rows)
    assert np.array_equal(load_matrix(tmp_path / "a.npy", "weights"), rows)


def test_a_matrix_of_a_stack(tmp_path):
    stack = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    save_file({"experts.up": stack, "w[0]": MATRIX, "w": MATRIX + 1}, tmp_path / "a.safetensors")
    file = tmp_path / "a.safetensors"
    for at in (0, 1):
        assert np.array_equal(load_matrix(f"{file}:experts.up[{at}]", "weights"), stack[at])
    assert np.array_equal(load_matrix(f"{file}:w[0]", "weights"), MATRIX)
    refused(f"{file}:experts.up", "two dimensions", "[2, 3, 4]", "name one of its 2 matrices as FILE:TENSOR[0] to [1]")
    refused(f"{file}:experts.up[2]", "must have a matrix [2], not only [0] to [1]")
    refused(f"{file}:w[1]", "must be a stack of matrices for [1], not of shape [3, 4]")
    refused(f"{file}:v[1]", "has no tensor 'v[1]'")


def test_folders_and_indexes(tmp_path):
    save_file({"a": MATRIX}, tmp_path / "one.safetensors")
    save_file({"b": -MATRIX}, tmp_path / "two.safetensors")
    places = {"a": "one.safetensors", "b": "two.safetensors"}
    assert np.array_equal(load_matrix(f"{tmp_path}:b", "weights"), -MATRIX)
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    for spec in (f"{tmp_path}:b", f"{tmp_path}/model.safetensors.index.json:b"):
        assert np.array_equal(load_matrix(spec, "weights"), -MATRIX)
    refused(tmp_path, "holds 2 tensors, name one as FILE:TENSOR: a, b")
    (tmp_path / "other.safetensors.index.json").write_text("{}")
    refused(tmp_path, "is a directory with 2 indexes, name one:")


def test_weights_of_conv1d_come_as_rows_of_outputs(tmp_path):
    save_file({"h.0.mlp.c_fc.weight": MATRIX}, tmp_path / "a.safetensors")
    assert np.array_equal(load_matrix(tmp_path / "a.safetensors", "weights"), MATRIX.T)
    assert np.array_equal(load_matrix(tmp_path / "a.safetensors", "activations"), MATRIX)


def test_packed_matrices(tmp_path, cli):
    stack = np.random.default_rng(1).normal(size=(2, 3, 128)).astype(np.float32)
    save_file({"up": stack, "w": stack[0], "bias": stack[0, 0]}, tmp_path / "a.safetensors")
    packed = tmp_path / "p.safetensors"
    assert cli("quantize", tmp_path / "a.safetensors", "--scheme", "int8", "-o", packed).status == 0
    found = load_packed(f"{packed}:up[1]", "weights")
    assert found is not None
    assert np.array_equal(found.codes, quantize_weights("int8", stack[1]).codes)
    assert np.array_equal(load_matrix(f"{packed}:up[1]", "weights"), dequantize(found))
    assert load_packed(f"{packed}:bias", "weights") is None
    assert load_packed(tmp_path / "a.safetensors", "weights") is None
    with pytest.raises(BitmillError, match=r"weights: .*p\.safetensors: holds 2 tensors, .*: up, w$"):
        load_packed(packed, "weights")


def test_missing_file(tmp_path):
    refused(tmp_path / "no.npy", "no.npy", "no such file")
    refused(f"{tmp_path / 'no.safetensors'}:w", "no.safetensors", "no such file")
    refused(tmp_path / "no.thing", "no.thing: no such file")
    refused(tmp_path, "directory")


def test_unknown_type(tmp_path):
    (tmp_path / "a.pt").write_bytes(b"x")
    refused(tmp_path / "a.pt", "file type must be one of", ".safetensors, .npy, .npz", "'.pt'")


@pytest.mark.parametrize("keep", [0, 5, 40, -3])
def test_truncated_safetensors(tmp_path, keep):
    save_file({"w": MATRIX}, tmp_path / "a.safetensors")
    data = (tmp_path / "a.safetensors").read_bytes()
    (tmp_path / "a.safetensors").write_bytes(data[:keep])
    refused(f"{tmp_path / 'a.safetensors'}:w", "not a whole safetensors file")


def test_truncated_npy_and_npz(tmp_path):
    np.save(tmp_path / "a.npy", MATRIX)
    np.savez(tmp_path / "a.npz", w=MATRIX)
    for name, kind in (("a.npy", "npy"), ("a.npz", "npz")):
        data = (tmp_path / name).read_bytes()
        for keep in (0, 7, len(data) - 5):
            (tmp_path / name).write_bytes(data[:keep])
            refused(tmp_path / name, f"not a whole {kind} file")


def test_pickles_are_never_loaded(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[object()]], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "a.npz", w=np.array([[{}]], dtype=object))
    refused(tmp_path / "a.npy", "not a whole npy file of numbers")
    refused(tmp_path / "a.npz", "dtype must be float16, ", "not object")


def test_missing_and_unnamed_tensors_are_listed(tmp_path):
    save_file({"b": MATRIX, "a": MATRIX}, tmp_path / "a.safetensors")
    np.savez(tmp_path / "a.npz", b=MATRIX, a=MATRIX)
    for name in ("a.safetensors", "a.npz"):
        refused(f"{tmp_path / name}:c", "no tensor 'c'", "a, b")
        refused(tmp_path / name, "2 tensors", "FILE:TENSOR", "a, b")
    np.save(tmp_path / "a.npy", MATRIX)
    refused(f"{tmp_path / 'a.npy'}:c", "one unnamed tensor", "'c'")


@pytest.mark.parametrize("suffix", ["safetensors", "npy", "npz"])
def test_dtypes_that_are_no_real_numbers(tmp_path, suffix):
    integers = MATRIX.astype(np.int8)
    path = tmp_path / f"a.{suffix}"
    if suffix == "safetensors":
        save_file({"w": integers}, path)
    elif suffix == "npy":
        np.save(path, integers)
    else:
        np.savez(path, w=integers)
    refused(path, "dtype must be float16, bfloat16, float32, float64, float8 E4M3, ", "8")


def test_text_is_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.array([["a", "b"]]))
    refused(tmp_path / "a.npy", "dtype must be", "<U1")


def test_not_two_dimensional(tmp_path):
    for array in (MATRIX[0], MATRIX[None], np.empty((0, 4), np.float32)):
        np.save(tmp_path / "a.npy", array)
        refused(tmp_path / "a.npy", "two dimensions", str(list(array.shape)))


def test_nan_and_inf_are_counted_and_named(tmp_path):
    broken = MATRIX.copy()
    broken[0, :2] = np.nan
    broken[2, 3] = -np.inf
    save_file({"w": broken}, tmp_path / "a.safetensors")
    refused(f"{tmp_path / 'a.safetensors'}:w", "a.safetensors:w", "2 NaN and 1 Inf among 12", role="activations")


def test_halves_of_the_activations(tmp_path):
    np.save(tmp_path / "w.npy", MATRIX)
    np.save(tmp_path / "x.npy", np.arange(20.0).reshape(5, 4))
    layer = user_layer(tmp_path / "w.npy", tmp_path / "x.npy")
    assert layer.calibration.tolist() == np.arange(8.0).reshape(2, 4).tolist()
    assert layer.held_out.tolist() == np.arange(8.0, 20.0).reshape(3, 4).tolist()
    assert layer.products == 3 * 3 * 4


def test_a_calibration_file_keeps_all_activations_held_out(tmp_path):
    np.save(tmp_path / "w.npy", MATRIX)
    np.save(tmp_path / "x.npy", np.ones((1, 4)))
    np.save(tmp_path / "c.npy", np.full((2, 4), 3.0))
    layer = user_layer(tmp_path / "w.npy", tmp_path / "x.npy", tmp_path / "c.npy")
    assert layer.held_out.shape == (1, 4)
    assert layer.calibration.tolist() == np.full((2, 4), 3.0).tolist()


def test_shapes_that_do_not_multiply(tmp_path):
    np.save(tmp_path / "w.npy", MATRIX)
    np.save(tmp_path / "x.npy", np.ones((6, 5)))
    np.save(tmp_path / "good.npy", np.ones((6, 4)))
    for activations, calibration, role in (("x", None, "activations"), ("good", "x", "calibration")):
        with pytest.raises(BitmillError, match=rf"^{role}: .*must have 4 values .*\[3, 4\].*, not 5$"):
            user_layer(tmp_path / "w.npy", tmp_path / f"{activations}.npy", calibration and tmp_path / "x.npy")


def test_one_token_cannot_be_split(tmp_path):
    np.save(tmp_path / "w.npy", MATRIX)
    np.save(tmp_path / "x.npy", np.ones((1, 4)))
    with pytest.raises(BitmillError, match="at least 2 tokens"):
        user_layer(tmp_path / "w.npy", tmp_path / "x.npy")


def test_the_sample_is_one_layer_of_each_shape():
    assert [(layer.name, layer.weight.shape[1], layer.products) for layer in sample_layers()] == [
        ("attention", 384, 128 * 96 * 384),
        ("intermediate", 384, 128 * 96 * 384),
        ("output", 1536, 48 * 48 * 1536),
    ]
