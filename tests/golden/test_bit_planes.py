"""Bit planes against Python's integers, written from the definitions of the encodings."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from bitmill import BitmillError
from bitmill.config.bit_planes import BitPlanesConfig
from bitmill.golden.bit_planes.totals import bit_plane_totals


def meant(encoding: str, code: int, bits: int) -> int:
    """Bit by bit: 1 and -1 of bipolar ones; the highest of signed ones counts negatively."""
    digits = [code >> place & 1 for place in range(bits)]
    if encoding == "bipolar":
        return sum((1 if digit else -1) << place for place, digit in enumerate(digits))
    weights = [1 << place for place in range(bits)]
    if encoding == "signed":
        weights[-1] = -weights[-1]
    return sum(digit * weight for digit, weight in zip(digits, weights, strict=True))


PAIRS = [
    ("signed", "signed"),
    ("signed", "unsigned"),
    ("unsigned", "signed"),
    ("unsigned", "unsigned"),
    ("bipolar",) * 2,
]


@pytest.mark.parametrize(("weight", "activation"), PAIRS)
def test_every_product_of_every_precision(weight, activation):
    config = BitPlanesConfig(weight=weight, activation=activation, weight_bits=4, activation_bits=3, lanes=1, k_max=4)
    for w, a in product(range(1, 5), range(1, 4)):
        for x, y in product(range(16), range(8)):
            steps = {
                "weights": np.array([[x]]),
                "activations": np.array([[y]]),
                "weight_planes": np.array([w - 1]),
                "activation_planes": np.array([a - 1]),
            }
            assert bit_plane_totals(config, steps) == {"totals": [meant(weight, x, w) * meant(activation, y, a)]}


@pytest.mark.parametrize(("weight", "activation"), PAIRS)
def test_tiles_of_several_rows_and_columns(weight, activation):
    config = BitPlanesConfig(weight=weight, activation=activation, rows=2, cols=3, lanes=4, k_max=64)
    rng = np.random.default_rng(4)
    steps = {
        "weights": rng.integers(0, 256, (5, 8)),
        "activations": rng.integers(0, 256, (5, 12)),
        "weight_planes": rng.integers(0, 8, 5),
        "activation_planes": rng.integers(0, 8, 5),
    }
    if weight == "bipolar":
        steps["padding"] = np.array([0, 3, 1, 0, 2])
        for step, lanes in enumerate(steps["padding"]):
            for operand, vectors in (("weights", 2), ("activations", 3)):
                steps[operand].reshape(5, vectors, 4)[step, :, 4 - lanes :] = 0
    expected = []
    for row, col in product(range(2), range(3)):
        total = 0
        for step in range(5):
            used = 4 - int(steps["padding"][step]) if "padding" in steps else 4
            w, a = int(steps["weight_planes"][step]) + 1, int(steps["activation_planes"][step]) + 1
            for lane in range(used):
                x = int(steps["weights"][step, row * 4 + lane])
                y = int(steps["activations"][step, col * 4 + lane])
                total += meant(weight, x, w) * meant(activation, y, a)
        expected.append(total)
    assert bit_plane_totals(config, steps) == {"totals": expected}


@pytest.mark.parametrize(("weight", "activation", "bits"), [
    # 32 products of -128 * -128 are 2**19, one more than 20 bits hold.
    ("signed", "signed", 21),
    # 32 of -128 * 255: -1044480.
    ("signed", "unsigned", 21),
    # 32 of 255 * 255: 2080800, and a sign.
    ("unsigned", "unsigned", 22),
    # 32 of -255 * 255 and 3 * 8 lanes of padding: -3641400.
    ("bipolar", "bipolar", 23),
])  # fmt: skip
def test_sums_are_as_wide_as_they_need(weight, activation, bits):
    config = BitPlanesConfig(weight=weight, activation=activation, lanes=4, k_max=32)
    assert config.total_bits == bits


def test_cycles_are_pairs_of_planes():
    config = BitPlanesConfig(lanes=32)
    assert config.sum_cycles(768, weight_bits=4, activation_bits=8) == 24 * 32
    assert config.sum_cycles(770, weight_bits=1, activation_bits=3) == 25 * 3
    assert (config.max_steps, config.cycles_per_step) == (128, 64)


@pytest.mark.parametrize(("fields", "message"), [
    ({"weight": "bipolar"}, "activation must be bipolar where weight is bipolar, not 'signed'"),
    ({"activation": "bipolar"}, "activation must be signed or unsigned where weight is signed, not 'bipolar'"),
    ({"weight_bits": 9}, "weight_bits: must be at most 8, not 9"),
    ({"activation_bits": 0}, "activation_bits: must be at least 1, not 0"),
    ({"weight": "binary"}, "weight: must be 'signed', 'unsigned' or 'bipolar', not 'binary'"),
])  # fmt: skip
def test_what_is_refused(fields, message):
    with pytest.raises(BitmillError) as error:
        BitPlanesConfig.from_dict(fields)
    assert str(error.value).endswith(message)
    assert "\n" not in str(error.value)
