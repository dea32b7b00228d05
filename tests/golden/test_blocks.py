"""Block quantizers: every code against ml_dtypes, corner blocks by OCP's rules and exact fractions, what is not finite."""

from __future__ import annotations

from fractions import Fraction

import gfloat
import gfloat.formats
import ml_dtypes
import numpy as np
import pytest

from bitmill import BitmillError
from bitmill.formats.block import BLOCKS, get_block
from bitmill.golden.blocks import QuantizedBlocks, quantize_blocks

SEED = 15
TYPES = {
    "E2M1": ml_dtypes.float4_e2m1fn, "E2M3": ml_dtypes.float6_e2m3fn, "E3M2": ml_dtypes.float6_e3m2fn,
    "E4M3": ml_dtypes.float8_e4m3fn, "E5M2": ml_dtypes.float8_e5m2,
}  # fmt: skip
E8M0 = ml_dtypes.float8_e8m0fnu
FLOATS = [name for name, row in BLOCKS.items() if row.elements[0] in TYPES and row.group in (16, 32)]


def numbers(codes, dtype):
    return np.asarray(codes).astype(np.uint8).view(dtype).astype(np.float64)


@pytest.mark.parametrize("name", FLOATS)
def test_all_codes_are_the_numbers_of_ml_dtypes(name):
    """Every element code under every code of the scale."""
    row = get_block(name)
    elements, scales = np.arange(1 << row.bits), np.arange(256)
    codes = np.tile(elements, (256, 1))
    found = QuantizedBlocks(row, len(elements), codes, scales[:, None], 1.0).values()
    of_scales = numbers(scales, E8M0 if row.scale == "E8M0" else TYPES["E4M3"])
    with np.errstate(invalid="ignore"):
        wanted = numbers(elements, TYPES[row.elements[0]])[None] * of_scales[:, None]
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("name", FLOATS)
def test_elements_round_as_ml_dtypes(name):
    """Blocks whose scale is 1, every midpoint of neighbours and what is beside it among them."""
    row = get_block(name)
    dtype = TYPES[row.elements[0]]
    values = numbers(np.arange(1 << row.bits), dtype)
    values = np.unique(values[np.isfinite(values)])
    middles = ((values[1:] + values[:-1]) / 2).astype(np.float32)
    x = np.concatenate([values.astype(np.float32), middles, np.nextafter(middles, np.float32(9e9)), -middles])
    x = np.concatenate([[values.max()], x]).astype(np.float32)
    found = quantize_blocks(row, x, group=len(x), tensor_scale=1.0)
    one = {"E8M0": 127, "E4M3": 0x38}[str(row.scale)]
    assert found.scales.tolist() == [one]
    np.testing.assert_array_equal(found.values(), x.astype(dtype).astype(np.float64))


@pytest.mark.parametrize("name", [name for name in BLOCKS if name.startswith("mx")])
def test_scales_by_the_rules(name):
    """Around every power of two times the greatest element: by comparing fractions alone."""
    row = get_block(name)
    top = row.formats[0].max_value * Fraction(2) ** row.step_exponent
    power = max(Fraction(2) ** e for e in range(-9, 20) if Fraction(2) ** e <= top)
    for exponent in (-149, -140, -127, -126, -30, -1, 0, 1, 60, 120, 127):
        for factor in (1, top / power):
            middle = np.float32(float(factor * Fraction(2) ** exponent))
            for x in (np.nextafter(middle, np.float32(0)), middle, np.nextafter(middle, np.float32(np.inf))):
                if not (0 < x < np.inf):
                    continue
                codes = range(255)
                if row.rule == "floor":
                    fits = [code for code in codes if Fraction(2) ** (code - 127) * power <= Fraction(float(x))]
                    wanted = max(fits, default=0)
                else:
                    fits = [code for code in codes if Fraction(2) ** (code - 127) * top >= Fraction(float(x))]
                    wanted = min(fits, default=254)
                assert quantize_blocks(row, np.array([-x, 0])).scales.tolist() == [wanted], (exponent, factor, x)


GFLOAT = {
    "mxfp4": "mxfp4_e2m1", "mxfp6": "mxfp6_e2m3", "mxfp6-e3m2": "mxfp6_e3m2", "mxfp8": "mxfp8_e4m3",
    "mxfp8-e5m2": "mxfp8_e5m2", "mxint8": "mxint8",
}  # fmt: skip


@pytest.mark.parametrize("name", GFLOAT)
def test_blocks_are_those_of_gfloat(name):
    """What saturates is left out: gfloat takes it to NaN where the element has one."""
    info = getattr(gfloat.formats, f"format_info_{GFLOAT[name]}")
    top = float(get_block(name).formats[0].max_value) * 2.0 ** get_block(name).step_exponent
    rng = np.random.default_rng(SEED)
    for spread in (1.0, 3e-30, 7e25):
        x = (rng.normal(size=32) * rng.choice([1, 0.01], 32) * spread).astype(np.float32)
        found = quantize_blocks(name, x)
        scale = 2.0 ** (int(found.scales[0]) - 127)
        assert scale == gfloat.compute_scale_amax(info.etype.emax, x.astype(np.float64))
        kept = np.where(np.abs(x) <= top * scale, x, np.float32(0)).astype(np.float64)
        wanted = gfloat.quantize_block(info, kept, lambda _emax, _x, scale=scale: scale)
        np.testing.assert_array_equal(np.where(kept == x, found.values(), 0), wanted)


def test_nvfp4_on_fractions():
    rng = np.random.default_rng(SEED)
    elements = sorted({Fraction(float(v)) for v in numbers(np.arange(16), TYPES["E2M1"])})
    scales = [Fraction(float(v)) for v in numbers(np.arange(0x7F), TYPES["E4M3"])]
    for spread in (1.0, 1e-3, 1e30, 1e-38):
        x = (rng.normal(size=(6, 64)) * spread * 10.0 ** rng.integers(-6, 1, (6, 4)).repeat(16, axis=1)).astype(
            np.float32
        )
        x[0, :16] = 0
        found = quantize_blocks("nvfp4", x)
        tensor = Fraction(float(np.float32(float(np.abs(x).max()) / 2688)))
        assert Fraction(found.tensor_scale) == max(tensor, Fraction(2) ** -126)
        for (r, b), code in np.ndenumerate(found.scales):
            block = [Fraction(float(v)) for v in x[r, 16 * b : 16 * b + 16]]
            wanted = max(map(abs, block)) / 6 / Fraction(found.tensor_scale)
            scale = scales[int(code)]
            least = scales[1] if wanted else Fraction(0)
            assert abs(scale - wanted) == min(abs(s - wanted) for s in scales if s >= least)
            for value, got in zip(block, found.values()[r, 16 * b : 16 * b + 16], strict=True):
                unit = scale * Fraction(found.tensor_scale)
                errors = [abs(value - element * unit) for element in elements]
                assert abs(value - Fraction(float(got))) == min(errors)


@pytest.mark.parametrize("name", ["mxfp4", "mxfp8-up", "mxint8", "nvfp4"])
def test_blocks_that_are_not_finite_or_zero(name):
    size = get_block(name).group_of(32)
    x = np.ones((5, 2 * size), np.float32)
    x[0, 3], x[1, 0], x[2, 1] = np.nan, np.inf, -np.inf
    x[3, :size] = 0
    x[4, size:] = np.float32(1e-45)
    found = quantize_blocks(name, x)
    values = found.values()
    assert np.isnan(values[:3, :size]).all()
    assert not found.codes[:3, :size].any()
    assert not values[3, :size].any()
    np.testing.assert_allclose(values[:4, size:], 1, rtol=0.07)
    assert (np.abs(values[4, size:]) <= 2.0**-127 * 2).all()
    assert found.scales[3, 0] == (0 if name == "nvfp4" else 127)


def test_a_last_block_may_be_short():
    x = np.linspace(-3, 3, 40, dtype=np.float32).reshape(2, 20)
    found = quantize_blocks("mxfp8", x, group=8)
    assert found.scales.shape == (2, 3)
    assert found.codes.shape == (2, 20)
    for row in range(2):
        last = quantize_blocks("mxfp8", x[row, 16:], group=8)
        assert last.scales[0] == found.scales[row, 2]
        np.testing.assert_array_equal(last.values(), found.values()[row, 16:])


@pytest.mark.parametrize(
    ("name", "x", "options", "message"),
    [
        ("int4", np.ones(32), {}, "block must be one with scales of groups alone, such as mxfp4 or nvfp4, not 'int4'"),
        ("e4m3", np.ones(32), {}, "block must be one with scales of groups alone, such as mxfp4 or nvfp4, not 'e4m3'"),
        ("mxfp4", np.ones(32), {"group": 0}, "group must be at least 1, not 0"),
        ("mxfp4", 1.0, {}, r"x must have at least one dimension, not shape \[\]"),
    ],
)
def test_wrong_blocks(name, x, options, message):
    with pytest.raises(BitmillError, match=f"^{message}$"):
        quantize_blocks(name, x, **options)
