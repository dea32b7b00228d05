"""Quantized matrices through the bit-serial tile's RTL: ragged shapes, every scheme it takes, a whole real layer."""

from __future__ import annotations

import numpy as np
import pytest

from bitmill import BitmillError
from bitmill.config.bit_serial import BitSerialConfig
from bitmill.golden import decode, encode
from bitmill.golden.weights import dequantize, quantize_weights
from bitmill.models.layers import sample_layers
from bitmill.sim.serial_gemm import serial_gemm

SEED = 41
SMALL = BitSerialConfig(rows=2, cols=3, group=32)


def operands(shape, tokens, config):
    rng = np.random.default_rng(SEED)
    numbers = rng.normal(size=(tokens, shape[1]))
    codes = rng.integers(0, 256, numbers.shape) if config.is_integer else encode(config.activation, numbers)
    return rng.normal(size=shape).astype(np.float32), codes


@pytest.mark.parametrize("scheme", ["bitmod-fp4", "bitmod-fp3", "int4", "int5", "int6", "int8", "fp4", "fp3"])
def test_schemes(scheme):
    weights, codes = operands((5, 96), 3, SMALL)
    quantized = quantize_weights(scheme, weights, group=32)
    found = serial_gemm(SMALL, quantized, codes)
    assert (found.shape, found.tiles) == ((5, 3, 96), 2 * 2)
    exact = dequantize(quantized) @ decode("FP16", codes).T
    np.testing.assert_allclose(found.output, exact, atol=2e-3 * np.abs(exact).max())
    unit_cycles = -(-quantized.scheme.bits // 2)
    assert found.account.terms == 4 * 24 * unit_cycles
    assert found.ideal_cycles == 5 * 3 * 96 * unit_cycles / (2 * 3 * 4)
    assert found.account.cycles >= found.account.terms
    assert found.account.cycles == found.account.terms + found.account.waits + found.account.drain


def test_long_groups_lose_no_cycle():
    config = BitSerialConfig(rows=2, cols=2, group=128)
    weights, codes = operands((4, 256), 4, config)
    found = serial_gemm(config, quantize_weights("bitmod-fp4", weights), codes)
    # After the last step: latency, the places between the groups' exponents, and the rows.
    assert found.account.waits == found.padding == 0
    assert found.account.cycles - found.ideal_cycles == found.account.drain < 13 + 30 + 2
    assert found.account.cycles > found.ideal_cycles


def test_integer_activations_are_exact():
    config = BitSerialConfig(rows=2, cols=2, group=32, activation="INT8")
    weights, codes = operands((3, 64), 3, config)
    quantized = quantize_weights("int4", weights, group=32)
    found = serial_gemm(config, quantized, codes)
    signed = codes - (codes >> 7 << 8)
    np.testing.assert_allclose(found.output, dequantize(quantized) @ signed.T, rtol=1e-12)


def test_waits_of_short_groups_and_of_stalls():
    weights, codes = operands((6, 64), 4, SMALL)
    short = serial_gemm(SMALL, quantize_weights("int4", weights, group=4), codes)
    stalled = serial_gemm(SMALL, quantize_weights("int4", weights, group=32), codes, stall=0.3, seed=5)
    for found in (short, stalled):
        assert found.account.waits > 0
        assert found.account.cycles == found.account.terms + found.account.waits + found.account.drain
    # A group of one step has the multiplication with its 8-bit scale to wait for.
    assert short.account.waits > 8 * (short.tiles * 16 - 1)


@pytest.mark.long
@pytest.mark.parametrize("scheme", ["bitmod-fp4", "int8"])
def test_whole_layer(scheme):
    config = BitSerialConfig(rows=8, cols=8)
    layer = max(sample_layers(), key=lambda layer: layer.weight.shape[1])
    repeated = np.tile(layer.weight, (-(-384 // len(layer.weight)), 1))[:384].astype(np.float32)
    tokens = np.tile(layer.held_out, (-(-128 // len(layer.held_out)), 1))[:128]
    found = serial_gemm(config, quantize_weights(scheme, repeated), encode("FP16", tokens))
    assert found.shape == (384, 128, 1536)
    assert found.utilisation > 0.999


NARROW = "bitmod-fp4, bitmod-fp3, fp4, fp3, int3, int4"
ALL = f"{NARROW}, int5, int6, int8"


def test_what_does_not_fit():
    weights, codes = operands((2, 64), 2, SMALL)
    narrow = BitSerialConfig(rows=1, cols=1, weight_bits=4, group=32)
    short = BitSerialConfig(rows=1, cols=1, group=32, k_max=32)
    for config, scheme, group, activations, message in (
        (SMALL, "nf4", 32, codes, f"scheme must be one of {ALL} for a bit-serial tile of 8-bit weights, not 'nf4'"),
        (SMALL, "mxint4", 32, codes, f"scheme must be one of {ALL} for .*, not 'mxint4'"),
        (SMALL, "int4-asym", 32, codes, "not 'int4-asym'"),
        (SMALL, "ant4", 32, codes, "not 'ant4'"),
        (SMALL, "olive4", 32, codes, "not 'olive4'"),
        (narrow, "int6", 32, codes, f"scheme must be one of {NARROW} for .* of 4-bit weights, not 'int6'"),
        (short, "int4", 32, codes, "K must be at most k_max = 32, not 64"),
        (SMALL, "int4", 2, codes, "group must be at most 32 and a multiple of lanes = 4, not 2"),
        (SMALL, "int4", 64, codes, "group must be at most 32 and a multiple of lanes = 4, not 64"),
        (SMALL, "int4", 32, codes[:, :32], "activations must have K = 64 as the weights have, not 32"),
    ):
        with pytest.raises(BitmillError, match=message):
            serial_gemm(config, quantize_weights(scheme, weights, group=group), activations)
