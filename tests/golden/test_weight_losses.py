"""What is counted of weights that a scheme cannot hold, on matrices whose losses are known beforehand."""

import numpy as np
import pytest

from bitmill.golden.weights.losses import losses
from bitmill.golden.weights.quantize import checked_weights, dequantize, quantize_weights
from bitmill.system.errors import BitmillError


def counted(weights, scheme="int4"):
    quantized = quantize_weights(scheme, weights, saturate=True)
    return losses(weights, quantized, dequantize(quantized))


def ordinary(rows):
    return np.random.default_rng(5).normal(size=(rows, 256))


def test_nothing_is_lost_of_ordinary_weights():
    found = counted(ordinary(3))
    assert (found.overflowed_channels, found.flushed_channels, found.flushed_weights, found.zero_channels) == (
        0,
        0,
        0,
        0,
    )
    assert not found.saturates


def test_channels_of_zeros_are_exact():
    weights = ordinary(3)
    weights[1] = 0
    found = counted(weights)
    assert (found.zero_channels, found.flushed_channels, found.saturates) == (1, 0, False)


def test_channels_too_small_for_fp16_scales_are_lost():
    weights = ordinary(4)
    weights[2] *= 1e-30
    found = counted(weights)
    assert (found.flushed_channels, found.flushed_groups, found.saturates) == (1, 2, True)
    assert found.flushed_weights == np.count_nonzero(weights[2])


def test_channels_too_great_for_fp16_scales_overflow():
    weights = ordinary(4)
    weights[0] *= 1e9
    found = counted(weights)
    assert (found.overflowed_channels, found.saturates) == (1, True)
    assert found.clipped_weights > 0
    both = found + counted(ordinary(1))
    assert both == found


@pytest.mark.parametrize("least", [1e-300, 5e-324, 1e-46])
def test_rows_that_vanish_in_float32_are_refused(least):
    weights = ordinary(3)
    weights[1] *= least
    with pytest.raises(BitmillError, match=r"^w must not vanish in float32, not 1 of 3 rows"):
        checked_weights(weights, "w")
    weights[1, 7] = 1
    assert np.count_nonzero(checked_weights(weights, "w")[1]) >= 1
