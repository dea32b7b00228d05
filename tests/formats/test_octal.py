"""Octal digits: what they add up to, their range, and how many a range of integers needs."""

from __future__ import annotations

import pytest

from bitmill.formats.octal import greatest_digits, octal_digits


def test_digits_add_up():
    for value in range(-2048, 2048):
        digits = octal_digits(value, 4)
        assert digits[0] + 8 * digits[1] + 64 * digits[2] + 512 * digits[3] == value
        assert all(-4 <= digit <= 4 for digit in digits)


@pytest.mark.parametrize(
    ("value", "digits"),
    [(0, (0, 0)), (3, (3, 0)), (4, (-4, 1)), (-4, (-4, 0)), (7, (-1, 1)), (-5, (3, -1)), (31, (-1, 4))],
)
def test_digits_by_hand(value, digits):
    assert octal_digits(value, 2) == digits


@pytest.mark.parametrize(
    ("magnitude", "greatest"),
    [
        (1, (1,)),
        (3, (3,)),
        (4, (4, 1)),
        (7, (4, 1)),
        (31, (4, 4)),
        (128, (4, 4, 2)),
        (255, (4, 4, 4)),
        (2047, (4, 4, 4, 4)),
    ],
)
def test_greatest_digits(magnitude, greatest):
    assert greatest_digits(magnitude) == greatest


def test_too_few_digits():
    for value in (4, -5, 100):
        with pytest.raises(ValueError, match=f"value must have 1 octal digits, not be {value}"):
            octal_digits(value, 1)
