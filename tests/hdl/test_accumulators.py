"""Units with every kind of accumulator: RTL and a netlist against golden in Icarus, and the latency they state."""

from __future__ import annotations

from typing import Any

import pytest
from amaranth.sim import Simulator

from bitmill import ExactAccumulator, FixedAccumulator, FloatAccumulator, MacConfig, WindowAccumulator, golden
from bitmill.hdl import build
from bitmill.hdl.accumulators.fixed_accumulator import FixedAccumulator as FixedUnit
from bitmill.hdl.accumulators.float_accumulator import FloatAccumulator as FloatUnit
from bitmill.hdl.accumulators.fused_accumulator import FusedAccumulator
from bitmill.hdl.accumulators.table import ACCUMULATORS
from bitmill.hdl.accumulators.window_accumulator import WindowAccumulator as WindowUnit
from bitmill.hdl.sums.window_tree import WindowTree
from bitmill.sim import verify

PAIRS = [("INT8", "INT8"), ("E4M3", "E4M3"), ("E5M2", "E5M2"), ("INT4", "INT8")]
MORE_PAIRS = [("INT8", "E5M2"), ("BF16", "BF16"), ("UINT4", "UINT3"), ("E4M3", "UINT5"), ("FLINT4", "POT4")]
SPECS: list[Any] = [
    FixedAccumulator(width=14, overflow="saturate"),
    FixedAccumulator(width=40, overflow="saturate"),
    FixedAccumulator(width=14, overflow="wrap"),
    *(WindowAccumulator(width=width) for width in (4, 5, 8, 13, 24, 48)),
    *(FloatAccumulator(format=name, fused=fused) for name in ("FP16", "BF16") for fused in (None, 8, 32)),
    FloatAccumulator(fused=16),
    *(WindowAccumulator(width=width, rounding="truncate") for width in (4, 8, 24, 48)),
    *(FloatAccumulator(format=name, rounding="truncate") for name in ("FP32", "FP16", "BF16")),
    FloatAccumulator(format="FP16", fused=16, rounding="truncate"),
]


def make(pair: tuple[str, str], accumulator: Any, *, lanes: int, k_max: int = 100) -> MacConfig:
    unit = "mac" if lanes == 1 else "dot"
    return MacConfig(weight=pair[0], activation=pair[1], unit=unit, lanes=lanes, k_max=k_max, accumulator=accumulator)


def _name(spec: Any) -> str:
    return "-".join(str(value) for value in spec.model_dump(exclude_none=True).values())


QUICK = [
    make(PAIRS[0], FixedAccumulator(width=18, overflow="saturate"), lanes=8),
    make(PAIRS[3], FixedAccumulator(width=12, overflow="wrap"), lanes=1),
    make(PAIRS[1], WindowAccumulator(width=8), lanes=8),
    make(PAIRS[1], WindowAccumulator(width=24), lanes=2),  # the accumulator reaches a few bits below the window
    make(("INT8", "E5M2"), WindowAccumulator(width=5), lanes=3),
    make(PAIRS[1], FloatAccumulator(format="FP16"), lanes=1),
    make(PAIRS[2], FloatAccumulator(format="FP16", fused=16), lanes=8),
    make(PAIRS[1], WindowAccumulator(width=8, rounding="truncate"), lanes=8),
    make(("INT8", "E5M2"), WindowAccumulator(width=7, rounding="truncate"), lanes=3),
    make(PAIRS[2], FloatAccumulator(rounding="truncate"), lanes=1),
    make(PAIRS[2], FloatAccumulator(format="FP16", rounding="truncate"), lanes=2),
]
MORE = [
    make(PAIRS[2], FixedAccumulator(width=14, overflow="saturate"), lanes=1),
    make(PAIRS[2], WindowAccumulator(width=24), lanes=3),
    make(PAIRS[0], WindowAccumulator(width=6), lanes=1),
    make(PAIRS[2], FloatAccumulator(format="BF16"), lanes=8),
    make(PAIRS[1], FloatAccumulator(fused=4), lanes=1),
]


def check(config: MacConfig, *, seed: int, dot_products: int = 60, **options: Any) -> None:
    result = verify(config, seed=seed, dot_products=dot_products, corner_steps=40, **options)
    assert result.transactions >= result.results > dot_products
    assert result.resets >= 1
    assert result.output_stalls > 0


@pytest.mark.parametrize("config", QUICK, ids=lambda config: config.title)
def test_rtl_is_golden(config: MacConfig) -> None:
    check(config, seed=21, dot_products=40)


def test_netlist_is_golden() -> None:
    check(make(PAIRS[1], WindowAccumulator(width=6), lanes=2), seed=22, dot_products=20, netlist="generic")


@pytest.mark.parametrize("pipeline", [0, 1, 2])
@pytest.mark.parametrize("width", [6, 40])
def test_windows_of_shorter_pipelines(width: int, pipeline: int) -> None:
    config = make(PAIRS[1], WindowAccumulator(width=width), lanes=5)
    check(config.model_copy(update={"pipeline": pipeline}), seed=25, dot_products=20)


@pytest.mark.long
@pytest.mark.parametrize("lanes", [1, 8])
@pytest.mark.parametrize("spec", SPECS, ids=_name)
@pytest.mark.parametrize("pair", [*PAIRS, *MORE_PAIRS])
def test_every_kind_of_every_pair(pair: tuple[str, str], spec: Any, lanes: int) -> None:
    check(make(pair, spec, lanes=lanes), seed=23, dot_products=200)


@pytest.mark.long
@pytest.mark.parametrize("config", [*QUICK, *MORE], ids=lambda config: config.title)
def test_every_netlist(config: MacConfig) -> None:
    check(config, seed=24, dot_products=20, netlist="ecp5")


@pytest.mark.parametrize("lanes", [1, 2, 8, 9])
@pytest.mark.parametrize("spec", [*SPECS[::3], WindowAccumulator(width=4)], ids=_name)
@pytest.mark.parametrize("pair", PAIRS[:2])
def test_latency_is_as_stated(pair: tuple[str, str], spec: Any, lanes: int) -> None:
    """One full step of ones: the result appears ``LATENCY`` cycles after it, with the right value, and not before."""
    if getattr(spec, "fused", None):
        spec = spec.model_copy(update={"fused": 2 * lanes})
    config = make(pair, spec, lanes=lanes)
    unit = build(config)
    codes = [int(golden.encode(name, 1.0)) for name in pair]
    expected = int(golden.dot(config, [[codes[0]] * lanes], [[codes[1]] * lanes]).value[0])
    seen: list[tuple[int, int]] = []

    async def bench(ctx: Any) -> None:
        ctx.set(unit.o.ready, 1)
        ctx.set(unit.i.payload, {"weight": [codes[0]] * lanes, "activation": [codes[1]] * lanes, "last": 1})
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


def test_a_window_that_can_lose_nothing_needs_no_window_tree() -> None:
    for pair, width, lanes, kept in (
        (("INT8", "INT8"), 12, 8, True),  # 15-bit products: sticky bit is the last of 15
        (("INT8", "INT8"), 11, 8, False),
        (("INT8", "INT8"), 12, 1, True),
        (("E4M3", "E4M3"), 5, 1, True),
        (("E4M3", "E4M3"), 4, 1, False),
        (("E4M3", "E4M3"), 48, 8, False),
    ):
        config = make(pair, WindowAccumulator(width=width), lanes=lanes)
        assert isinstance(WindowUnit.reduction(config), WindowTree) == (not kept), config.title


def test_classes_by_specification() -> None:
    assert ACCUMULATORS[FixedAccumulator(width=9, overflow="wrap").circuit] is FixedUnit
    assert ACCUMULATORS[WindowAccumulator(width=9).circuit] is WindowUnit
    assert ACCUMULATORS[FloatAccumulator(format="BF16").circuit] is FloatUnit
    assert ACCUMULATORS[FloatAccumulator(fused=4).circuit] is FusedAccumulator


def test_init_wrong_arguments() -> None:
    config = make(PAIRS[0], ExactAccumulator(), lanes=1)
    with pytest.raises(TypeError, match="FixedAccumulator config must have a fixed accumulator, not ExactAccumulator"):
        FixedUnit(config=config)
    with pytest.raises(TypeError, match="FloatAccumulator config must have a float accumulator, not ExactAccumulator"):
        FloatUnit(config=config)
    with pytest.raises(
        TypeError, match="WindowAccumulator config must have a window accumulator, not ExactAccumulator"
    ):
        WindowUnit.reduction(config)
    product = make(PAIRS[1], ExactAccumulator(), lanes=1).product
    with pytest.raises(ValueError, match="WindowTree lanes must be at least 1, not 0"):
        WindowTree(product=product, lanes=0, raised=0)
    with pytest.raises(ValueError, match="WindowTree raised must be at most 28, not 29"):
        WindowTree(product=product, lanes=2, raised=29)
