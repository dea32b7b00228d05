"""Layouts of other quantizers, against loops typed from their definitions: every weight on its own, in plain Python."""

from __future__ import annotations

import json
import math

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save_file

from bitmill.golden.weights import dequantize, quantize_weights
from bitmill.models import load_matrix, open_model, read_packed
from bitmill.models.layouts import LeftAlone, recognised
from bitmill.models.matrix import Matrix

AWQ_COLUMNS = [0, 2, 4, 6, 1, 3, 5, 7]
RNG = np.random.default_rng(14)


def into_words(numbers, bits):
    """A list of small integers as one long binary number, cut into signed 32-bit words from its low end."""
    whole = sum(int(number) << (bits * at) for at, number in enumerate(numbers))
    words = [(whole >> (32 * at)) & 0xFFFFFFFF for at in range(bits * len(numbers) // 32)]
    return np.array(words, np.uint32).view(np.int32)


def gptq(bits, *, order=None, v2=False, length=96, out=32, groups=3):
    codes = RNG.integers(0, 1 << bits, (length, out))
    # What is stored for zero 0 in version 1 is the greatest code, which wraps.
    zeros = RNG.integers(0, 1 << bits, (groups, out))
    scales = RNG.uniform(-0.1, 0.1, (groups, out)).astype(np.float16)
    index = np.arange(length) // (length // groups) if order is None else order
    stored = zeros if v2 else (zeros - 1) % (1 << bits)
    tensors = {
        "l.qweight": np.stack([into_words(codes[:, column], bits) for column in range(out)], axis=1),
        "l.qzeros": np.stack([into_words(row, bits) for row in stored]),
        "l.scales": scales,
        "l.g_idx": index.astype(np.int32),
    }
    wanted = np.empty((out, length))
    for k in range(length):
        for n in range(out):
            group = int(index[k])
            wanted[n, k] = float(scales[group, n]) * (int(codes[k, n]) - int(zeros[group, n]))
    return tensors, wanted


def only(path) -> Matrix:
    (found,) = recognised(open_model(path))
    assert isinstance(found, Matrix)
    return found


def left_alone(path) -> LeftAlone:
    (found,) = recognised(open_model(path))
    assert isinstance(found, LeftAlone)
    return found


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
@pytest.mark.parametrize("shuffled", [False, True])
def test_gptq(tmp_path, bits, shuffled):
    order = RNG.permutation(np.arange(96) // 32) if shuffled else None
    tensors, wanted = gptq(bits, order=order)
    save_file(tensors, tmp_path / "m.safetensors")
    found = load_matrix(f"{tmp_path / 'm.safetensors'}:l.weight", "weights")
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=0)
    np.testing.assert_array_equal(found, load_matrix(tmp_path / "m.safetensors", "weights"))
    matrix = only(tmp_path / "m.safetensors")
    assert matrix.layout == f"GPTQ, {bits} bits, zero points less one (v1)"
    np.testing.assert_array_equal(np.concatenate(list(matrix.blocks(100))), found)


@pytest.mark.parametrize("file", ["quantize_config.json", "config.json"])
def test_gptq_version_2_and_without_an_order(tmp_path, file):
    tensors, wanted = gptq(4, v2=True)
    del tensors["l.g_idx"]
    save_file(tensors, tmp_path / "m.safetensors")
    facts = {"checkpoint_format": "gptq_v2", "bits": 4}
    text = {"quantization_config": facts} if file == "config.json" else facts
    (tmp_path / file).write_text(json.dumps(text))
    np.testing.assert_allclose(load_matrix(tmp_path / "m.safetensors", "weights"), wanted, rtol=1e-6, atol=0)
    assert "(v2)" in only(tmp_path / "m.safetensors").layout


def test_gptq_that_is_not_whole_is_left_alone(tmp_path, cli):
    tensors, _ = gptq(4, length=128, groups=1)
    for name, part in (
        ("qzeros", None),
        ("qzeros", np.zeros((1, 3), np.int32)),
        ("g_idx", np.zeros(5, np.int32)),
        ("scales", tensors["l.scales"].astype(np.int32)),
    ):
        changed = {**tensors, f"l.{name}": part, "other.weight": np.ones((1, 128), np.float32)}
        save_file({key: array for key, array in changed.items() if array is not None}, tmp_path / "m.safetensors")
        left_alone(tmp_path / "m.safetensors")
        done = cli(
            "quantize", tmp_path / "m.safetensors", "--scheme", "int4", "--json", "-o", tmp_path / "o.safetensors"
        )
        assert done.status == 0, done.err
        told = json.loads(done.out)
        assert [row["name"] for row in told["tensors"]] == ["other.weight"]
        assert told["kept"][0]["name"] == "l.weight"
        assert told["kept"][0]["why"].startswith("GPTQ ")
        kept = read_packed(tmp_path / "o.safetensors").kept
        assert bytes(kept["l.qweight"].read()) == tensors["l.qweight"].tobytes()


def test_gptq_with_a_group_that_is_not_there(tmp_path, refuses):
    tensors, _ = gptq(4, length=128, groups=1)
    tensors["l.g_idx"][5] = 1
    save_file(tensors, tmp_path / "m.safetensors")
    line = refuses("quantize", "m.safetensors", "--scheme", "int4", "-o", "o.safetensors")
    assert line == "m.safetensors: l.weight: g_idx must be of 0 .. 0, not 0 .. 1"


def awq(length=128, out=16, groups=2):
    codes = RNG.integers(0, 16, (length, out))
    zeros = RNG.integers(0, 16, (groups, out))
    scales = RNG.uniform(0.01, 0.1, (groups, out)).astype(np.float16)

    def packed(numbers):
        words = np.zeros((len(numbers), out // 8), np.uint32)
        for row in range(len(numbers)):
            for word in range(out // 8):
                for nibble in range(8):
                    words[row, word] |= np.uint32(int(numbers[row, 8 * word + AWQ_COLUMNS[nibble]]) << (4 * nibble))
        return words.view(np.int32)

    wanted = np.empty((out, length))
    for k in range(length):
        for n in range(out):
            group = k * groups // length
            wanted[n, k] = float(scales[group, n]) * (int(codes[k, n]) - int(zeros[group, n]))
    return {"l.qweight": packed(codes), "l.qzeros": packed(zeros), "l.scales": scales}, wanted


def test_awq(tmp_path):
    tensors, wanted = awq()
    save_file(tensors, tmp_path / "m.safetensors")
    np.testing.assert_allclose(load_matrix(tmp_path / "m.safetensors", "weights"), wanted, rtol=1e-6, atol=0)
    matrix = only(tmp_path / "m.safetensors")
    assert matrix.layout == "AWQ, 4 bits"
    np.testing.assert_array_equal(np.concatenate(list(matrix.blocks(1))), matrix.read())


FP8 = {"F8_E4M3": ml_dtypes.float8_e4m3fn, "F8_E5M2": ml_dtypes.float8_e5m2}


def scaled(shape, scale_shape, dtype=ml_dtypes.float8_e4m3fn):
    weights = RNG.normal(size=shape).astype(dtype)
    scale = RNG.uniform(0.5, 2, scale_shape).astype(np.float32)
    return weights, scale


@pytest.mark.parametrize(
    ("shape", "scale_shape", "place"),
    [
        ((6, 8), (), lambda n, k: ()),
        ((6, 8), (1,), lambda n, k: (0,)),
        ((6, 8), (6,), lambda n, k: (n,)),
        ((6, 8), (6, 1), lambda n, k: (n, 0)),
        ((200, 300), (2, 3), lambda n, k: (n // 128, k // 128)),
        ((256, 128), (2, 1), lambda n, k: (n // 128, k // 128)),
        ((6, 8), (3, 2), lambda n, k: (n // 2, k // 4)),
        ((6, 8), (6, 2), lambda n, k: (n, k // 4)),
    ],
)
@pytest.mark.parametrize("ending", ["weight_scale", "weight_scale_inv", "scale_weight", "scale"])
def test_fp8(tmp_path, shape, scale_shape, place, ending):
    weights, scale = scaled(shape, scale_shape)
    save_file(
        {"l.weight": weights, f"l.{ending}": scale, "l.input_scale": np.ones(1, np.float32)}, tmp_path / "m.safetensors"
    )
    found = load_matrix(f"{tmp_path / 'm.safetensors'}:l.weight", "weights")
    wanted = [
        [float(weights[n, k]) * float(scale[place(n, k)]) for k in range(shape[1])] for n in range(shape[0])
    ]  # fmt: skip
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=0)
    matrix = only(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(np.concatenate(list(matrix.blocks(2 * shape[1]))), matrix.read())


def test_fp8_blocks_of_another_size_and_stacks(tmp_path):
    (tmp_path / "config.json").write_text('{"quantization_config": {"weight_block_size": [64, 32]}}')
    weights, scale = scaled((100, 100), (2, 4))
    stack, factors = scaled((3, 4, 8), (3, 1, 1), ml_dtypes.float8_e5m2)
    save_file(
        {"l.weight": weights, "l.weight_scale_inv": scale, "experts.up": stack, "experts.up_scale": factors},
        tmp_path / "m.safetensors",
    )
    found = load_matrix(f"{tmp_path / 'm.safetensors'}:l.weight", "weights")
    for n, k in ((0, 0), (63, 31), (64, 32), (99, 99), (64, 31), (63, 96)):
        assert found[n, k] == pytest.approx(float(weights[n, k]) * float(scale[n // 64, k // 32]), rel=1e-6)
    one = load_matrix(f"{tmp_path / 'm.safetensors'}:experts.up[2]", "weights")
    np.testing.assert_allclose(one, stack[2].astype(np.float64) * float(factors[2, 0, 0]), rtol=1e-6)


@pytest.mark.parametrize("dtype", FP8)
def test_every_fp8_code(tmp_path, dtype):
    codes = np.arange(256, dtype=np.uint8)
    values = codes.view(FP8[dtype])
    finite = np.isfinite(values.astype(np.float64))
    rows = values[finite][: finite.sum() // 2 * 2].reshape(2, -1)
    save_file({"w": rows}, tmp_path / "m.safetensors")
    np.testing.assert_array_equal(load_matrix(tmp_path / "m.safetensors", "weights"), rows.astype(np.float64))


NF4 = [-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
       -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
       0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0]  # fmt: skip
FP4 = [0.0, 0.005208333333, 0.66666667, 1.0, 0.33333333, 0.5, 0.16666667, 0.25,
       0.0, -0.005208333333, -0.66666667, -1.0, -0.33333333, -0.5, -0.16666667, -0.25]  # fmt: skip


def four_bits(kind, *, nested, shape=(6, 50), size=64):
    codes = RNG.integers(0, 16, math.prod(shape))
    table = NF4 if kind == "nf4" else FP4
    count = -(-math.prod(shape) // size)
    packed = np.array([codes[2 * at] << 4 | codes[2 * at + 1] for at in range(math.prod(shape) // 2)], np.uint8)
    facts = {"quant_type": kind, "blocksize": size, "dtype": "bfloat16", "shape": list(shape)}
    tensors = {"l.weight": packed[:, None], "l.weight.quant_map": np.array(table, np.float32)}
    if nested:
        facts |= {"nested_blocksize": 4, "nested_dtype": "float32", "nested_offset": 0.25}
        places = RNG.integers(0, 256, count).astype(np.uint8)
        outer = RNG.uniform(0.1, 1, -(-count // 4)).astype(np.float32)
        second = np.linspace(-1, 1, 256).astype(np.float32)
        absmax = [float(second[places[at]]) * float(outer[at // 4]) + 0.25 for at in range(count)]
        tensors |= {"l.weight.absmax": places, "l.weight.nested_absmax": outer, "l.weight.nested_quant_map": second}
    else:
        absmax = RNG.uniform(0.1, 1, count).astype(np.float32)
        tensors |= {"l.weight.absmax": absmax}
    tensors[f"l.weight.quant_state.bitsandbytes__{kind}"] = np.frombuffer(json.dumps(facts).encode(), np.uint8)
    wanted = [table[code] * float(absmax[at // size]) for at, code in enumerate(codes)]
    return tensors, np.reshape(wanted, shape)


@pytest.mark.parametrize("kind", ["nf4", "fp4"])
@pytest.mark.parametrize("nested", [False, True])
def test_bitsandbytes_four_bits(tmp_path, kind, nested):
    tensors, wanted = four_bits(kind, nested=nested)
    save_file(tensors, tmp_path / "m.safetensors")
    np.testing.assert_allclose(load_matrix(tmp_path / "m.safetensors", "weights"), wanted, rtol=1e-5, atol=1e-9)
    matrix = only(tmp_path / "m.safetensors")
    assert matrix.layout == f"bitsandbytes {kind}, blocks of 64{', double quantization' if nested else ''}"
    np.testing.assert_array_equal(np.concatenate(list(matrix.blocks(100))), matrix.read())


def test_bitsandbytes_int8(tmp_path):
    codes = RNG.integers(-127, 128, (5, 9)).astype(np.int8)
    scb = RNG.uniform(0.1, 3, 5).astype(np.float32)
    tensors = {"l.weight": codes, "l.SCB": scb, "l.weight_format": np.array(0, np.uint8)}
    save_file(tensors, tmp_path / "m.safetensors")
    wanted = [[int(code) * float(scb[row]) / 127 for code in codes[row]] for row in range(5)]
    np.testing.assert_allclose(load_matrix(f"{tmp_path / 'm.safetensors'}:l.weight", "weights"), wanted, rtol=1e-6)
    save_file(tensors | {"l.weight_format": np.array(3, np.uint8)}, tmp_path / "m.safetensors")
    found = left_alone(tmp_path / "m.safetensors")
    assert found.why == "bitsandbytes int8 in a layout for one kind of GPU"


@pytest.mark.parametrize(
    "state", [b"", b"[", b"[" * 50_000, b"7", b'{"shape": [6, -50], "blocksize": 64}', b'{"shape": [6, 50], "blocksize": 0}',
              b'{"shape": [6, 49], "blocksize": 64}', b'{"shape": [6, 50], "blocksize": 32}'],
)  # fmt: skip
def test_bitsandbytes_that_is_not_whole_is_left_alone(tmp_path, state):
    tensors, _ = four_bits("nf4", nested=False)
    tensors["l.weight.quant_state.bitsandbytes__nf4"] = np.frombuffer(state, np.uint8)
    save_file(tensors, tmp_path / "m.safetensors")
    found = left_alone(tmp_path / "m.safetensors")
    assert found.why.startswith("bitsandbytes nf4 ")
    assert set(found.parts) == set(tensors)


def test_quantize_reads_them_all(tmp_path, cli):
    layers = {
        "gptq": gptq(4, length=128, groups=2), "awq": awq(), "nf4": four_bits("nf4", nested=True, shape=(2, 128)),
    }  # fmt: skip
    tensors = {f"{name}.{key}": array for name, (found, _) in layers.items() for key, array in found.items()}
    fp8, scale = scaled((4, 128), (4, 1))
    tensors |= {"fp8.weight": fp8, "fp8.weight_scale": scale, "fp8.input_scale": np.ones(1, np.float32)}
    save_file(tensors, tmp_path / "m.safetensors")
    done = cli("quantize", tmp_path / "m.safetensors", "--scheme", "int8", "--json", "-o", tmp_path / "o.safetensors")
    assert done.status == 0, done.err
    told = json.loads(done.out)
    assert [row["name"] for row in told["tensors"]] == [
        "awq.l.weight", "fp8.weight", "gptq.l.weight", "nf4.l.weight"
    ]  # fmt: skip
    assert told["kept"] == [{"name": "fp8.input_scale", "shape": [1], "why": "1 dimension, not 2"}]
    assert told["parameters"] == told["weights"] == 16 * 128 + 4 * 128 + 32 * 128 + 2 * 128
    again = read_packed(tmp_path / "o.safetensors")
    assert set(again.kept) == {"fp8.input_scale"}
    for name, (_, wanted) in layers.items():
        found = dequantize(again.quantized[f"{name}.l.weight"])
        np.testing.assert_allclose(found, dequantize(quantize_weights("int8", wanted)), rtol=0.02, atol=1e-3)


def test_scales_of_a_layout_that_nobody_knows(tmp_path, cli):
    real = np.ones((4, 128), np.float32)
    tensors = {
        "a.B": np.ones((8, 64), np.int32), "a.s": real, "b.weight_packed": np.ones((4, 16), np.int32),
        "b.weight_scale": real, "c.blocks_of": np.ones((2, 8, 4), np.uint8), "c.other": real,
        "up_blocks": np.ones((2, 4, 4), np.uint8), "up_scales": real, "up_bias": real, "up.absmax": real, "good": real,
        "d.scales": real, "d.qzeros": real,
    }  # fmt: skip
    save_file(tensors, tmp_path / "m.safetensors")
    done = cli(
        "quantize", tmp_path / "m.safetensors", "--scheme", "int8", "--include", ".", "--json", "-o", tmp_path / "o"
    )
    told = json.loads(done.out)
    assert [row["name"] for row in told["tensors"]] == ["good"]
    why = {row["name"]: row["why"] for row in told["kept"]}
    assert why["a.s"] == "beside a.B, packed in a layout that is not known"
    assert why["up_scales"] == "scales or the like by its name"
    assert why["up_bias"] == "beside up_blocks, packed in a layout that is not known"
