"""Codebook schemes: non-uniform per channel, powers, vectors from books, the dynamic map; every bit counted."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from bitmill import BitmillError, formats
from bitmill.formats.block import get_block
from bitmill.golden.codec import decode
from bitmill.golden.weights import QuantizedWeights, dequantize, quantize_weights
from bitmill.golden.weights.power import magnitudes
from bitmill.models.sample import LAYERS, load_layer


def weights_of(rows=6, length=192, seed=0):
    return (np.random.default_rng(seed).standard_t(5, size=(rows, length)) * 0.03).astype(np.float32)


def scales_of(weights):
    """The least FP16 numbers that are no less than the greatest magnitudes."""
    every = np.sort(np.arange(0x7C00, dtype=np.uint16).view(np.float16).astype(np.float64))
    return every[np.searchsorted(every, np.abs(weights).max(axis=1).astype(np.float64))]


@pytest.mark.parametrize(
    ("name", "bits"),
    [
        ("nuq3", 3 + Fraction(8 * 16 + 16, 192)),
        ("nuq4", 4 + Fraction(16 * 16 + 16, 192)),
        ("power4", 4 + Fraction(4 + 16, 192)),
        ("vq4-6", Fraction(6, 4) + Fraction(64 * 4 * 16, 6 * 192) + Fraction(16, 192)),
        ("vq8-4x2", 2 * (Fraction(4, 8) + Fraction(16 * 8 * 16, 6 * 192)) + Fraction(16, 192)),
        ("dynamic8", 8 + Fraction(16, 192)),
    ],
)
def test_bits_count_books(name, bits):
    assert quantize_weights(name, weights_of()).bits_per_weight == bits


@pytest.mark.parametrize("name", ["nuq3", "nuq4"])
def test_numbers_of_a_channel(name):
    """Every weight has the nearest number of its channel's book, and every number is the mean of its weights."""
    weights = weights_of()
    found = quantize_weights(name, weights)
    books, scales = found.extras["books"].astype(np.float64), scales_of(weights)
    assert (np.diff(books, axis=1) >= 0).all()
    values = dequantize(found)
    for row, book, scale, codes, got in zip(weights, books, scales, found.codes, values, strict=True):
        unit = (row / np.float32(scale)).astype(np.float64)
        np.testing.assert_array_equal(got, book[codes] * scale)
        np.testing.assert_allclose(np.abs(unit - book[codes]), np.abs(unit[:, None] - book).min(axis=1), atol=1e-12)
        means = [unit[codes == code].mean() for code in np.unique(codes)]
        np.testing.assert_allclose(book[np.unique(codes)], means, atol=0.02)


def test_own_numbers_lose_less_than_shared_ones_on_real_weights():
    error = dict.fromkeys(("nuq4", "nf4", "int4", "power4", "nuq3", "int3"), 0.0)
    for layer in LAYERS:
        weights = load_layer(layer).weight[:32]
        for name in error:
            group = None if get_block(name).group is None else weights.shape[1]
            error[name] += np.square(dequantize(quantize_weights(name, weights, group=group)) - weights).sum()
    assert error["nuq4"] < error["nf4"] < error["int4"]
    assert error["nuq4"] < error["power4"] < error["int4"]
    assert error["nuq3"] < error["int3"]


def nearest_of(levels, number):
    return min(levels, key=lambda level: (abs(number - level), level))


def test_powers_are_the_best_of_sixteen():
    weights = weights_of(seed=3)
    found = quantize_weights("power4", weights)
    values, scales = dequantize(found), scales_of(weights)
    for row, scale, power, got in zip(weights, scales, found.extras["powers"][:, 0], values, strict=True):
        errors, best = [], []
        for index in range(16):
            levels = [round((q / 7) ** (1 + index / 8) * 32768) / 32768 for q in range(8)]
            unit = [float(np.float32(weight) / np.float32(scale)) for weight in row]
            near = [nearest_of(levels, abs(number)) for number in unit]
            errors.append(sum((abs(u) - level) ** 2 for u, level in zip(unit, near, strict=True)))
            best.append([np.copysign(level, u) * scale for u, level in zip(unit, near, strict=True)])
        assert power == errors.index(min(errors))
        np.testing.assert_array_equal(got, best[power])
    assert magnitudes(7)[0].tolist() == [round(q / 7 * 32768) / 32768 for q in range(8)]


@pytest.mark.parametrize("name", ["vq4-4", "vq2-5x2", "vq8-3"])
def test_vectors_have_the_nearest_entries(name):
    weights = weights_of(seed=4)
    found = quantize_weights(name, weights)
    scheme, scales = found.scheme, scales_of(weights)
    book = found.extras["book"].astype(np.float64).reshape(-1, scheme.vector)
    assert found.codes.shape == (6, 192 // scheme.vector)
    assert found.shape == weights.shape
    unit = (weights / scales[:, None].astype(np.float32)).astype(np.float64).reshape(6, -1, scheme.vector)
    wanted = book[found.codes]
    nearest = np.square(unit[:, :, None] - book).sum(axis=3).min(axis=2)
    np.testing.assert_allclose(np.square(unit - wanted).sum(axis=2), nearest, atol=1e-12)
    if "residual_book" in found.extras:
        second = found.extras["residual_book"].astype(np.float64).reshape(-1, scheme.vector)
        left, chosen = unit - wanted, second[found.extras["residual_codes"]]
        nearest = np.square(left[:, :, None] - second).sum(axis=3).min(axis=2)
        np.testing.assert_allclose(np.square(left - chosen).sum(axis=2), nearest, atol=1e-12)
        wanted = wanted + chosen
    np.testing.assert_array_equal(dequantize(found), (wanted.reshape(6, -1)) * scales[:, None])


def test_books_are_found_not_drawn():
    """K-means leaves less than the vectors that it begins with, a second book less than one, and a run is as the one before."""
    weights = weights_of(rows=16, seed=5)
    one, again, two = (quantize_weights(name, weights) for name in ("vq4-5", "vq4-5", "vq4-5x2"))
    np.testing.assert_array_equal(one.extras["book"], again.extras["book"])
    unit = (weights / scales_of(weights)[:, None].astype(np.float32)).reshape(-1, 4)
    drawn = unit[np.random.default_rng(0).choice(len(unit), 32, replace=False)]
    of_drawn = np.square(unit[:, None] - drawn).sum(axis=2).min(axis=1).sum()
    of_book = (
        np.square(unit[:, None] - one.extras["book"].astype(np.float64).reshape(-1, 4)).sum(axis=2).min(axis=1).sum()
    )
    assert of_book < 0.9 * of_drawn
    np.testing.assert_array_equal(one.codes, two.codes)
    errors = [np.square(dequantize(found) - weights).sum() for found in (one, two)]
    assert errors[1] < 0.5 * errors[0]


def test_the_dynamic_map_is_that_of_the_published_code():
    """Middles of 2**i equal parts of 0.1 .. 1 times ten to a power, in single precision as bitsandbytes computes them."""
    wanted = [0.0, 1.0]
    for i in range(7):
        edges = np.linspace(0.1, 1, 2**i + 1, dtype=np.float32)
        means = (edges[:-1] + edges[1:]) / np.float32(2)
        wanted += [*(10.0 ** (i - 6) * means), *(-(10.0 ** (i - 6)) * means)]
    found = decode("DYNAMIC8", np.arange(256))
    np.testing.assert_allclose(found, np.sort(np.array(wanted, np.float64)), rtol=2.0**-12)
    assert (len(np.unique(found)), found[0], found[-1], found[127]) == (256, found.min(), 1.0, 0.0)
    assert formats.get("dynamic8").significand_bits == 12


@pytest.mark.parametrize("name", ["vq3-8", "vq4-9", "vq4-1", "vq4-8x3", "vq16-8", "nuq5"])
def test_other_books_are_refused(name):
    with pytest.raises(BitmillError, match=rf"scheme must be one of .*vqV-B.* not '{name}'"):
        get_block(name)


def test_matrices_that_cannot_have_a_book_are_refused():
    with pytest.raises(
        BitmillError, match=r"w must be a matrix that scheme vq4-8 can have, but 48 vectors are fewer than the 256"
    ):
        quantize_weights("vq4-8", weights_of(rows=1), name="w")
    with pytest.raises(BitmillError, match=r"but rows of 6 are not a multiple of the vectors of 4"):
        quantize_weights("vq4-2", weights_of(length=6))
    with pytest.raises(BitmillError, match=r"but 12 weights are fewer than the 16 entries of a book"):
        quantize_weights("nuq4", weights_of(length=12))
    with pytest.raises(BitmillError, match="group must be left out for scheme nuq4, which has a scale per row, not 64"):
        quantize_weights("nuq4", weights_of(), group=64)


def test_books_of_a_wrong_size_are_refused():
    found = quantize_weights("nuq3", weights_of())
    parts = {"scheme": found.scheme, "group": found.group, "codes": found.codes, "channel_scales": found.channel_scales}
    with pytest.raises(BitmillError, match=r"books must be float16 of shape \[6, 8\], not float16 of shape \[6, 7\]"):
        QuantizedWeights(**parts, extras={"books": found.extras["books"][:, :7]})
    with pytest.raises(BitmillError, match="books must be given for scheme nuq3"):
        QuantizedWeights(**parts)
    with pytest.raises(BitmillError, match="powers must be absent for scheme nuq3"):
        QuantizedWeights(**parts, extras=found.extras | {"powers": np.zeros((6, 1), np.uint8)})
    with pytest.raises(BitmillError, match="books must be finite, not nan"):
        QuantizedWeights(**parts, extras={"books": np.full((6, 8), np.nan, np.float16)})
