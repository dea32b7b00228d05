"""The vectorised error function against the C library's, number by number."""

import math

import numpy as np
import pytest

from bitmill.models.sample.erf import erf


def exact(x):
    return np.array([math.erf(value) for value in x.ravel().tolist()]).reshape(x.shape)


def test_float64_is_that_of_the_c_library():
    # An odd number of points, so that none of the table's own is hit but by chance, and more than one chunk.
    rng = np.random.default_rng(3)
    x = np.concatenate([np.linspace(-7, 7, 100_003), rng.normal(0, 1, 50_000), rng.normal(0, 1e-9, 1000)])
    assert np.abs(erf(x) - exact(x)).max() < 1e-15


def test_halfway_between_points_of_the_table():
    x = (np.arange(-6 * 4096, 6 * 4096) + 0.5) / 4096
    assert np.abs(erf(x) - exact(x)).max() < 1e-15


def test_float32_is_rounded_once():
    x = np.random.default_rng(4).normal(0, 2, (301, 33)).astype(np.float32)
    found = erf(x)
    assert (found.dtype, found.shape) == (np.float32, x.shape)
    assert np.abs(found - exact(x)).max() <= 2**-25 + 1e-15


def test_ends_and_what_is_no_number():
    found = erf(np.array([np.inf, -np.inf, np.nan, 6.0, -6.0, 1e300, 0.0]))
    assert found[[0, 1, 3, 4, 5, 6]].tolist() == [1, -1, 1, -1, 1, 0]
    assert np.isnan(found[2])


@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3)])
def test_shapes_without_many_numbers(shape):
    assert erf(np.zeros(shape)).shape == shape
