"""Packed models: exact round trips, what stays byte for byte, and files that are not what they say."""

from __future__ import annotations

import json
import re
from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from bitmill import BitmillError
from bitmill.formats.block import BLOCKS, get_block
from bitmill.golden.weights import bits, dequantize, quantize_weights
from bitmill.golden.weights.losses import losses
from bitmill.models import load_packed, open_model, read_packed
from bitmill.models.description import KEY
from bitmill.models.long_rows import quantized_pieces
from bitmill.models.plan import plan_model
from bitmill.models.quantize import check_model, quantize_model

PARTS = ("codes", "group_scales", "channel_scales", "tensor_scale", "selectors", "zero_points")


@pytest.fixture
def model(tmp_path):
    rng = np.random.default_rng(61)
    path = tmp_path / "model.safetensors"
    tensors = {
        "a.weight": rng.normal(size=(5, 256)).astype(np.float32),
        "b.weight": rng.normal(size=(3, 384)).astype(np.float16),
        "b.bias": rng.normal(size=3).astype(np.float32),
        "narrow": rng.normal(size=(4, 100)).astype(np.float32),
        "ids": np.arange(128).reshape(1, 128),
        "bytes": np.frombuffer(rng.normal(size=256).astype(ml_dtypes.bfloat16).tobytes(), np.uint8),
    }
    save_file(tensors, path, {"format": "pt"})
    return path


def packed(name, path, out, progress=None, **options):
    return quantize_model(plan_model(open_model(path), get_block(name), **options), out, progress=progress)


@pytest.mark.parametrize("name", [*BLOCKS, "e4m3", "bfp5-16", "vq4-4", "vq2-4x2"])
def test_round_trip_is_exact(name, model, tmp_path):
    out = tmp_path / "packed.safetensors"
    report = packed(name, model, out)
    again = read_packed(out)
    assert again.metadata == {"format": "pt"}
    originals = load_file(model)
    for tensor in ("a.weight", "b.weight"):
        whole = quantize_weights(name, originals[tensor])
        read = again.quantized[tensor]
        assert (read.scheme, read.group) == (whole.scheme, whole.group)
        for part in PARTS:
            np.testing.assert_array_equal(getattr(read, part), getattr(whole, part))
        assert read.extras.keys() == whole.extras.keys()
        for part, array in whole.extras.items():
            np.testing.assert_array_equal(read.extras[part], array)
    kept = {row.name: row.kept for row in report.kept}
    assert set(again.kept) == set(kept)
    assert kept["b.bias"] == "1 dimension, not 2"
    assert kept["ids"] == "not floating-point but I64"
    group = get_block(name).group
    assert kept.get("narrow") == (group and f"rows of 100 are not a multiple of the group of {group}")
    for tensor in kept:
        np.testing.assert_array_equal(load_file(out)[tensor], originals[tensor])


def test_a_second_scheme_joins_the_first(model, tmp_path):
    first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
    packed("int8", model, first, skip=[re.compile("^b")])
    report = packed("bitmod-fp4", first, second)
    assert [row.name for row in report.quantized] == ["b.weight"]
    assert {row.name: row.kept for row in report.kept}["a.weight"] == "already packed in int8, groups of 128"
    again = read_packed(second)
    assert {name: found.scheme.name for name, found in again.quantized.items()} == {
        "a.weight": "int8", "b.weight": "bitmod-fp4"
    }  # fmt: skip
    originals = load_file(model)
    for tensor, found in again.quantized.items():
        whole = quantize_weights(found.scheme, originals[tensor])
        np.testing.assert_array_equal(dequantize(found), dequantize(whole))
    third = tmp_path / "third.safetensors"
    assert not packed("int8", second, third, skip=[re.compile("narrow")]).quantized
    assert third.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("name", [name for name, row in BLOCKS.items() if not row.learns])
def test_rows_longer_than_a_block(name, tmp_path, monkeypatch):
    """Pieces of 8 groups, the last shorter, are stored as the whole rows are."""
    monkeypatch.setattr("bitmill.models.quantize.BLOCK", 100)
    weights = np.random.default_rng(67).normal(size=(3, 168)).astype(np.float32)
    weights[1] = 0
    weights[2, :128], weights[2, 128:] = 1e-20, 5e8
    save_file({"w": weights}, tmp_path / "m.safetensors")
    plan = plan_model(open_model(tmp_path / "m.safetensors"), get_block(name), group=8)
    sizes = [piece.weights.shape for piece in quantized_pieces(plan.work[0][0], plan.work[0][1], 100)]
    assert sizes == [(1, 64), (1, 64), (1, 40)] * 3
    report = quantize_model(plan, tmp_path / "o.safetensors")
    found = read_packed(tmp_path / "o.safetensors").quantized["w"]
    whole = quantize_weights(name, weights, group=8, saturate=True)
    for part in PARTS:
        np.testing.assert_array_equal(getattr(found, part), getattr(whole, part))
    (row,) = report.quantized
    assert row.losses == losses(weights, whole, dequantize(whole))
    if whole.channel_scales is not None:
        assert row.losses.overflowed_channels == 1
        with pytest.raises(BitmillError, match="w must have group scales within FP16"):
            check_model(plan)
        weights[2] = 1e-20
        save_file({"w": weights}, tmp_path / "m.safetensors")
        plan = plan_model(open_model(tmp_path / "m.safetensors"), get_block(name), group=8)
        with pytest.raises(BitmillError, match=r"w must keep weights in every output channel, .* in 1 of 3 channels"):
            check_model(plan)


def test_file_is_as_big_as_the_bits_say(model, tmp_path):
    report = packed("bitmod-fp3", model, tmp_path / "out.safetensors")
    stored = {
        name: array.nbytes
        for name, array in load_file(tmp_path / "out.safetensors").items()
        if name.startswith("a.weight")
    }
    assert stored == {
        "a.weight.codes": 5 * 256 * 3 // 8, "a.weight.group_scales": 10, "a.weight.selectors": 5,
        "a.weight.channel_scales": 10,
    }  # fmt: skip
    (row,) = (row for row in report.quantized if row.name == "a.weight")
    # Two selectors of two bits fill a byte of each row.
    assert row.stored_bytes == sum(stored.values())
    assert row.bits_per_weight == 8 * sum(stored.values()) / 1280
    assert report.file_bytes == (tmp_path / "out.safetensors").stat().st_size
    assert report.parameters == 1280 + 1152 + 3 + 400 + 128 + 512
    assert report.bits_per_parameter == Fraction(8 * report.file_bytes, report.parameters)


def test_bfloat16_is_quantized_and_kept(tmp_path):
    values = np.random.default_rng(62).normal(size=(2, 128)).astype(ml_dtypes.bfloat16)
    save_file({"w": values, "bias": values[:, 0].copy()}, tmp_path / "model.safetensors")
    out = tmp_path / "packed.safetensors"
    packed("int8", tmp_path / "model.safetensors", out)
    again = read_packed(out)
    assert (again.kept["bias"].dtype, bytes(again.kept["bias"].read())) == ("BF16", values[:, 0].tobytes())
    np.testing.assert_array_equal(again.quantized["w"].codes, quantize_weights("int8", values.astype(np.float32)).codes)


def test_reports_have_error_and_bits(model, tmp_path):
    calls = []
    report = packed(
        "int8", model, tmp_path / "o", group=64, skip=[re.compile("^b")], progress=lambda *call: calls.append(call)
    )
    by_name = {row.name: row for row in report.tensors}
    assert by_name["b.weight"].kept == "skipped"
    row = by_name["a.weight"]
    assert row.bits_per_weight == 8 + 8 / 64 + 16 / 256
    assert row.weights == 1280
    decibels, why = row.sqnr
    assert decibels is not None
    assert 35 < decibels < 50
    assert why == ""
    assert calls == [("a.weight", 0, 1280), ("a.weight", 1280, 1280)]


@given(st.integers(1, 8), st.integers(1, 3), st.integers(1, 40), st.randoms(use_true_random=False))
def test_packed_bits_are_the_codes_and_no_others(width, rows, count, rng):
    codes = np.array([[rng.randrange(1 << width) for _ in range(count)] for _ in range(rows)], np.uint8)
    found = bits.pack(codes, width)
    for code_row, byte_row in zip(codes, found, strict=True):
        number = sum(int(code) << index * width for index, code in enumerate(code_row))
        assert int.from_bytes(bytes(byte_row), "little") == number
    np.testing.assert_array_equal(bits.unpack(found, width, count), codes)


def test_unpack_wrong_bytes():
    with pytest.raises(BitmillError, match=r"rows must have 2 bytes for 3 codes of 4 bits, not shape \[1, 1\]"):
        bits.unpack(np.zeros((1, 1), np.uint8), 4, 3)
    with pytest.raises(BitmillError, match="bits after 3 codes of 4 bits must be zero"):
        bits.unpack(np.array([[0, 16]], np.uint8), 4, 3)


def metadata_of(path):
    with safe_open(path, framework="np") as file:
        return file.metadata()[KEY]


def rewritten(path, out, *, metadata=None, **changes):
    """The file with other metadata, or tensors replaced or, by None, left out."""
    tensors = load_file(path) | changes
    text = metadata_of(path) if metadata is None else metadata
    save_file({name: array for name, array in tensors.items() if array is not None}, out, {KEY: text} if text else None)
    return out


def test_files_that_are_not_what_they_say(model, tmp_path):
    good, bad = tmp_path / "good.safetensors", tmp_path / "bad.safetensors"
    packed("bitmod-fp4", model, good)
    described = json.loads(metadata_of(good))

    def other(**facts):
        changed = json.loads(json.dumps(described))
        changed["tensors"]["a.weight"] |= facts
        return json.dumps(changed)

    narrow = np.zeros((5, 3), np.uint8)
    cases = [
        ({"metadata": ""}, r"must be a file of `bitmill quantize`, which has metadata 'bitmill'"),
        ({"metadata": "{"}, r"metadata 'bitmill' must be what `bitmill quantize` writes"),
        ({"metadata": "[]"}, r"metadata 'bitmill' must be what `bitmill quantize` writes"),
        ({"metadata": "[" * 100_000}, r"metadata 'bitmill' must be what `bitmill quantize` writes"),
        ({"metadata": '{"version": 1, "tensors": {"a.weight": 7}}'}, r"a\.weight: metadata must have scheme"),
        ({"metadata": json.dumps({"version": 2, "tensors": {}})}, r"version of the packed file must be 1, not 2"),
        ({"metadata": other(scheme="fp9")}, r"a\.weight: scheme must be one of .* not 'fp9'"),
        ({"metadata": other(group=100)}, r"a\.weight: group must divide the 256 weights of a row, not 100"),
        ({"metadata": other(group=True)}, r"a\.weight: metadata must have scheme, group and shape"),
        ({"metadata": other(shape=[5])}, r"a\.weight: metadata must have scheme, group and shape"),
        ({"metadata": other(shape=[2, 2, 320], matrix=[6, 256])}, r"a\.weight: metadata must have as many weights"),
        ({"metadata": other(shape=[5, 128])}, r"a\.weight: codes must have shape \[5, 64\] for .*, not \[5, 128\]"),
        ({"metadata": other(scheme="bitmod-fp3")}, r"a\.weight: codes must have shape \[5, 96\]"),
        ({"a.weight.codes": None}, r"tensor a\.weight\.codes must be there and of type U8, not no tensor of that name"),
        ({"a.weight.codes": np.zeros((5, 128), np.int8)}, r"codes must be there and of type U8, not I8"),
        ({"a.weight.selectors": narrow}, r"selectors must have shape \[5, 1\] .* not \[5, 3\]"),
        ({"a.weight.selectors": np.full((5, 1), 255, np.uint8)}, r"bits after 2 codes of 2 bits must be zero"),
        ({"a.weight.channel_scales": np.full(5, np.inf, np.float16)}, r"channel_scales must be finite"),
    ]
    for changes, message in cases:
        rewritten(good, bad, **changes)
        with pytest.raises(BitmillError, match=f"{re.escape(str(bad))}: .*" + message):
            read_packed(bad)


@pytest.mark.parametrize("size", [0, 7, 100, -1])
def test_truncated_files(model, size):
    content = model.read_bytes()
    model.write_bytes(content[:size])
    with pytest.raises(BitmillError, match=r"model\.safetensors: not a whole safetensors file: "):
        open_model(model)


@pytest.mark.parametrize("note", ["", "1", "22", "333", "4444", "55555", "666666", "7777777"])
def test_headers_end_on_eight_bytes(tmp_path, note):
    save_file({"w": np.ones((1, 128), np.float32)}, tmp_path / "m.safetensors", {"note": note})
    packed("int4", tmp_path / "m.safetensors", tmp_path / "o")
    assert int.from_bytes((tmp_path / "o").read_bytes()[:8], "little") % 8 == 0


def test_missing_file(tmp_path):
    with pytest.raises(BitmillError, match=r"none\.safetensors: cannot be read: No such file"):
        read_packed(tmp_path / "none.safetensors")


def test_a_kept_tensor_may_not_take_the_name_of_a_part(tmp_path):
    save_file({"w": np.ones((1, 128), np.float32), "w.codes": np.ones(1, np.uint8)}, tmp_path / "m.safetensors")
    with pytest.raises(BitmillError, match=r"w\.codes must not be there, its name is that of a part of w"):
        packed("int4", tmp_path / "m.safetensors", tmp_path / "o")


@pytest.mark.parametrize("name", [*BLOCKS, "vq4-4x2"])
def test_one_tensor_of_a_packed_file_is_what_the_whole_file_holds(name, tmp_path):
    rng = np.random.default_rng(5)
    save_file({"w.weight": rng.normal(size=(4, 256)).astype(np.float32)}, tmp_path / "m.safetensors")
    packed(name, tmp_path / "m.safetensors", tmp_path / "q.safetensors")
    alone = load_packed(f"{tmp_path}/q.safetensors:w.weight", "weights")
    whole = read_packed(tmp_path / "q.safetensors").quantized["w.weight"]
    assert alone is not None
    assert np.array_equal(dequantize(alone), dequantize(whole))
    part = alone.part(slice(1, 3))
    assert np.array_equal(dequantize(part), dequantize(whole)[1:3])


def test_negative_weights_in_a_scheme_without_them_are_refused_or_counted(tmp_path):
    weights = np.array([[1, -2, 3, 0.5], [-1, 1, 2, 0]], np.float32)
    save_file({"w.weight": weights}, tmp_path / "m.safetensors")
    plan = plan_model(open_model(tmp_path / "m.safetensors"), get_block("uint4"))
    with pytest.raises(
        BitmillError, match=r"w.weight must not be negative for scheme uint4, .* not negative in 2 of 8 weights"
    ):
        check_model(plan)
    check_model(plan, allow_saturation=True)
    (row,) = quantize_model(plan, tmp_path / "q.safetensors").tensors
    assert (row.losses.negative_weights, row.losses.saturates) == (2, True)
