"""Units whose steps carry scales: RTL and netlists against golden, the latency they state, widths by hand."""

import numpy as np
import pytest
from amaranth.sim import Simulator

from bitmill import FloatAccumulator, MacConfig, WindowAccumulator, golden, preset
from bitmill.hdl import build
from bitmill.hdl.accumulators.float_accumulator import FloatAccumulator as FloatUnit
from bitmill.hdl.accumulators.scaled_accumulator import ScaledAccumulator
from bitmill.hdl.accumulators.table import for_config
from bitmill.hdl.mac.layouts import operands_layout, scaled_exponent_range, scaled_term_layout
from bitmill.hdl.mac.scaled_term import ScaledTerm
from bitmill.sim import verify


def make(weight, activation, *, lanes, pipeline=3, **accumulator):
    return MacConfig(
        weight=weight,
        activation=activation,
        unit="mac" if lanes == 1 else "dot",
        lanes=lanes,
        k_max=24 * lanes,
        pipeline=pipeline,
        accumulator=FloatAccumulator(**accumulator),
        scale="E8M0",
    )


QUICK = [
    make("E2M1", "E2M1", lanes=4),
    make("E5M2", "E5M2", lanes=2, pipeline=1),
    make("INT8", "INT8", lanes=3, pipeline=2, rounding="truncate"),
    make("E2M1", "E4M3", lanes=1, pipeline=0, format="FP16"),
]
MORE = [
    *QUICK,
    make("E2M1", "E2M1", lanes=32),
    make("E4M3", "E4M3", lanes=4),
    make("E3M2", "E2M3", lanes=8, format="BF16"),
    make("E4M3", "E4M3", lanes=2, format="FP16", rounding="truncate"),
    make("UINT4", "UINT3", lanes=2),
    make("BF16", "BF16", lanes=2),
]


def check(config, *, dot_products, **options):
    result = verify(config, seed=31, dot_products=dot_products, corner_steps=24, **options)
    assert result.transactions >= result.results > dot_products
    assert result.resets >= 1
    assert result.output_stalls > 0


@pytest.mark.parametrize("config", QUICK, ids=lambda config: config.title)
def test_rtl_is_golden(config):
    check(config, dot_products=40)


def test_netlist_is_golden():
    check(make("E2M1", "E2M1", lanes=2, format="FP16"), dot_products=10, netlist="generic")


@pytest.mark.long
@pytest.mark.parametrize("config", MORE, ids=lambda config: config.title)
def test_every_rtl(config):
    check(config, dot_products=3000, engine="compiled")


@pytest.mark.long
@pytest.mark.parametrize("netlist", ["generic", "ecp5"])
@pytest.mark.parametrize("config", [QUICK[0], QUICK[2]], ids=lambda config: config.title)
def test_every_netlist(config, netlist):
    check(config, dot_products=20, netlist=netlist)


def test_given_codes_have_given_scales():
    config = QUICK[0]
    codes = np.array([[1, 2, 3, 4, 5, 6, 7, 8], [9, 10, 11, 12, 13, 14, 15, 0]])
    scales = np.array([[127, 255], [130, 0]])
    result = verify(config, seed=1, codes=(codes, codes[::-1]), scales=(scales, scales))
    assert result.results == 2


@pytest.mark.parametrize("config", [*QUICK, preset("mxfp4-dot32")], ids=lambda config: config.title)
def test_latency_is_as_stated(config):
    """A full step of ones whose scales multiply to 2**5: the result appears ``LATENCY`` cycles after it, and not before."""
    unit = build(config)
    codes = [int(golden.encode(name, 1.0)) for name in (config.weight, config.activation)]
    expected = int(golden.encode(config.accumulator.format, 32.0 * config.lanes))
    seen = []

    async def bench(ctx):
        ctx.set(unit.o.ready, 1)
        step = {"weight": [codes[0]] * config.lanes, "activation": [codes[1]] * config.lanes, "last": 1}
        ctx.set(unit.i.payload, {**step, "weight_scale": 137, "activation_scale": 122})
        ctx.set(unit.i.valid, 1)
        await ctx.tick()
        ctx.set(unit.i.valid, 0)
        for cycle in range(1, unit.LATENCY + 4):
            if ctx.get(unit.o.valid):
                seen.append((cycle, int(ctx.get(unit.o.payload.value))))
            await ctx.tick()

    simulator = Simulator(unit)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert seen == [(unit.LATENCY, expected)]


def test_widths_of_mxfp4():
    # 32 products of at most 36: 1152 quarter units are 4608 < 2^13. Scales 2^-254 to 2^254, quarters 2^-2, bias 127.
    config = preset("mxfp4-dot32")
    assert scaled_exponent_range(config) == range(-254 - 2 + 127, 254 - 2 + 127 + 13)
    assert {str(name): field.width for name, field in scaled_term_layout(config)} == {
        "sign": 1, "significand": 13, "exponent": 10
    }  # fmt: skip
    fields = {str(name): (field.offset, field.width) for name, field in operands_layout(config)}
    assert fields["weight_scale"] == (256, 8)
    assert fields["activation_scale"] == (264, 8)
    assert fields["last"] == (272, 1)


def test_classes_by_configuration():
    assert for_config(QUICK[0]) is ScaledAccumulator
    assert for_config(MacConfig(weight="E2M1", activation="E2M1", accumulator=FloatAccumulator())) is FloatUnit


def test_init_wrong_arguments():
    plain = MacConfig(weight="E2M1", activation="E2M1", accumulator=WindowAccumulator(width=9))
    with pytest.raises(TypeError, match="ScaledTerm config must have a scale, not 'none'"):
        ScaledTerm(config=plain, sum_layout=scaled_term_layout(QUICK[0]), waits=0)
    with pytest.raises(ValueError, match="ScaledTerm waits must be at least 0, not -1"):
        ScaledTerm(config=QUICK[0], sum_layout=scaled_term_layout(QUICK[0]), waits=-1)
    with pytest.raises(ValueError, match="scaled_exponent_range config must have scales and a float accumulator, not "):
        scaled_term_layout(plain)
