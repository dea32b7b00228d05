"""Arrays and dot products with scales of any format, and blocks of several steps: RTL and netlists against golden."""

import numpy as np
import pytest
from amaranth.sim import Simulator

from bitmill import BitmillError, FloatAccumulator, MacConfig, preset
from bitmill.hdl.accumulators.fused_scaled_accumulator import FusedScaledAccumulator, ScaledGroupAccumulator
from bitmill.hdl.accumulators.table import for_config
from bitmill.hdl.mac.layouts import operands_layout, scaled_exponent_range, scaled_term_layout, step_flags_layout
from bitmill.hdl.mac.scale_hold import ScaleHold
from bitmill.hdl.mac.scaled_term import ScaledTerm
from bitmill.sim import verify


def make(weight, activation, scale, *, lanes=2, rows=0, cols=1, accumulator=None, **fields):
    unit = {"unit": "array", "rows": rows, "cols": cols} if rows else {"unit": "mac" if lanes == 1 else "dot"}
    return MacConfig(
        weight=weight, activation=activation, scale=scale, lanes=lanes, k_max=24 * lanes,
        accumulator=FloatAccumulator(**(accumulator or {})), **unit, **fields,
    )  # fmt: skip


QUICK = [
    make("E2M1", "E2M1", "E4M3", block=4, rows=2, cols=2),
    make("E2M1", "E2M1", "E8M0", rows=1, cols=2, accumulator={"format": "BF16", "fused": 4}),
    make("E5M2", "E2M1", "E4M3", pipeline=1, accumulator={"format": "FP16", "rounding": "truncate"}),
]
MORE = [
    *QUICK,
    make("E2M1", "E2M1", "E4M3", lanes=1, rows=17, block=2),
    make("INT8", "INT4", "UINT8", lanes=3, multiplier="operator", pipeline=2),
    make("INT4", "E2M1", "FP16", lanes=1, block=4),
    make("E5M2", "E5M2", "E5M2", lanes=2, pipeline=0, block=6, accumulator={"fused": 4}),
    make("E2M1", "E2M1", "FLINT4", saturated=True, accumulator={"format": "FP16"}),
    make("E2M1", "E4M3", "E4M3", rows=2, cols=3, block=4, accumulator={"fused": 8, "rounding": "truncate"}),
    make("UINT4", "UINT3", "E3M0", rows=1, cols=2, block=8, accumulator={"format": "BF16"}),
]


def check(config, *, dot_products, **options):
    result = verify(config, seed=33, dot_products=dot_products, corner_steps=16, **options)
    assert result.transactions >= result.results / config.cols > dot_products
    assert result.resets >= 1


@pytest.mark.parametrize("config", QUICK, ids=lambda config: config.title)
def test_rtl_is_golden(config):
    check(config, dot_products=10)


@pytest.mark.long
@pytest.mark.parametrize("config", MORE, ids=lambda config: config.title)
def test_every_rtl(config):
    check(config, dot_products=300, engine="compiled")


@pytest.mark.long
@pytest.mark.parametrize("netlist", ["generic", "ecp5"])
@pytest.mark.parametrize("config", QUICK, ids=lambda config: config.title)
def test_every_netlist(config, netlist):
    check(config, dot_products=5, netlist=netlist, engine="compiled")


@pytest.mark.long
@pytest.mark.parametrize("name", ["nvfp4-4x4", "mxfp4-4x4", "mxfp8-4x4", "nvfp4-dot16"])
@pytest.mark.parametrize(
    "options", [{"engine": "compiled"}, {"engine": "cocotb"}, {"engine": "compiled", "netlist": "ecp5"}]
)
def test_presets(name, options):
    check(preset(name), dot_products=5, **options)


def test_given_tiles_have_given_scales():
    config = QUICK[0]
    rng = np.random.default_rng(5)
    codes = rng.integers(0, 16, (3, 2, 10)), rng.integers(0, 16, (3, 2, 10))
    scales = rng.integers(0, 256, (3, 2, 3)), rng.integers(0, 256, (3, 2, 3))
    assert verify(config, seed=1, codes=codes, scales=scales, engine="compiled").results == 12
    for wrong, message in (
        (None, "scales must be given for a unit of scale 'E4M3', not None"),
        (
            (scales[0], scales[1][:, :, :2]),
            r"scales must have the shapes .* = \[3, 2, 3\] and .*, not .*\[3, 2, 2\]",
        ),
    ):
        with pytest.raises(BitmillError, match=message):
            verify(config, seed=1, codes=codes, scales=wrong)


def test_scales_are_held_until_a_block_or_a_dot_product_ends():
    unit = ScaleHold(steps=3, width=8)
    codes = [10, 11, 12, 20, 21, 30, 31, 32, 40]
    lasts = [0, 0, 0, 0, 1, 0, 0, 0, 0]
    seen = []

    async def bench(ctx):
        for code, last in zip(codes, lasts, strict=True):
            for step in (0, 1):
                ctx.set(unit.codes, code)
                ctx.set(unit.last, last)
                ctx.set(unit.step, step)
                if step:
                    seen.append(ctx.get(unit.scales))
                await ctx.tick()

    simulator = Simulator(unit)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert seen == [10, 10, 10, 20, 20, 30, 30, 30, 40]


def test_widths_of_nvfp4():
    # 16 products of at most 36 quarter... 144 units: 2304 < 2^12; significands of scales 15 * 15 = 225: 518400 < 2^19.
    config = preset("nvfp4-dot16")
    # Scales 2^-9 units to 2^-9 * 2^14, twice; quarters; FP32's bias of 127.
    assert scaled_exponent_range(config) == range(-1, -18 - 2 + 127 + 28 + 19)
    assert {str(name): field.width for name, field in scaled_term_layout(config)} == {
        "sign": 1, "significand": 19, "exponent": 9
    }  # fmt: skip
    assert step_flags_layout(config).size == 1
    array = operands_layout(preset("nvfp4-4x4"))
    assert {str(name): (field.offset, field.width) for name, field in array} == {
        "weight": (0, 64), "activation": (64, 64), "weight_scale": (128, 32), "activation_scale": (160, 32), "last": (192, 1)
    }  # fmt: skip
    assert ScaledTerm.latency(config) == 2
    assert ScaledTerm.latency(preset("mxfp4-dot32")) == 1


def test_classes_and_wrong_arguments():
    assert for_config(QUICK[1]) is FusedScaledAccumulator
    with pytest.raises(ValueError, match="ScaleHold steps must be at least 2, not 1"):
        ScaleHold(steps=1, width=8)
    with pytest.raises(TypeError, match="ScaledGroupAccumulator config must have a scale, not 'none'"):
        ScaledGroupAccumulator(
            config=MacConfig(weight="E2M1", activation="E2M1", accumulator=FloatAccumulator(fused=2))
        )
