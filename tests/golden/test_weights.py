"""Quantized weights against a reference that takes one weight at a time, their corner cases, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from bitmill import BitmillError
from bitmill.formats.block import BLOCKS
from bitmill.formats.block_named import ROWS
from bitmill.golden.weights import QuantizedWeights, dequantize, quantize_weights
from bitmill.models.sample import LAYERS, load_layer

from .weight_reference import row

SEED = 60
NAMES = tuple(name for name, scheme in BLOCKS.items() if scheme not in ROWS)
"""Those of files of their own have tests of their own."""
FEW = ("int4", "bitmod-fp3", "int3-asym", "olive4", "mxfp4", "mxfp8-e5m2-up", "mxint8", "nvfp4")


def random_weights(kind):
    rng = np.random.default_rng(SEED)
    weights = {
        "normal": rng.normal(size=(4, 128)) * 0.05,
        "heavy tails": rng.standard_t(2, size=(4, 128)) * 0.02,
        "lopsided": rng.exponential(size=(4, 128)) - 0.1,
        "tiny": rng.normal(size=(4, 128)) * 1e-7,
        "large": rng.normal(size=(4, 128)) * 1e4,
        "unlike groups": rng.normal(size=(4, 128)) * np.repeat(10.0 ** np.arange(-3, 1), 32),
    }[kind]
    return weights.astype(np.float32)


def check(name, weights, group):
    found = quantize_weights(name, weights, group=group)
    values, scales = dequantize(found), found.scales
    for index, weight_row in enumerate(weights):
        for place, wanted in enumerate(row(name, weight_row, group, np.abs(weights).max())):
            where = f"row {index}, group {place}"
            assert scales[index, place] == wanted.scale, where
            part = values[index, place * group : (place + 1) * group]
            assert part.tolist() == wanted.values, where
            if found.selectors is not None:
                assert found.selectors[index, place] == wanted.choice, where
            if found.zero_points is not None:
                assert found.zero_points[index, place] == wanted.choice, where


@pytest.mark.parametrize("kind", ["normal", "heavy tails", "lopsided", "tiny", "large", "unlike groups"])
@pytest.mark.parametrize("name", NAMES)
def test_random_weights_are_those_of_the_reference(name, kind):
    weights = random_weights(kind)
    check(name, weights[: 1 if name.startswith("mx") else 4], 32)


@pytest.mark.parametrize("name", FEW)
def test_real_weights_are_those_of_the_reference(name):
    for layer in LAYERS:
        weights = load_layer(layer).weight[5:7].astype(np.float32)
        check(name, weights, 128)


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_many_real_weights_are_those_of_the_reference(name):
    for layer in LAYERS:
        check(name, load_layer(layer).weight[:48].astype(np.float32), 32)


def test_error_on_real_weights_is_as_published():
    """Mean squared errors at group 128 relative to BitMoD's, over all layers of the sample, to 10 %."""
    errors = {}
    for name in (name for name in NAMES if BLOCKS[name].bits <= 4):
        errors[name] = total = []
        for layer in LAYERS:
            weights = load_layer(layer).weight.astype(np.float32)
            total.append(np.square(dequantize(quantize_weights(name, weights)) - weights).sum())
    ratio = {name: sum(total) / sum(errors["bitmod-fp4"]) for name, total in errors.items()}
    assert ratio["fp4"] == pytest.approx(1.24, rel=0.1)
    assert ratio["int4-asym"] == pytest.approx(1.15, rel=0.1)
    assert ratio["int4"] == pytest.approx(1.64, rel=0.1)
    assert ratio["ant4"] == pytest.approx(1.44, rel=0.1)
    assert ratio["mxfp4"] == pytest.approx(1.39, rel=0.1)
    assert ratio["fp3"] / ratio["bitmod-fp3"] == pytest.approx(1.55, rel=0.1)
    assert ratio["int3-asym"] / ratio["bitmod-fp3"] == pytest.approx(1.29, rel=0.1)
    assert ratio["bitmod-fp4"] < min(ratio[name] for name in ("fp4", "int4", "int4-asym", "ant4", "olive4", "mxfp4"))


@pytest.mark.parametrize("name", NAMES)
def test_zeros_are_exact(name):
    weights = np.zeros((3, 256), np.float32)
    weights[1, :128] = np.linspace(-1, 1, 128)
    found = quantize_weights(name, weights)
    values = dequantize(found)
    assert not values[[0, 2]].any()
    assert not values[1, 128:].any()
    assert values[1, :128].any()
    if found.channel_scales is not None:
        assert found.channel_scales[[0, 2]].tolist() == [0, 0]
        assert found.group_scales is not None
        assert not found.group_scales[1, 128 // found.group :].any()


@pytest.mark.parametrize("name", FEW)
@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_other_floating_types_are_their_float32(name, dtype):
    weights = random_weights("normal").astype(dtype)
    np.testing.assert_array_equal(
        dequantize(quantize_weights(name, weights)), dequantize(quantize_weights(name, weights.astype(np.float32)))
    )


@pytest.mark.parametrize("name", NAMES)
def test_zero_has_one_code(name):
    """The code of minus zero is BitMoD's special value and OliVe's identifier."""
    weights = np.linspace(-1, 1, 128, dtype=np.float32)[None] ** 5
    weights[0, 60:64] = [0.0, -0.0, 1e-30, -1e-30]
    found = quantize_weights(name, weights)
    zeros = dequantize(found) == 0
    assert zeros.sum() > 2
    assert len(set(found.codes[zeros].tolist()) - ({8} if name == "olive4" else set())) <= (
        1 if found.group == 128 else 8
    )


def test_a_group_far_below_its_channel_keeps_a_scale():
    weights = np.full((1, 256), 1e-6, np.float32)
    weights[0, 0] = 1.0
    found = quantize_weights("int4", weights)
    assert found.group_scales is not None
    assert found.group_scales.tolist() == [[255, 1]]


def test_many_rows_in_chunks_are_the_same(monkeypatch):
    weights = random_weights("normal")
    whole = quantize_weights("bitmod-fp4", weights)
    monkeypatch.setattr("bitmill.golden.weights.job._CHUNK", 128)
    parts = quantize_weights("bitmod-fp4", weights)
    for part in ("codes", "selectors", "group_scales", "channel_scales"):
        np.testing.assert_array_equal(getattr(whole, part), getattr(parts, part))


def test_the_least_scale_of_outliers_is_tried():
    """Normals of 1 and 16 steps, which no greater scale has, beside one outlier near the end of its range."""
    step = 2.0**-3.5 / 16
    weights = np.concatenate([[1.0, 0.0], np.tile([16 * step, step], 255)]).astype(np.float32)[None]
    found = quantize_weights("olive4", weights, group=512)
    check("olive4", weights, 512)
    assert found.channel_scales is not None
    assert found.channel_scales is not None
    assert found.group_scales is not None
    scale = float(found.channel_scales[0]) * int(found.group_scales[0, 0]) / 256
    assert scale == pytest.approx(step, rel=0.05)


def test_no_rows():
    found = quantize_weights("bitmod-fp3", np.zeros((0, 128), np.float32))
    assert dequantize(found).shape == (0, 128)
    empty = quantize_weights("bitmod-fp3", np.zeros((2, 0), np.float32))
    assert dequantize(empty).shape == (2, 0)
    assert empty.channel_scales is not None
    assert empty.channel_scales.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("weights", "options", "message"),
    [
        (np.ones((2, 100)), {}, r"group must be a divisor of the 100 weights of a row of weights, not 128"),
        (np.ones((2, 100)), {"group": 0}, r"group must be a divisor .* not 0"),
        (np.ones((2, 9)), {"group": 3, "scheme": "olive4"}, r"group must be even and a divisor of the 9 .* not 3"),
        (np.ones(128), {}, r"weights must be a matrix \[out, K\], not of shape \[128\]"),
        (np.ones((1, 128), int), {}, r"weights must be floating-point numbers, not int64"),
        (np.full((1, 128), np.nan), {}, r"must be finite in float32, not 128 NaN and 0 Inf among 128"),
        (np.full((1, 128), 1e39), {}, r"must be finite in float32, not 0 NaN and 128 Inf among 128"),
        (
            np.full((1, 128), 1e30),
            {},
            r"group scales within FP16 .* overflow 8 bits, not 8\.33333e\+28 in output channel 0",
        ),
        (np.ones((1, 128)), {"scheme": "fp5"}, r"scheme must be one of .*, not 'fp5'"),
    ],
)
def test_wrong_weights(weights, options, message):
    with pytest.raises(BitmillError, match=message):
        quantize_weights(**{"scheme": "bitmod-fp4", "weights": weights, **options})


def test_wrong_parts():
    scheme = BLOCKS["bitmod-fp4"]
    right = {
        "scheme": scheme, "group": 4, "codes": np.zeros((2, 8), np.uint8), "group_scales": np.ones((2, 2), np.uint8),
        "channel_scales": np.ones(2, np.float16), "selectors": np.zeros((2, 2), np.uint8),
    }  # fmt: skip
    QuantizedWeights(**right)
    wrong = [
        ({"codes": np.full((2, 8), 16, np.uint8)}, r"codes must be below 16 for scheme bitmod-fp4, not 16"),
        ({"group": 3}, r"codes must be \[out, K\] with K a multiple of the group of 3, not \[2, 8\]"),
        ({"selectors": None}, r"selectors must be given for scheme bitmod-fp4"),
        ({"selectors": np.full((2, 2), 4, np.uint8)}, r"selectors must be below 4 .* not 4"),
        ({"zero_points": np.zeros((2, 2), np.uint8)}, r"zero_points must be absent"),
        ({"group_scales": np.ones((2, 1), np.uint8)}, r"group_scales must be uint8 of shape \[2, 2\], not .* \[2, 1\]"),
        ({"channel_scales": np.ones(2)}, r"channel_scales must be float16 of shape \[2\], not float64"),
        ({"channel_scales": -np.ones(2, np.float16)}, r"channel_scales must be finite and not negative, not -1\.0"),
        ({"channel_scales": np.full(2, np.nan, np.float16)}, r"channel_scales must be finite and not negative"),
    ]
    for change, message in wrong:
        with pytest.raises(BitmillError, match=message):
            QuantizedWeights(**{**right, **change})
