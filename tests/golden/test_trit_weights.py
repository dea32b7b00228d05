"""Binary, ternary and dual-binary weights, weight by weight in exact fractions; every bit counted."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from bitmill import BitmillError
from bitmill.golden.trits.packing import pack_trits, unpack_trits
from bitmill.golden.weights import dequantize, quantize_weights
from bitmill.golden.weights.losses import Losses, losses
from bitmill.models.sample import load_layer

from ..formats.test_trit_bytes import by_specification


def weights_of(rows=4, length=60, seed=3):
    return (np.random.default_rng(seed).standard_t(5, size=(rows, length)) * 0.03).astype(np.float32)


def mean_scale(row) -> Fraction:
    """The least FP16 number that is no less than the mean magnitude."""
    mean = sum(abs(Fraction(float(weight))) for weight in row) / len(row)
    near = np.float16(float(mean))
    above = [near, np.nextafter(near, np.float16(np.inf)), np.nextafter(near, np.float16(0))]
    return min(Fraction(float(number)) for number in above if Fraction(float(number)) >= mean)


@pytest.mark.parametrize(("scheme", "bits"), [
    ("binary", 1 + Fraction(16, 60)),
    ("ternary-absmean", 2 + Fraction(16, 60)),
    ("dual-binary", 2 + Fraction(48, 60)),
])  # fmt: skip
def test_bits_count_all_that_is_stored(scheme, bits):
    assert quantize_weights(scheme, weights_of()).bits_per_weight == bits


@pytest.mark.parametrize("scheme", ["binary", "ternary-absmean"])
def test_weights_are_the_mean_magnitude_by_sign_or_nothing(scheme):
    weights = weights_of()
    weights[0, :3] = 0.0
    found = dequantize(quantize_weights(scheme, weights))
    for row, values in zip(weights, found, strict=True):
        scale = mean_scale(row)
        for weight, value in zip(row.tolist(), values.tolist(), strict=True):
            wanted = 1 if weight >= 0 else -1
            if scheme != "binary" and 2 * abs(Fraction(weight)) < scale:
                wanted = 0
            assert Fraction(value) == wanted * scale


def test_five_trits_stand_in_a_byte_as_astc_has_them():
    weights = weights_of()
    codes = quantize_weights("ternary-absmean", weights)
    packed = pack_trits(np.array([0, 1, 0, -1])[codes.codes])
    assert packed.shape == (4, 12)
    for row in range(4):
        digits = [digit - 1 for byte in packed[row].tolist() for digit in by_specification(byte)]
        assert digits == [{0: 0, 1: 1, 3: -1}[code] for code in codes.codes[row].tolist()]


def test_dual_binary_weights_are_the_nearest_of_four():
    weights = weights_of()
    quantized = quantize_weights("dual-binary", weights)
    found = dequantize(quantized)
    assert quantized.channel_scales is not None
    planes = quantized.extras["plane_scales"].astype(np.float64) * quantized.channel_scales.astype(np.float64)[:, None]
    for row in range(4):
        first, second = planes[row]
        assert first > 0 > second
        sums = np.array([0.0, first, second, first + second])
        np.testing.assert_allclose(found[row], sums[quantized.codes[row]], rtol=1e-12)
        distances = np.abs(weights[row][:, None] - sums)
        np.testing.assert_allclose(np.abs(weights[row] - found[row]), distances.min(axis=1), atol=1e-9)
        # No scales are better for these planes: the error is orthogonal to both.
        error = weights[row] - found[row]
        for plane in (quantized.codes[row] & 1, quantized.codes[row] >> 1):
            assert abs((error * plane).sum()) < 1e-3 * np.abs(weights[row]).sum()


def test_more_bits_lose_less_on_real_weights():
    weights = load_layer("attention").weight[:24]
    errors = [
        float(np.square(weights - dequantize(quantize_weights(scheme, weights))).sum())
        for scheme in ("binary", "ternary-absmean", "dual-binary", "int4")
    ]
    assert errors == sorted(errors, reverse=True)


@pytest.mark.parametrize("scheme", ["binary", "ternary-absmean", "dual-binary"])
def test_nothing_is_lost_but_by_rounding(scheme):
    weights = weights_of()
    quantized = quantize_weights(scheme, weights)
    assert losses(weights, quantized, dequantize(quantized)) == Losses()


@pytest.mark.parametrize("scheme", ["binary", "ternary-absmean", "dual-binary"])
def test_rows_of_zeros_are_exact(scheme):
    weights = weights_of(2, 10)
    weights[1] = 0
    found = dequantize(quantize_weights(scheme, weights))
    assert not found[1].any()
    assert found[0].any()
    assert dequantize(quantize_weights(scheme, np.zeros((0, 10), np.float32))).shape == (0, 10)


@pytest.mark.parametrize("code", ["astc", "base3"])
@pytest.mark.parametrize("length", [0, 1, 5, 13])
def test_packed_trits_come_back(code, length):
    trits = np.random.default_rng(length).integers(-1, 1, (3, 2, length), endpoint=True)
    packed = pack_trits(trits, code)
    assert packed.shape == (3, 2, -(-length // 5))
    np.testing.assert_array_equal(unpack_trits(packed, length, code), trits)


def test_base3_bytes_are_numbers():
    assert pack_trits([1, -1, 0, 0, 1, -1], "base3").tolist() == [2 + 9 + 27 + 2 * 81, 3 + 9 + 27 + 81]


def test_other_numbers_are_refused():
    with pytest.raises(BitmillError, match=r"^trits must be -1, 0 or 1, not .*2"):
        pack_trits([0, 2])
    with pytest.raises(BitmillError, match=r"^length must be 0 to 10 for 2 bytes, not 11$"):
        unpack_trits([0, 0], 11)


def test_a_group_is_refused():
    with pytest.raises(BitmillError, match=r"group must be left out for scheme binary, .*, not 6"):
        quantize_weights("binary", weights_of(2, 12), group=6)
