"""Distances from a reference, against numbers worked out by hand."""

import math

import numpy as np
import pytest

from bitmill.golden.noise import relative_error, sqnr_db
from bitmill.system.errors import BitmillError


def test_sqnr_of_known_noise():
    assert sqnr_db(np.array([3.0, 4.0]), np.array([3.0, 4.5])) == pytest.approx(20.0)
    assert sqnr_db(np.array([1.0]), np.array([1.0])) == math.inf
    assert relative_error(np.array([3.0, 4.0]), np.array([3.0, 4.5])) == pytest.approx(0.01)
    with pytest.raises(BitmillError, match="no signal"):
        sqnr_db(np.zeros(3), np.zeros(3))
    assert relative_error(np.zeros(3), np.zeros(3)) == 0
    assert relative_error(np.zeros(3), np.ones(3)) == 1
