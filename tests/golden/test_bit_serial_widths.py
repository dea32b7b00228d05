"""Widths of a bit-serial tile hold the greatest sums of every split into groups, order of exponents and rounding."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from bitmill.config.bit_serial import BitSerialConfig
from bitmill.golden import encode
from bitmill.golden.bit_serial import matmul
from bitmill.golden.bit_serial.align import round_half_up
from bitmill.system.errors import BitmillError

ISSUE = BitSerialConfig(
    rows=1, cols=1, lanes=1, activation="INT8", weight_bits=4, group=51, drop=12, k_max=357
)  # fmt: skip


def splits(steps, longest):
    """Every way to write ``steps`` as a sum of groups of at most ``longest``, in order."""
    if steps == 0:
        yield ()
    for first in range(1, min(steps, longest) + 1):
        for rest in splits(steps - first, longest):
            yield (first, *rest)


def extremes(config, groups):
    """Results of the greatest operands of both signs, with scales of 255."""
    length = sum(groups)
    if config.is_integer:
        activations = np.full((1, length), 0x80, np.uint8)
    else:
        activations = encode(config.activation, np.full((1, length), 65504.0))
    weights = np.full((2, length), config.weight_magnitude)
    weights[1] *= -1
    return matmul(config, weights, activations, scales=np.full((2, len(groups)), 255), groups=groups).value


def fits(values, bits):
    return -(1 << (bits - 1)) <= int(values.min()) and int(values.max()) < 1 << (bits - 1)


def test_groups_of_one_product_that_each_round_up():
    found = matmul(
        ISSUE,
        np.full((1, 357), -16),
        np.full((1, 357), 0x80, np.uint8),
        scales=np.full((1, 357), 255),
        groups=[1] * 357,
    )
    assert found.value.tolist() == [[91_035]]
    assert not found.too_long
    assert fits(found.value, ISSUE.total_bits)


@pytest.mark.parametrize("activation", ["INT8", "FP16"])
def test_every_split_of_small_tiles(activation):
    widths = {}
    for lanes, group, steps, drop in itertools.product((1, 2, 3), (1, 2, 3), (1, 2, 5, 7), range(17)):
        fields: dict[str, Any] = {"lanes": lanes, "group": group * lanes, "k_max": steps * lanes, "drop": drop}
        window: dict[str, Any] = {} if activation == "INT8" else {"window": 11}
        try:
            config = BitSerialConfig(activation=activation, weight_bits=4, **fields, **window)
        except ValueError:
            continue
        found = np.array([extremes(config, [lanes * s for s in split]) for split in splits(steps, group)])
        assert fits(found, config.total_bits), config
        greatest = int(np.abs(found).max())
        if greatest:  # If not, everything is rounded to 0.
            widths[config] = config.total_bits - greatest.bit_length() - 1
    assert len(widths) > 300
    assert max(widths.values()) <= 4, "bits of no use, by rounding up to powers of two three times"


@pytest.mark.parametrize("drop", [0, 4, 12])
def test_the_width_without_drop_is_that_of_full_groups(drop):
    config = BitSerialConfig(lanes=4, group=128, drop=drop, k_max=4096)
    assert config.total_bits == config.scaled_bits + 6
    assert config.total_bits == {0: 46, 4: 42, 12: 34}[drop]


def test_widths_beyond_63_bits_are_refused_with_drop():
    fields = {"lanes": 1, "activation": "INT8", "group": 1, "k_max": 1 << 20, "unit": "bit-serial", "drop": 14}
    assert BitSerialConfig.from_dict(fields).total_bits == 31
    fields = {
        "lanes": 8,
        "activation": "BF16",
        "window": 32,
        "group": 4096,
        "unit": "bit-serial",
        "k_max": 1 << 15,
        "drop": 1,
    }
    with pytest.raises(BitmillError, match=r"window, group, drop and k_max must need at most 63 bits .*, not 6\d"):
        BitSerialConfig.from_dict(fields)


@pytest.mark.parametrize("places", [62, 63, 64, 253])
@pytest.mark.parametrize("value", [(1 << 62) - 1, 1 << 61, -(1 << 61), 1 - (1 << 62), 1, -1, 0])
def test_rounding_by_more_places_than_there_are_bits(value, places):
    wanted = ((value << 1 >> places) + 1) >> 1
    assert round_half_up(np.array([value]), np.array([places])).tolist() == [wanted]
