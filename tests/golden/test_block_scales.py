"""Blocks with scales of any format against exact fractions: NVFP4 and MXFP4 arrays, fused groups, zeros, signs, infinities."""

from __future__ import annotations

import math
from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest

from bitmill import BitmillError, FloatAccumulator, MacConfig, formats, preset
from bitmill.golden import decode, dot, encode, matmul, to_float
from bitmill.golden.blocks import quantize_blocks

from .test_step_scales import rounded

SEED = 77
OUTSIDE = {
    "E2M1": ml_dtypes.float4_e2m1fn, "E4M3": ml_dtypes.float8_e4m3fn, "E8M0": ml_dtypes.float8_e8m0fnu,
    "E5M2": ml_dtypes.float8_e5m2, "FP16": np.float16, "BF16": ml_dtypes.bfloat16,
}  # fmt: skip


def numbers(name, codes):
    """Values by ml_dtypes or NumPy, or of integers by themselves."""
    if name.startswith("UINT"):
        return np.asarray(codes, np.float64)
    if name.startswith("INT"):
        return decode(name, codes)
    dtype = np.dtype(OUTSIDE[name])
    return np.asarray(codes).astype(f"u{dtype.itemsize}").view(dtype).astype(np.float64)


def sum_of(config, weights, activations, scales):
    """One dot product: steps, or groups of steps, summed in fractions and rounded once each."""
    spec, lanes, total, negative = config.accumulator, config.lanes, Fraction(0), False
    group = config.products_per_rounding
    for start in range(0, len(weights), group):
        exact, special = Fraction(0), []
        for k in range(start, min(start + group, len(weights))):
            block = k // lanes * lanes // config.block_size
            factors = [weights[k], activations[k], scales[0][block], scales[1][block]]
            if all(map(math.isfinite, factors)):
                exact += math.prod(map(Fraction, factors))
            elif all(map(math.isfinite, factors[2:])):
                special.append(math.prod(factors))
            else:
                special.append(math.nan)
        for value in special:
            total = total + value if isinstance(total, float) else value
        if isinstance(total, float):
            continue
        exact += total
        total, negative = rounded(exact, spec.format, spec.rounding), exact < 0
        if not isinstance(total, float):
            total = Fraction(total)
    return -0.0 if total == 0 and negative else float(total)


def check(config, codes, scales):
    result = matmul(config, *codes, weight_scales=scales[0], activation_scales=scales[1])
    got = to_float(config, result)
    names = config.weight, config.activation
    values = [numbers(name, of).tolist() for name, of in zip(names, codes, strict=True)]
    factors = [numbers(config.scale, of).tolist() for of in scales]
    for row, col in np.ndindex(got.shape):
        wanted = sum_of(config, values[0][row], values[1][col], (factors[0][row], factors[1][col]))
        assert str(float(got[row, col])) == str(wanted), (row, col)
    return got


def draw(config, rows, cols, length, rng):
    blocks = -(-length // config.block_size)
    fmts = config.weight_format, config.activation_format
    codes = [rng.integers(0, 1 << fmt.bits, (count, length)) for fmt, count in zip(fmts, (rows, cols), strict=True)]
    return codes, blocks


@pytest.mark.parametrize("name", ["nvfp4-4x4", "mxfp4-4x4", "mxfp8-4x4", "nvfp4-dot16"])
def test_presets_on_fractions(name):
    config = preset(name)
    rng = np.random.default_rng(SEED)
    codes, blocks = draw(config, 4, 4, 3 * config.block_size, rng)
    codes = [
        np.where(np.isfinite(numbers(n, c)), c, 0)
        for n, c in zip((config.weight, config.activation), codes, strict=True)
    ]
    # Signs and zeros of E4M3 too, and its NaN.
    scales = [
        rng.integers(100, 150, (4, blocks)) if config.scale == "E8M0" else rng.integers(0, 256, (4, blocks))
        for _ in codes
    ]
    got = check(config, codes, scales)
    assert np.isfinite(got).sum() > 4


def test_a_real_product_in_nvfp4_is_that_of_its_values():
    config = preset("nvfp4-4x4")
    rng = np.random.default_rng(SEED)
    found = [quantize_blocks("nvfp4", rng.normal(size=(4, 64)).astype(np.float32)) for _ in range(2)]
    result = matmul(
        config, found[0].codes, found[1].codes, weight_scales=found[0].scales, activation_scales=found[1].scales
    )
    real = to_float(config, result) * found[0].outer_scale * found[1].outer_scale
    np.testing.assert_allclose(real, found[0].values() @ found[1].values().T, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("weight", "activation", "scale", "options"),
    [
        ("E2M1", "E2M1", "E4M3", {"block": 8}),
        ("E4M3", "E5M2", "E4M3", {"block": 4, "accumulator": FloatAccumulator(format="BF16")}),
        ("E2M1", "E4M3", "E5M2", {"accumulator": FloatAccumulator(format="FP16", rounding="truncate")}),
        ("INT8", "INT4", "UINT8", {"block": 2}),
        ("INT4", "E2M1", "FP16", {"block": 6}),
        ("E2M1", "E2M1", "E4M3", {"block": 4, "accumulator": FloatAccumulator(fused=8)}),
        ("E5M2", "E2M1", "E8M0", {"accumulator": FloatAccumulator(fused=6, format="FP16")}),
        ("E5M2", "E5M2", "E4M3", {"block": 4, "accumulator": FloatAccumulator(fused=4, rounding="truncate")}),
    ],
)  # fmt: skip
def test_any_scale_on_fractions(weight, activation, scale, options):
    fields = {"accumulator": FloatAccumulator(), **options}
    config = MacConfig(weight=weight, activation=activation, unit="dot", lanes=2, k_max=64, scale=scale, **fields)
    rng = np.random.default_rng(SEED)
    finite = 0
    for length in (2, 11, 24):
        codes, blocks = draw(config, 5, 4, length, rng)
        if length == 24:
            codes = [
                np.where(np.isfinite(numbers(n, c)), c, 0) for n, c in zip((weight, activation), codes, strict=True)
            ]
        top = formats.get(scale).bits
        scales = [rng.integers(0, 1 << top, (rows, blocks)) for rows in (5, 4)]
        if scale == "E8M0":
            scales = [np.clip(of, 110, 140) for of in scales]
        scales[0][0, 0] = 0
        finite += int(np.isfinite(check(config, codes, scales)).sum())
    assert finite > 5


def test_wide_sums_times_wide_scales_are_exact():
    """Sums of 50 bits times scales of 21: ``S * 1025 * 1025 - S * 1024 * 1026 - S`` is nothing."""
    config = MacConfig(
        weight="FP16",
        activation="FP16",
        unit="dot",
        lanes=4,
        scale="FP16",
        k_max=64,
        accumulator=FloatAccumulator(fused=12),
    )
    rng = np.random.default_rng(SEED)
    w, a = (encode("FP16", rng.normal(size=(9, 4)) * 2.0 ** rng.integers(-13, 3, (9, 4))) for _ in range(2))
    scales = [encode("FP16", np.tile(of, (9, 1))) for of in ([1025.0, 1024.0, 1.0], [1025.0, 1026.0, 1.0])]
    w, a = np.concatenate([w, w ^ 0x8000, w ^ 0x8000], axis=1), np.tile(a, 3)
    assert not check(config, (w, a), scales).diagonal().any()
    assert not dot(config, w, a, weight_scales=scales[0], activation_scales=scales[1]).invalid.any()


def test_codes_of_unlike_blocks_are_told():
    config = preset("nvfp4-4x4")
    ones = np.ones((1, 40), int)
    with pytest.raises(
        BitmillError, match=r"^weight_scales .* shape \(1, 3\), one scale a block of 16 codes, not \(1, 10\)$"
    ):
        matmul(config, ones, ones, weight_scales=np.ones((1, 10), int), activation_scales=np.ones((1, 3), int))
