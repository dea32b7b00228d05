"""Latencies counted by hand: input register, product register, aligned register, adder tree, output register."""

from __future__ import annotations

import pytest

from bitmill import FloatAccumulator, MacConfig, preset
from bitmill.hdl import build

LATENCIES = {
    "int8-mac": 1 + 1 + 0 + 0 + 1,  # Integers need no shift.
    "e4m3-mac": 1 + 1 + 1 + 0 + 1,
    "e4m3-mac-fp32": 1 + 1 + 0 + 0 + 1,  # One lane into floating point keeps its exponent.
    "e2m1xe4m3-mac": 1 + 1 + 1 + 0 + 1,
    "int8-dot32": 1 + 1 + 0 + 3 + 1,  # Five levels of adders, a register after every second one and the last.
    "e4m3-dot32": 1 + 1 + 1 + 3 + 1,
}


@pytest.mark.parametrize("name", LATENCIES)
def test_latency_of_presets(name):
    latency = build(preset(name)).LATENCY
    assert latency == LATENCIES[name]


@pytest.mark.parametrize(("lanes", "stages"), [(2, 1), (3, 1), (4, 1), (5, 2), (16, 2), (17, 3)])
@pytest.mark.parametrize("accumulator", [None, FloatAccumulator()], ids=["exact", "fp32"])
def test_latency_of_trees(lanes, stages, accumulator):
    chosen = {} if accumulator is None else {"accumulator": accumulator}
    config = MacConfig(weight="E5M2", activation="INT8", unit="dot", lanes=lanes, **chosen)
    latency = build(config).LATENCY
    assert latency == 1 + 2 + stages + 1


@pytest.mark.parametrize(("pipeline", "e4m3", "int8"), [(0, 0, 0), (1, 1, 1), (2, 2, 1), (3, 5, 4)])
def test_latency_of_pipelines(pipeline, e4m3, int8):
    """Of dot32: multiplier, aligner where products have exponents, three registers of the tree; beside them input and output."""
    for weight, between in (("E4M3", e4m3), ("INT8", int8)):
        config = MacConfig(weight=weight, activation=weight, unit="dot", lanes=32, pipeline=pipeline)
        latency = build(config).LATENCY
        assert latency == 2 + between
