"""Dot products of scaled steps against exact fractions: scales at both ends of their range, NaN, zeros, shapes."""

from __future__ import annotations

from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bitmill import BitmillError, FloatAccumulator, MacConfig, formats
from bitmill.golden import decode, dot, encode, matmul, to_float

SEED = 2025
FLOATS = {"FP32": (24, -126, 127), "FP16": (11, -14, 15), "BF16": (8, -126, 127)}
"""Significand bits, least and greatest exponent of a normal number."""


def make(weight, activation, *, lanes=4, k_max=4096, **accumulator):
    return MacConfig(
        weight=weight,
        activation=activation,
        unit="mac" if lanes == 1 else "dot",
        lanes=lanes,
        k_max=k_max,
        accumulator=FloatAccumulator(**accumulator),
        scale="E8M0",
    )


def power(code: int):
    """E8M0 as OCP MX v1.0 section 5.4.1 states it."""
    assert 0 <= code <= 254
    return Fraction(2) ** (code - 127)


def rounded(value, fmt, rounding):
    """One significand's last place at the value, by division alone."""
    digits, least, greatest = FLOATS[fmt]
    magnitude, exponent = abs(value), least
    while magnitude >= Fraction(2) ** (exponent + 1):
        exponent += 1
    place = Fraction(2) ** (exponent - digits + 1)
    units = magnitude // place if rounding == "truncate" else round(magnitude / place)
    largest = (2**digits - 1) * Fraction(2) ** (greatest - digits + 1)
    result = units * place
    if result > largest and rounding == "nearest-even":
        return float("inf") if value > 0 else float("-inf")
    result = min(result, largest)
    return result if value > 0 else -result


def reference(config, codes, scales):
    """Result and ``invalid`` of one dot product."""
    spec = config.accumulator
    fmts = [formats.get(config.weight), formats.get(config.activation)]
    total = Fraction(0)
    negative = invalid = False
    for step, pair in enumerate(zip(*scales, strict=True)):
        lanes = slice(step * config.lanes, (step + 1) * config.lanes)
        numbers = [[fmt.decode(c) for c in row[lanes]] for fmt, row in zip(fmts, codes, strict=True)]
        special = [float(w) * float(a) for w, a in zip(*numbers, strict=True) if w.special or a.special]
        if 255 in pair:
            special.append(float("nan"))
        invalid |= bool(special)
        # Inf and NaN swallow every number.
        for value in special:
            total = total + value if isinstance(total, float) else value
        if isinstance(total, float):
            continue
        products = (w.value * a.value for w, a in zip(*numbers, strict=True))
        exact = total + sum(products, Fraction(0)) * power(pair[0]) * power(pair[1])
        total, negative = rounded(exact, spec.format, spec.rounding), exact < 0
    if total == 0 and negative:
        return -0.0, invalid
    return float(total), invalid


def check(config, codes, scales):
    result = dot(config, *codes, weight_scales=scales[0], activation_scales=scales[1])
    got = to_float(config, result)
    for row in range(len(codes[0])):
        expected, invalid = reference(config, [c[row].tolist() for c in codes], [s[row].tolist() for s in scales])
        assert (str(float(got[row])), bool(result.invalid[row])) == (str(expected), invalid), f"row {row}"
    return got


def draw(config, rows, steps, rng):
    fmts = config.weight_format, config.activation_format
    return [rng.integers(0, 1 << fmt.bits, (rows, steps * config.lanes)) for fmt in fmts]


PAIRS = [("E2M1", "E2M1"), ("E4M3", "E4M3"), ("E5M2", "E5M2"), ("E2M3", "E3M2"), ("INT8", "INT8"), ("E2M1", "E4M3")]


@pytest.mark.parametrize("rounding", ["nearest-even", "truncate"])
@pytest.mark.parametrize("fmt", FLOATS)
@pytest.mark.parametrize("lanes", [1, 4])
@pytest.mark.parametrize("pair", PAIRS)
def test_scaled_steps_on_fractions(pair, lanes, fmt, rounding):
    config = make(*pair, lanes=lanes, format=fmt, rounding=rounding)
    rng = np.random.default_rng(SEED)
    spread = {"FP32": 40, "FP16": 12, "BF16": 20}[fmt]
    for centre in (127, 127 - spread, 127 + spread, 64, 190):
        codes = draw(config, 5, 7, rng)
        zeros = rng.random(codes[0].shape) < 0.2
        codes[0] = np.where(zeros, 0, codes[0])
        # Whole steps of zeros too: their scale must not matter.
        codes[1][:, 2 * lanes : 3 * lanes] = 0
        scales = [np.clip(rng.integers(centre - spread, centre + spread, (5, 7)), 0, 254) for _ in range(2)]
        check(config, codes, scales)


@pytest.mark.parametrize("fmt", FLOATS)
def test_extreme_scales_and_nan(fmt):
    config = make("E2M1", "E2M1", lanes=2, format=fmt)
    rng = np.random.default_rng(SEED)
    seen = []
    for steps in (1, 5):
        often = rng.choice([0, 1, 100, 127, 128, 150, 253, 254, 255], (2, 150, steps), p=[*[0.12] * 8, 0.04])
        seen += check(config, draw(config, 150, steps, rng), list(often)).tolist()
    assert {"nan", "inf", "-inf", "0.0", "-0.0"} <= {str(value) for value in seen}


@settings(max_examples=150, deadline=None)
@given(st.data(), st.sampled_from(PAIRS), st.sampled_from(["nearest-even", "truncate"]))
def test_any_scales(data, pair, rounding):
    config = make(*pair, lanes=2, rounding=rounding)
    steps = data.draw(st.integers(1, 5))
    fmts = config.weight_format, config.activation_format
    codes = [
        np.array([data.draw(st.lists(st.integers(0, 2**fmt.bits - 1), min_size=2 * steps, max_size=2 * steps))])
        for fmt in fmts
    ]
    near = st.one_of(st.integers(0, 255), st.integers(110, 140))
    scales = [np.array([data.draw(st.lists(near, min_size=steps, max_size=steps))]) for _ in fmts]
    check(config, codes, scales)


def test_values_by_hand():
    """Steps of two products: 1.5 * 2 + 0.5 * 1 = 3.5; scales 2**3 * 2**-1 = 4; and what overflows and underflows."""
    config = make("E2M1", "E2M1", lanes=2)
    w, a = encode("E2M1", [[1.5, 0.5]]), encode("E2M1", [[2.0, 1.0]])

    def result(weight_scale, activation_scale: int):
        scaled = dot(config, w, a, weight_scales=[[weight_scale]], activation_scales=[[activation_scale]])
        return float(to_float(config, scaled)[0])

    assert result(130, 126) == 14.0
    assert result(254, 126) == np.float32(3.5) * 2.0**126
    assert result(254, 127) == np.inf  # 3.5 * 2**127
    assert result(0, 105) == 3.5 * 2.0**-149 + 2.0**-150  # 3.5 units of the least subnormal: a tie, to even
    assert result(0, 104) == 2.0**-148  # 1.75 units
    assert result(0, 102) == 0.0  # 0.4375 units
    assert result(0, 0) == 0.0
    assert np.isnan(result(255, 127))
    assert np.isnan(result(0, 255))


def test_scales_of_mx_blocks_are_those_of_ml_dtypes():
    """Random MXFP4 and MXFP8 blocks decoded by ml_dtypes, summed in float64, where sums of these few are exact."""
    rng = np.random.default_rng(SEED)
    for name, dtype in (("E2M1", ml_dtypes.float4_e2m1fn), ("E4M3", ml_dtypes.float8_e4m3fn)):
        config = make(name, name, lanes=32)
        codes = [np.where(np.isfinite(decode(name, c)), c, 0) for c in draw(config, 20, 1, rng)]
        scales = [rng.integers(120, 134, (20, 1)) for _ in range(2)]
        values = [
            c.astype(np.uint8).view(dtype).astype(np.float64)
            * s.astype(np.uint8).view(ml_dtypes.float8_e8m0fnu).astype(float)
            for c, s in zip(codes, scales, strict=True)
        ]
        expected = (values[0] * values[1]).sum(axis=1).astype(np.float32)
        np.testing.assert_array_equal(check(config, codes, scales), expected)


def test_matmul_is_dot_of_every_pair(monkeypatch):
    config = make("E2M1", "E4M3", lanes=4)
    rng = np.random.default_rng(SEED)
    w, a = draw(config, 7, 6, rng)
    a = a[:5]
    scales = rng.integers(120, 134, (7, 6)), rng.integers(120, 134, (5, 6))
    scales[0][2, 3] = 255
    pairs = dot(
        config, np.repeat(w, 5, axis=0), np.tile(a, (7, 1)),
        weight_scales=np.repeat(scales[0], 5, axis=0), activation_scales=np.tile(scales[1], (7, 1)),
    )  # fmt: skip
    for outputs in (1 << 15, 10):
        monkeypatch.setattr("bitmill.golden.mac.accumulate_float._OUTPUTS_AT_ONCE", outputs)
        product = matmul(config, w, a, weight_scales=scales[0], activation_scales=scales[1])
        for field in ("value", "invalid", "too_long"):
            np.testing.assert_array_equal(getattr(product, field).ravel(), getattr(pairs, field))
    assert product.invalid[2].all()


def test_a_last_step_that_is_not_full_has_a_scale():
    config = make("E2M1", "E2M1", lanes=4)
    ones = encode("E2M1", [[1.0] * 6])
    scaled = dot(config, ones, ones, weight_scales=[[127, 130]], activation_scales=[[127, 127]])
    assert to_float(config, scaled).tolist() == [4.0 + 2 * 8.0]


@pytest.mark.parametrize(
    ("scales", "message"),
    [
        ({}, r"weight_scales must be given for a unit of scale 'E8M0', not left out"),
        ({"weight_scales": [[127, 127]]}, r"activation_scales must be given for a unit of scale 'E8M0', not left out"),
        (
            {"weight_scales": [[127]], "activation_scales": [[127, 127]]},
            r"weight_scales must have shape \(1, 2\), one scale a step of 2 codes, not \(1, 1\)",
        ),
        (
            {"weight_scales": [[127, 127]], "activation_scales": [127, 127]},
            r"activation_scales must have shape \(1, 2\), one scale a step of 2 codes, not \(2,\)",
        ),
        (
            {"weight_scales": [[127, 256]], "activation_scales": [[127, 127]]},
            r"weight_scales must be codes of E8M0 in 0..255, not 256",
        ),
        (
            {"weight_scales": [[1.0, 2.0]], "activation_scales": [[127, 127]]},
            r"weight_scales must be integer codes of E8M0, not float64",
        ),
    ],
)
def test_wrong_scales_are_told_in_one_line(scales, message):
    config = make("E2M1", "E2M1", lanes=2)
    for run in (dot, matmul):
        with pytest.raises(BitmillError, match=f"^{message}$"):
            run(config, [[1, 1, 1, 1]], [[1, 1, 1, 1]], **scales)


def test_units_without_scales_take_none():
    config = MacConfig(weight="E2M1", activation="E2M1")
    for name in ("weight_scales", "activation_scales"):
        with pytest.raises(BitmillError, match=f"^{name} must be left out for a unit of scale 'none', not given$"):
            dot(config, [[1]], [[1]], **{name: [[127]]})
