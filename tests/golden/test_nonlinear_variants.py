"""Masks, codes of powers of two and clipped softmax, against fractions and by hand."""

import math
from fractions import Fraction

import numpy as np
import pytest

from bitmill import BitmillError
from bitmill.config.nonlinear import IVIT, PROFILES, ClippedSoftmaxRule, Log2SoftmaxRule
from bitmill.golden.nonlinear import (
    causal_mask,
    clip_softmax,
    log2_codes,
    log2_softmax,
    padding_mask,
    shiftmax,
    shiftmax_scale,
)

SEED = 10


def test_causal_masks_by_hand():
    assert causal_mask(3, 3).tolist() == [[True, False, False], [True, True, False], [True, True, True]]
    assert causal_mask(2, 4, offset=2).tolist() == [[True, True, True, False], [True] * 4]
    assert causal_mask(3, 2, offset=-1).tolist() == [[False, False], [True, False], [True, True]]
    assert causal_mask(2, 3, offset=9).all()


def test_padding_masks_by_hand():
    assert padding_mask([0, 2, 3], 3).tolist() == [[False] * 3, [True, True, False], [True] * 3]
    assert padding_mask(1, 2).tolist() == [True, False]
    assert padding_mask([[1], [2]], 2).shape == (2, 1, 2)
    assert (padding_mask([[2], [3]], 4) & causal_mask(4, 4)).shape == (2, 4, 4)


@pytest.mark.parametrize(
    ("function", "arguments", "named", "message"),
    [
        (causal_mask, (0, 3), {}, "rows must be an integer from 1 to"),
        (causal_mask, (3, 1.0), {}, "columns must be an integer from 1 to 2147483648, not 1.0"),
        (causal_mask, (3, 3), {"offset": True}, "offset must be an integer"),
        (padding_mask, ([1], 0), {}, "columns must be"),
        (padding_mask, ([1, 4], 3), {}, "lengths must be from 0 to 3, not 4"),
        (padding_mask, ([-1, 4], 5), {}, "lengths must be from 0 to 5, not -1"),
        (padding_mask, ([0.5], 3), {}, "lengths must hold integers, not float64"),
        (Log2SoftmaxRule, (), {"bits": 6}, "bits must be an integer from 1 to 5, not 6"),
        (ClippedSoftmaxRule, (), {"gamma": 0.1}, "gamma must be a number from -1 to 0, not 0.1"),
        (ClippedSoftmaxRule, (), {"zeta": float("nan")}, "zeta must be a number from 1 to 2, not nan"),
        (ClippedSoftmaxRule, (), {"zeta": "1"}, "zeta must be a number from 1 to 2, not '1'"),
        (ClippedSoftmaxRule, (), {"gamma": False}, "gamma must be a number from -1 to 0, not False"),
        (ClippedSoftmaxRule, (), {"fraction_bits": 7}, "fraction_bits must be an integer from 8 to 24, not 7"),
        (clip_softmax, (ClippedSoftmaxRule(), [129]), {"one": 128}, "y must be from 0 to 128, not 129"),
        (clip_softmax, (ClippedSoftmaxRule(), [-1]), {"one": 128}, "y must be from 0 to 128, not -1"),
        (clip_softmax, (ClippedSoftmaxRule(), [1]), {"one": 1}, "one must be an integer from 2 to 2147483648, not 1"),
        (log2_codes, (Log2SoftmaxRule(), np.array([2**31 - 1, 1])), {}, "sum to at most 2147483647, not 2147483648"),
    ],
)
def test_what_is_refused(function, arguments, named, message):
    with pytest.raises(BitmillError) as caught:
        function(*arguments, **named)
    assert message in str(caught.value)


def code(e, total, bits):
    """The least of the codes whose power of two, times the square root of 2 that rounding is about, is not too great."""
    if e == 0:
        return 2**bits - 1
    share = Fraction(e, total)
    found = next(k for k in range(200) if share**2 >= Fraction(1, 2 ** (2 * k + 1)))
    return min(found, 2**bits - 1)


@pytest.mark.parametrize("bits", [1, 2, 4, 5])
def test_codes_of_random_exponentials(bits):
    rng = np.random.default_rng(SEED)
    rows = rng.integers(0, 2**22, (40, 12)) >> rng.integers(0, 23, (40, 12))
    rows[0], rows[1] = 0, 1
    got = log2_codes(Log2SoftmaxRule(bits=bits), rows)
    assert got.dtype == np.int64
    assert got.tolist() == [[code(e, sum(row), bits) for e in row] for row in rows.tolist()]


def test_codes_at_every_threshold():
    """For a sum of 2**20 and of 2**31 - 1, the exponentials on both sides of each boundary."""
    for total in (2**20, 2**31 - 1):
        for k in range(15):
            boundary = math.isqrt(total**2 // 2 ** (2 * k + 1))
            for e in (boundary - 1, boundary, boundary + 1):
                got = log2_codes(Log2SoftmaxRule(), np.array([e, total - e]))
                assert got.tolist() == [code(e, total, 4), code(total - e, total, 4)]


def test_codes_are_the_rounded_logarithm():
    rows = np.random.default_rng(SEED).integers(1, 2**16, (50, 30))
    real = np.rint(-np.log2(rows / rows.sum(1, keepdims=True)))
    assert log2_codes(Log2SoftmaxRule(bits=4), rows).tolist() == real.clip(0, 15).tolist()


@pytest.mark.parametrize("name", ["ivit", "ibert"])
def test_codes_of_softmax(name):
    rows = np.random.default_rng(SEED).integers(-128, 128, (30, 64))
    mask = padding_mask(np.arange(30), 64)
    scale = 1 / 32
    got = log2_softmax(PROFILES[name].softmax, rows, scale=scale, mask=mask, codes=Log2SoftmaxRule())
    assert (got[~mask] == 15).all()
    real = np.where(mask, np.exp((rows - rows.max(1, keepdims=True)) * scale), 0)
    logs = -np.log2(np.maximum(real / np.maximum(real.sum(1, keepdims=True), 1e-30), 2.0**-15))
    assert np.abs(got - logs)[1:].max() < 0.95
    assert got[0].tolist() == [15] * 64


def test_codes_of_a_row_that_passes_31_bits():
    with pytest.raises(BitmillError, match="sum to at most 2147483647, not 2147483648"):
        log2_softmax(IVIT.softmax, np.zeros(1024, dtype=int), scale=1 / 64, codes=Log2SoftmaxRule())
    assert set(log2_softmax(IVIT.softmax, np.zeros(1023, dtype=int), scale=1 / 64, codes=Log2SoftmaxRule())) == {10}


@pytest.mark.parametrize("one", [128, 256, 32768, 2**31])
@pytest.mark.parametrize(("gamma", "zeta"), [(-0.03, 1.0), (0.0, 1.0), (-1.0, 2.0), (-0.003, 1.003)])
def test_clipped_softmax(gamma, zeta, one):
    rule = ClippedSoftmaxRule(gamma=gamma, zeta=zeta, fraction_bits=20)
    values = np.unique(np.concatenate([np.linspace(0, one, 999).astype(np.int64), np.arange(min(one, 100))]))
    got = clip_softmax(rule, values, one=one)
    slope, offset = round((zeta - gamma) * 2**20), round(gamma * one * 2**20)
    for y, clipped in zip(values.tolist(), got.tolist(), strict=True):
        stretched = math.floor(Fraction(slope * y + offset, 2**20) + Fraction(1, 2))
        assert clipped == min(max(stretched, 0), one - 1)
        real = min(max((zeta - gamma) * y / one + gamma, 0), 1) * one
        assert abs(clipped - real) <= max(1, one / 2**20 + 0.6)
    assert got[0] == 0
    assert 0 <= one - 1 - got[-1] <= one >> 20


def test_clipped_softmax_has_exact_zeros():
    rows = np.random.default_rng(SEED).integers(-128, 128, (20, 64))
    mask = causal_mask(20, 64)
    one = round(1 / shiftmax_scale(IVIT.softmax))
    y = shiftmax(IVIT.softmax, rows, scale=1 / 16, mask=mask)
    clipped = clip_softmax(ClippedSoftmaxRule(gamma=-0.03), y, one=one)
    assert (clipped[~mask] == 0).all()
    assert (clipped[y < one * 0.03 / 1.03 - 1] == 0).all()
    assert (clipped > 0).any()
    assert clip_softmax(ClippedSoftmaxRule(gamma=0.0), y, one=one).tolist() == y.tolist()
