"""The least two's complement number times minus one, where the other operand's significand has one bit: +2**(n-1) in full."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bitmill import MacConfig, golden, sim


@pytest.mark.parametrize(
    "accumulator", [{"kind": "window", "width": 4}, {"kind": "float", "format": "FP16"}, {"kind": "exact"}], ids=str
)
@pytest.mark.parametrize(("weight", "lanes"), [("E3M0", 1), ("MINE", 1), ("MINE", 2)])
def test_every_pair(weight: str, lanes: int, accumulator: dict[str, Any]) -> None:
    config = MacConfig.from_dict({
        "weight": weight, "activation": "INT4", "unit": "dot", "lanes": lanes, "accumulator": accumulator,
        "formats": {"MINE": {"values": [0, 1, 0, -1]}},
    })  # fmt: skip
    pairs = np.arange(1 << config.weight_format.bits + 4)[:, None]
    weights, activations = pairs >> 4, pairs & 15
    exact = golden.decode(config.weight_format, weights) * golden.decode("INT4", activations)
    np.testing.assert_array_equal(golden.to_float(config, golden.dot(config, weights, activations)), exact[:, 0])
    assert sim.verify(config, seed=1, codes=(weights, activations), engine="compiled").mismatches == 0
