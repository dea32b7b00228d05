"""Stochastic rounding: gfloat's by the same random bits, fractions for codebooks and integers, streams, means and refusals."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any

import gfloat
import numpy as np
import pytest
from gfloat import RoundMode
from gfloat.formats import (
    format_info_binary16,
    format_info_ocp_e2m1,
    format_info_ocp_e4m3,
    format_info_ocp_e5m2,
)

from bitmill import BitmillError, formats
from bitmill.golden import ROUNDINGS, choose_scale, decode, encode, quantize
from bitmill.golden.codec import is_overflow
from bitmill.golden.losses import encode_counted
from bitmill.golden.stochastic import uniform

BITS = 10
GFLOAT = {
    "E2M1": format_info_ocp_e2m1,
    "E4M3": format_info_ocp_e4m3,
    "E5M2": format_info_ocp_e5m2,
    "FP16": format_info_binary16,
}


@pytest.mark.parametrize("saturate", [True, False])
@pytest.mark.parametrize("name", GFLOAT)
def test_minifloats_are_gfloats(name: str, saturate: bool) -> None:
    rng = np.random.default_rng(3)
    top = float(formats.get(name).max_value)
    x = np.concatenate(
        [rng.normal(size=300) * top / 3, rng.normal(size=300) * top * 2.0 ** -rng.integers(1, 14, 300), [0.0, -0.0]]
    )
    beyond = [np.inf, -np.inf, top * 1.01, -top * 1.01]
    x = np.append(x, beyond) if name != "E2M1" or saturate else np.clip(x, -top, top)
    bits = rng.integers(0, 1 << BITS, x.size)
    theirs = [
        gfloat.round_float(GFLOAT[name], float(value), RoundMode.StochasticFastest, saturate, int(drawn), BITS)
        for value, drawn in zip(x, bits, strict=True)
    ]
    ours = decode(name, encode(name, x, rounding="stochastic", saturate=saturate, draws=bits / (1 << BITS)))
    np.testing.assert_array_equal(ours, theirs)
    numbers = ~np.isnan(ours)
    np.testing.assert_array_equal(np.signbit(ours)[numbers], np.signbit(theirs)[numbers])


def by_fractions(values: list[Fraction], x: float, u: float) -> Fraction:
    """The rule of the docstring in fractions, for a number within the values."""
    at = Fraction(x)
    lower, upper = max(v for v in values if v <= at), min(v for v in values if v >= at)
    if lower == upper:
        return lower
    near, far = (upper, lower) if x < 0 else (lower, upper)
    return far if (at - near) / (far - near) + Fraction(u) >= 1 else near


@pytest.mark.parametrize("name", ["INT4", "UINT3", "INT5_SYM", "TERNARY", "NF4", "POT4", "E3M2_FTZ", "FP32", "E8M0"])
def test_all_formats_follow_the_rule(name: str) -> None:
    fmt = formats.get(name)
    dice = random.Random(name)
    if fmt.bits <= 16:
        values = [v for code in range(1 << fmt.bits) if (v := fmt.decode(code).value_or_none()) is not None]
        x = [
            dice.uniform(float(fmt.min_value) / 64, float(fmt.max_value) / 64) * 2.0 ** dice.randint(0, 6)
            for _ in range(200)
        ]
        x = [max(value, float(fmt.min_value)) for value in x]
        lists = [values] * len(x)
    else:
        x = [dice.gauss(0, 1) for _ in range(200)]
        lists = [
            [Fraction(float(np.nextafter(np.float32(v), np.float32(way)))) for way in (-np.inf, v, np.inf)] for v in x
        ]
    u = [dice.randrange(1 << 20) / (1 << 20) for _ in x]
    expected = [float(by_fractions(values, *pair)) for values, *pair in zip(lists, x, u, strict=True)]
    np.testing.assert_array_equal(decode(name, encode(name, x, rounding="stochastic", draws=u)), expected)


def test_a_seed_is_a_stream_of_pcg64_by_place() -> None:
    x = np.random.default_rng(0).normal(size=(40, 50)) * 3
    codes = encode("E2M1", x, rounding="stochastic", seed=7)
    # The same numbers from NumPy's own reading of the stream.
    u = np.random.Generator(np.random.PCG64(7)).random(x.shape)
    np.testing.assert_array_equal(uniform(7, x.shape), u)
    np.testing.assert_array_equal(codes, encode("E2M1", x, rounding="stochastic", draws=u))
    np.testing.assert_array_equal(codes, encode("E2M1", x, rounding="stochastic", seed=7))
    assert (codes != encode("E2M1", x, rounding="stochastic", seed=8)).mean() > 0.1
    np.testing.assert_array_equal(codes[:3], encode("E2M1", x[:3], rounding="stochastic", seed=7))


def test_values_stay_and_means_are_kept() -> None:
    for name in ("INT4", "E4M3", "NF4"):
        values = decode(name, np.arange(1 << formats.get(name).bits))
        values = values[np.isfinite(values)]
        np.testing.assert_array_equal(decode(name, encode(name, values, rounding="stochastic", seed=1)), values)
    for number in (0.3, -2.7, 5.125):
        found = decode("E2M1", encode("E2M1", np.full(40_000, number), rounding="stochastic", seed=2))
        assert len(set(found)) == 2
        assert abs(found.mean() - number) < 5 * found.std() / 200


def test_scales_and_counts_take_it() -> None:
    x = np.random.default_rng(1).normal(size=(4, 64))
    scale = choose_scale("INT4", x, granularity="channel", rule="least-squares", rounding="stochastic")
    nearest = choose_scale("INT4", x, granularity="channel", rule="least-squares")
    np.testing.assert_array_equal(scale.values, nearest.values)
    codes = quantize("INT4", x, scale, rounding="stochastic", seed=3)
    again, lost = encode_counted("INT4", x, rounding="stochastic", scale=scale, seed=3)
    np.testing.assert_array_equal(codes, again)
    assert lost.values == x.size
    assert is_overflow("INT4", [7.5, 8.0, -8.5, -9.0], rounding="stochastic").tolist() == [False, True, False, True]
    # Without a bound 6.5 goes down to 6 and up to 8.
    assert is_overflow("E2M1", [6.5, 8.0, -9.0], rounding="floor").tolist() == [False, True, True]
    assert is_overflow("E2M1", [6.5, 8.0, -9.0], rounding="ceil").tolist() == [True, True, True]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rounding": "stochastic"}, "seed or draws must be given for rounding 'stochastic', not none"),
        ({"rounding": "stochastic", "seed": 1, "draws": [0.5]}, "not both"),
        ({"rounding": "stochastic", "seed": -1}, "seed must be an integer of at least 0, not -1"),
        ({"rounding": "stochastic", "seed": True}, "seed must be an integer of at least 0, not True"),
        ({"rounding": "stochastic", "draws": [0.5, 0.5]}, r"draws must have the values' shape \(1,\), not \(2,\)"),
        ({"rounding": "stochastic", "draws": [1.0]}, "draws must be numbers of 0 <= u < 1, not .*1.0"),
        ({"rounding": "floor", "seed": 1}, "seed must be left out for rounding 'floor', not 1"),
        ({"rounding": "up"}, f"rounding must be one of {', '.join(ROUNDINGS)}, not 'up'"),
    ],
)
def test_refusals(options: dict[str, Any], message: str) -> None:
    with pytest.raises(BitmillError, match=message):
        encode("E2M1", [1.3], **options)


def test_a_midpoint_that_is_no_float64_parts_its_neighbours() -> None:
    row = formats.read_format("WIDE", {"values": [2.0**-30, 2.0**30]})
    middle = 2.0**29
    assert encode(row, [middle, np.nextafter(middle, 0), np.nextafter(middle, np.inf)]).tolist() == [0, 0, 1]
    row = formats.read_format("WIDE", {"values": [-(2.0**-30), 2.0**30]})
    assert encode(row, [middle, np.nextafter(middle, 0)]).tolist() == [1, 0]
