"""Studies of units whose steps carry scales: which units they are, and what power is measured on."""

from __future__ import annotations

import numpy as np

from bitmill import FloatAccumulator, MacConfig
from bitmill.golden import decode
from bitmill.models.layers import sample_layers
from bitmill.sim.payload import PayloadLayout
from bitmill.studies.sweep.operands import LAYER, described, unit_stimulus
from bitmill.studies.sweep.study_file import StudyFile


def test_blocks_are_crossed_with_lanes():
    grid = {
        "pairs": ["E2M1"], "lanes": [4, 16, 32], "scale": ["E4M3"], "block": [16], "accumulators": [{"kind": "float"}]
    }  # fmt: skip
    found = StudyFile.from_dict({"title": "t", "grid": [grid], "targets": {"generic": True}}, source="s.toml").expand()
    assert list(found.units) == ["e2m1-k4-fp32-scale=E4M3-block=16", "e2m1-k16-fp32-scale=E4M3"]
    (skipped,) = found.skipped
    assert "block must be a multiple of lanes = 32" in skipped.reason


def test_power_is_measured_on_blocks_of_a_real_layer():
    """What goes in, put together again: the layer's weights and activations, to the elements' rounding."""
    config = MacConfig(
        weight="E2M1", activation="E4M3", unit="dot", lanes=8, scale="E8M0", block=32, accumulator=FloatAccumulator()
    )
    layer = next(layer for layer in sample_layers() if layer.name == LAYER)
    steps = layer.weight.shape[1] // 8
    layout, payloads = PayloadLayout.of(config), unit_stimulus(config, "layer", 2 * steps)["i_payload"]
    codes, scales = layout.unpack_steps(payloads), layout.unpack_scales(payloads)
    assert codes[2].tolist() == [*[False] * (steps - 1), True] * 2
    for name, got, of_steps, real, error in (
        ("E2M1", codes[0], scales[0], layer.weight[:2], 0.3),
        ("E4M3", codes[1], scales[1], layer.held_out[:2], 0.13),
    ):
        # The codes beside a block's first step do not count.
        factors = decode("E8M0", np.repeat(of_steps[::4], 4, axis=0))
        values = (decode(name, got) * factors).reshape(2, -1)
        assert np.abs(values - real).max() < error * np.abs(real).max()
        assert np.corrcoef(values.ravel(), np.asarray(real).ravel())[0, 1] > 0.98
    assert "blocks of 32 with E8M0 scales, floor" in described("layer", config)
    uniform = unit_stimulus(config, "uniform", 10)["i_payload"]
    assert layout.unpack_scales(uniform)[0][0] != 255
