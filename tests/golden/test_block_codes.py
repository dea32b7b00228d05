"""What a block quantizer gives, by exact fractions and the numbers of ml_dtypes; blocks that are none; what is refused."""

from __future__ import annotations

from fractions import Fraction
from typing import get_args

import ml_dtypes
import numpy as np
import pytest

from bitmill import BitmillError
from bitmill.config.block_quantizer import QUANTIZED, BlockQuantizerConfig, Source
from bitmill.golden.quantizers.block import quantize_block

SEED = 41
WIDTHS = {"FP16": np.uint16, "BF16": np.uint16, "FP32": np.uint32}
SOURCES = {"FP16": np.float16, "BF16": ml_dtypes.bfloat16, "FP32": np.float32}
ELEMENTS = {
    "E2M1": ml_dtypes.float4_e2m1fn, "E2M3": ml_dtypes.float6_e2m3fn, "E3M2": ml_dtypes.float6_e3m2fn,
    "E4M3": ml_dtypes.float8_e4m3fn, "E5M2": ml_dtypes.float8_e5m2,
}  # fmt: skip


def fractions_of(codes, dtype):
    """By code, those that are numbers."""
    values = np.asarray(codes).view(dtype).astype(np.float64)
    return {index: Fraction(float(value)) for index, value in enumerate(values) if np.isfinite(value)}


def elements(name):
    """The numbers of a block's elements by code, minus zero left out, and where they would go on."""
    row = QUANTIZED[name]
    if row.elements[0] in ELEMENTS:
        found = fractions_of(np.arange(1 << row.bits, dtype=np.uint8), ELEMENTS[row.elements[0]])
        del found[1 << row.bits - 1]
        ascending = sorted(found.values())
        return found, ascending[-1] - ascending[-2]
    step = Fraction(1, 64) if name.startswith("mxint8") else Fraction(1)
    ends = (-128, 127) if name.startswith("mxint8") else (-7, 7)
    return {number & (1 << row.bits) - 1: number * step for number in range(ends[0], ends[1] + 1)}, step


def nearest(x, numbers):
    """The code nearest to x, of two the one whose magnitude is even."""
    return min(numbers, key=lambda code: (abs(numbers[code] - x), code & 1))


def by_fractions(config, codes, tensor_scale):
    values = fractions_of(np.asarray(codes, WIDTHS[config.source]), SOURCES[config.source])
    row = config.row
    numbers, step = elements(config.block)
    top = max(numbers.values())
    amax = max(map(abs, values.values()))
    if row.tensor is None:
        powers = {code: Fraction(2) ** (code - 127) for code in range(255)}
        reach = max(Fraction(2) ** e for e in range(-9, 20) if Fraction(2) ** e <= top)
        floor = max((code for code in powers if powers[code] * reach <= amax), default=0)
        up = min((code for code in powers if powers[code] * top >= amax), default=254)
        scale = 127 if not amax else floor if row.rule == "floor" else up
        factor = powers[scale]
    else:
        scales = fractions_of(np.arange(127, dtype=np.uint8), ml_dtypes.float8_e4m3fn)
        outer = Fraction(float(np.uint32(tensor_scale).view(np.float32)))
        wanted = amax / top / outer
        scale = max(nearest(wanted, scales), 1) if amax else 0
        factor = scales[scale] * outer
    scaled = [values[place] / factor if factor else Fraction(0) for place in range(len(codes))]
    found = [nearest(x, numbers) for x in scaled]
    # Beyond the range rounding would go on to the next number, halfway to the even one, and goes to the greatest one instead.
    ends = max(numbers.values()), min(numbers.values())
    limits = [abs(end) + step / 2 for end in ends]
    odd = [next(code for code, value in numbers.items() if value == end) & 1 for end in ends]
    over = [
        abs(x) > limits[x < 0] or (abs(x) == limits[x < 0] and bool(odd[x < 0])) for x in scaled
    ]  # fmt: skip
    flushed = [x != 0 and numbers[code] == 0 for x, code in zip(scaled, found, strict=True)]
    return tuple(found), scale, any(over), any(flushed)


def blocks(config, rng, count):
    """Codes of finite numbers, near one another, of few bits, subnormal, or anything; with a tensor's scale that may fit."""
    dtype = SOURCES[config.source]
    for index in range(count):
        spread = float(rng.choice([0, 1, 4, 12]))
        x = rng.normal(size=config.lanes) * 2.0 ** rng.uniform(-spread, 0, config.lanes)
        x *= 2.0 ** (rng.integers(-24, 15) if config.source == "FP16" else rng.integers(-149, 126))
        with np.errstate(over="ignore"):
            codes = x.astype(dtype).view(WIDTHS[config.source]).astype(np.int64)
        if index % 2:
            stored = {"FP16": 10, "BF16": 7, "FP32": 23}[config.source]
            codes &= ~((1 << max(stored - 4, 0)) - 1)
            codes += rng.integers(0, 2, len(codes))
        values = codes.astype(WIDTHS[config.source]).view(dtype).astype(np.float64)
        codes[~np.isfinite(values)] = 0
        amax = float(np.abs(np.where(np.isfinite(values), values, 0)).max())
        outer = np.float32(np.clip(amax / 2688 * 2.0 ** float(rng.integers(-2, 12)), 1.2e-38, 3e38))
        yield codes, int(outer.view(np.uint32))


@pytest.mark.parametrize("source", get_args(Source))
@pytest.mark.parametrize("name", QUANTIZED)
def test_blocks_are_those_of_exact_fractions(name, source):
    config = BlockQuantizerConfig(block=name, source=source, group=6)
    for codes, outer in blocks(config, np.random.default_rng(SEED), 24):
        found = quantize_block(config, codes, outer)
        assert (found.codes, found.scale, found.saturated, found.flushed) == by_fractions(config, codes, outer), codes
        assert not found.invalid


def test_zeros_have_the_scale_of_one_or_zero_and_no_sign():
    for name, scale in (("mxfp8", 127), ("mxint4-up", 127), ("nvfp4", 0)):
        found = quantize_block(BlockQuantizerConfig(block=name, group=2), [0, 0x8000], 0x3F800000)
        assert (found.codes, found.scale, found.invalid, found.saturated, found.flushed) == (
            (0, 0),
            scale,
            *[False] * 3,
        )


@pytest.mark.parametrize(("name", "nan"), [("mxfp4", 0xFF), ("nvfp4", 0x7F)])
@pytest.mark.parametrize("special", [0x7C00, 0xFC00, 0x7E00, 0x7C01])
def test_what_is_not_finite_makes_a_block_nan(name, nan, special):
    found = quantize_block(BlockQuantizerConfig(block=name, group=3), [0x3C00, special, 1], 0x3F800000)
    assert (found.codes, found.scale, found.invalid, found.saturated, found.flushed) == (
        (0,) * 3,
        nan,
        True,
        False,
        False,
    )


@pytest.mark.parametrize("outer", [0, 0x007FFFFF, 0x7F800000, 0x7FC00000, 0xBF800000, 0x80000000])
def test_a_tensor_scale_that_is_no_positive_normal_number_makes_a_block_nan(outer):
    found = quantize_block(BlockQuantizerConfig(block="nvfp4", group=2), [0x3C00, 0], outer)
    assert (found.codes, found.scale, found.invalid) == ((0, 0), 0x7F, True)
    assert not quantize_block(BlockQuantizerConfig(block="nvfp4", group=2), [0x3C00, 0], 0x00800000).invalid


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"block": "mxfp5"}, "block: must be one of mxfp4, .*, nvfp4, not 'mxfp5'; did you mean"),
        ({"block": "int4"}, "block: must be one of .* not 'int4'"),
        ({"source": "FP8"}, "source: must be 'FP16', 'BF16' or 'FP32', not 'FP8'"),
        ({"group": 129}, "group: must be at most 128, not 129"),
        ({"group": 0}, "group: must be at least 1, not 0"),
    ],
)
def test_other_configurations_are_refused(fields, message):
    with pytest.raises(BitmillError, match=message):
        BlockQuantizerConfig.from_dict({"unit": "block-quantizer", **fields})


def test_blocks_of_another_length_are_refused():
    with pytest.raises(BitmillError, match=r"numbers must have the shape \[32\], not \[2\]"):
        quantize_block(BlockQuantizerConfig(), [0, 1])
