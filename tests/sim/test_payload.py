"""Payload packing against Amaranth's own layouts, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bitmill import BitmillError, FloatAccumulator, MacConfig, preset
from bitmill.hdl.mac.layouts import operands_layout, result_layout
from bitmill.sim.array_payload import ArrayPayload
from bitmill.sim.payload import Output, PayloadLayout, RowOutput

CONFIGS = [
    MacConfig(weight="INT4", activation="INT4"),
    MacConfig(weight="E2M1", activation="E4M3", unit="dot", lanes=5),
    MacConfig(weight="INT3", activation="INT16", unit="dot", lanes=32),
    MacConfig(weight="FP32", activation="E5M2", accumulator=FloatAccumulator()),
]
each_config = pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.title)


def _steps(config: MacConfig, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    weights = rng.integers(0, 1 << config.weight_format.bits, (count, config.lanes), dtype=np.uint64)
    activations = rng.integers(0, 1 << config.activation_format.bits, (count, config.lanes), dtype=np.uint64)
    return weights, activations, rng.integers(0, 2, count).astype(bool)


@each_config
def test_inputs_are_the_layouts_constants(config: MacConfig) -> None:
    layout = operands_layout(config)
    weights, activations, last = _steps(config, 50)
    packed = PayloadLayout.of(config).pack_steps(weights, activations, last)
    expected = [
        layout.const({"weight": [int(c) for c in w], "activation": [int(c) for c in a], "last": int(end)}).as_bits()
        for w, a, end in zip(weights, activations, last, strict=True)
    ]
    assert packed == expected
    assert PayloadLayout.of(config).input_bits == layout.size


@each_config
def test_inputs_round_trip(config: MacConfig) -> None:
    steps = _steps(config, 50)
    layout = PayloadLayout.of(config)
    for packed, unpacked in zip(steps, layout.unpack_steps(layout.pack_steps(*steps)), strict=True):
        np.testing.assert_array_equal(packed, unpacked)


@each_config
def test_outputs_are_what_the_layout_reads(config: MacConfig) -> None:
    layout, ours = result_layout(config), PayloadLayout.of(config)
    assert ours.output_bits == layout.size
    rng = np.random.default_rng(8)
    for _ in range(200):
        payload = int.from_bytes(rng.bytes(64), "little") % (1 << layout.size)
        seen: Any = layout.from_bits(payload)
        output = Output(int(seen.value), bool(seen.invalid), bool(seen.too_long))
        assert ours.unpack_output(payload) == output
        assert ours.pack_output(output) == payload


def test_negative_value_is_two_s_complement() -> None:
    layout = PayloadLayout(4, 4, 1, 11, value_signed=True)
    assert layout.pack_output(Output(-1, False, True)) == 0b1_0_11111111111
    assert layout.unpack_output(0b0_1_10000000000) == Output(-1024, True, False)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.array([[16]]), r"weight codes must be in 0..15, not 16"),
        (np.array([[-1]]), r"weight codes must be in 0..15, not -1"),
        (np.array([[1, 2]]), r"shape \[steps, codes a step\] = \[1, 1\], not \[1, 2\]"),
    ],
)
def test_refusals(weights: np.ndarray, message: str) -> None:
    layout = PayloadLayout(4, 4, 1, 11, value_signed=True)
    with pytest.raises(BitmillError, match=message):
        layout.pack_steps(weights, np.array([[0]]), np.array([True]))


@pytest.mark.parametrize("name", ["int8-4x4", "e4m3-8x8"])
def test_rows_of_an_array_are_what_the_layout_reads(name: str) -> None:
    config = preset(name)
    layout, ours = result_layout(config), ArrayPayload.of(config)
    assert (ours.output_bits, ours.input_bits) == (layout.size, operands_layout(config).size)
    rng = np.random.default_rng(9)
    for _ in range(50):
        payload = int.from_bytes(rng.bytes(1 + layout.size // 8), "little") % (1 << layout.size)
        seen: Any = layout.from_bits(payload)
        row = RowOutput(
            tuple(int(value) for value in seen.value),
            tuple(bool(seen.invalid >> col & 1) for col in range(config.cols)),
            bool(seen.too_long),
            bool(seen.last),
        )
        assert ours.unpack_output(payload) == row
        assert ours.pack_row(row) == payload
