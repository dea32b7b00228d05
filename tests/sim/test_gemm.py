"""Matrix products through an array's RTL: ragged shapes, the account of cycles, real layers, and what is refused."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest

from bitmill import BitmillError, MacConfig, golden, preset
from bitmill.golden.blocks import quantize_blocks
from bitmill.hdl import Array, build
from bitmill.models.layers import sample_layers
from bitmill.sim.gemm import Gemm, gemm

SMALL = MacConfig(weight="INT8", activation="INT8", unit="array", rows=3, cols=4, k_max=64)
LANES = MacConfig(weight="E2M1", activation="E4M3", unit="array", rows=2, cols=2, lanes=4, k_max=64)


def codes(config: MacConfig, m: int, n: int, k: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    weights, activations = (rng.normal(size=shape) for shape in ((m, k), (n, k)))
    return golden.encode(config.weight, weights * 2), golden.encode(config.activation, activations * 2)


def parts(result: Gemm) -> dict[str, int]:
    fields = asdict(result.account)
    assert fields.pop("cycles") == sum(fields.values())
    return fields


@pytest.mark.parametrize(("config", "shape"), [(SMALL, (7, 9, 11)), (SMALL, (1, 1, 1)), (LANES, (3, 5, 13))])
def test_ragged_shapes(config, shape):
    m, n, k = shape
    result = gemm(config, *codes(config, m, n, k))
    tiles, steps = -(-m // config.rows) * -(-n // config.cols), -(-k // config.lanes)
    unit = build(config)
    assert isinstance(unit, Array)
    assert (result.tiles, result.shape) == (tiles, shape)
    assert result.account.cycles == unit.cycles([steps] * tiles)
    assert parts(result) == {
        "steps": tiles * steps,
        "short_tiles": (tiles - 1) * max(0, config.rows - steps),
        "stalls": 0,
        "gaps": 0,
        "fill": unit.FILL,
        "drain": unit.LATENCY + config.rows - 1 - unit.FILL,
    }
    assert result.utilisation == pytest.approx(m * n * k / (result.account.cycles * config.macs))
    assert result.result.value.shape == (m, n)


def test_a_real_product_in_blocks():
    """NVFP4's blocks of 16 over two steps each, ragged in all three dimensions."""
    config = MacConfig.from_dict({
        "weight": "E2M1", "activation": "E2M1", "unit": "array", "rows": 2, "cols": 2, "lanes": 8, "k_max": 64,
        "scale": "E4M3", "block": 16, "accumulator": {"kind": "float"},
    })  # fmt: skip
    rng = np.random.default_rng(8)
    w, a = (quantize_blocks("nvfp4", rng.normal(size=(rows, 40)).astype(np.float32)) for rows in (3, 5))
    result = gemm(config, w.codes, a.codes, scales=(w.scales, a.scales))
    assert (result.tiles, result.account.steps) == (2 * 3, 6 * 5)
    real = golden.to_float(config, result.result) * w.outer_scale * a.outer_scale
    np.testing.assert_allclose(real, w.values() @ a.values().T, rtol=1e-5, atol=1e-5)
    with pytest.raises(BitmillError, match="weight_scales must be given for a unit of scale 'E4M3', not left out"):
        gemm(config, w.codes, a.codes)


def test_stalls_are_accounted_for():
    result = gemm(SMALL, *codes(SMALL, 8, 8, 20), stall=0.3, seed=4)
    free = gemm(SMALL, *codes(SMALL, 8, 8, 20))
    found = parts(result)
    assert found["stalls"] > 0
    assert found["gaps"] > 0
    assert found["steps"] == free.account.steps
    assert result.account.cycles > free.account.cycles


def test_both_engines_count_the_same():
    operands = codes(SMALL, 5, 6, 9)
    compiled, interpreted = (
        gemm(SMALL, *operands, engine=engine, stall=0.2, seed=9) for engine in ("compiled", "cocotb")
    )
    assert compiled.account == interpreted.account
    np.testing.assert_array_equal(compiled.result.value, interpreted.result.value)


def test_best_public_figures():
    """64x64x64 on 8x8 in at most 4120 cycles; 32x64x256 at 99.5 % of ideal."""
    config = preset("int8-8x8")
    cube = gemm(config, *codes(config, 64, 64, 64))
    assert cube.account.cycles <= 4120
    long = gemm(config, *codes(config, 32, 64, 256))
    assert long.utilisation >= 0.995


@pytest.mark.parametrize("name", ["int8-8x8", "e4m3-8x8"])
def test_real_layer(name):
    """The attention layer's committed weights [128, 384] on 96 held-out tokens, per-channel and per-token scales."""
    config = preset(name)
    layer = next(layer for layer in sample_layers() if layer.name == "attention")
    result = gemm(config, *quantized(config, layer.weight, layer.held_out))
    assert result.shape == (128, 96, 384)
    assert result.account.cycles <= result.ideal_cycles + 24
    assert not result.result.invalid.any()


def quantized(config: MacConfig, weight: np.ndarray, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    weight_scale = golden.choose_scale(config.weight, weight, granularity="channel", name="weight")
    input_scale = golden.choose_scale(config.activation, inputs, granularity="token", name="inputs")
    return golden.quantize(config.weight, weight, weight_scale), golden.quantize(config.activation, inputs, input_scale)


@pytest.mark.long
@pytest.mark.parametrize("name", ["int8-16x16", "e4m3-16x16"])
def test_whole_layer(name, whole_layer):
    """The whole 384 x 1536 output layer of MiniLM on 128 tokens through 16 x 16 PEs."""
    config = preset(name)
    result = gemm(config, *quantized(config, *whole_layer))
    assert result.shape == (384, 128, 1536)
    unit = build(config)
    assert isinstance(unit, Array)
    assert result.account.cycles == unit.cycles([1536] * (24 * 8))
    assert result.utilisation > 0.999


BAD = [
    (np.zeros((3, 5)), np.zeros((3, 5), int), "weights must be integer codes, not float64"),
    (np.zeros((3, 5), int), np.zeros(5, int), r"activations must have two dimensions, .* not the shape \[5\]"),
    (np.zeros((3, 0), int), np.zeros((3, 0), int), r"weights must have two dimensions, none of them 0, .*\[3, 0\]"),
    (np.zeros((3, 5), int), np.zeros((3, 6), int), "activations must have K = 5 as the weights have, not 6"),
    (np.zeros((3, 65), int), np.zeros((3, 65), int), "K must be at most k_max = 64, not 65"),
    (np.full((3, 5), 256), np.zeros((3, 5), int), r"weight_codes must be codes of INT8 in 0\.\.255, not 256"),
]


@pytest.mark.parametrize(("weights", "activations", "message"), BAD)
def test_wrong_operands(weights, activations, message):
    with pytest.raises(BitmillError, match=message) as caught:
        gemm(SMALL, weights, activations)
    assert "\n" not in str(caught.value)


def test_wrong_unit():
    with pytest.raises(BitmillError, match="unit must be 'array' to run a matrix product, not 'mac'"):
        gemm(preset("int8-mac"), *codes(preset("int8-mac"), 2, 2, 2))


def test_the_record_is_plain_data():
    record = json.loads(json.dumps(gemm(SMALL, *codes(SMALL, 3, 4, 8)).to_dict()))
    assert (record["M"], record["N"], record["K"], record["mismatches"]) == (3, 4, 8, 0)
    assert record["cycles"] == record["ideal_cycles"] + record["fill"] + record["drain"]
