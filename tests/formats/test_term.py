"""Every code of every bit-serial type is the sum of its terms, and the terms fit the hardware's fields."""

from __future__ import annotations

import pytest

from bitmill import BitmillError, formats
from bitmill.formats.term import has_two_terms, term_count, terms, total, two_terms

COUNTS = {"INT3": 2, "INT4": 2, "INT5": 3, "INT6": 3, "INT8": 4, "INT5_SYM": 3, "INT6_SYM": 3, "INT8_SYM": 4}
COUNTS |= {name: 2 for name in formats.names() if name.startswith("BITMOD_")} | {"FLINT4": 2}


@pytest.mark.parametrize("name", COUNTS)
def test_terms_sum_to_the_decoded_weight(name):
    fmt = formats.get(name)
    assert term_count(fmt) == COUNTS[name]
    for code in range(1 << fmt.bits):
        decoded = fmt.decode(code)
        found = terms(fmt, code)
        assert len(found) == COUNTS[name]
        assert decoded.special is not None or total(found) == decoded.value
        assert [term.significance for term in found] == [2 * cycle for cycle in range(COUNTS[name])]
        for term in found:
            assert term.sign in (0, 1)
            assert term.exponent in (0, 1, 2)
            assert abs(term.value) == term.mantissa << term.exponent + term.significance


@pytest.mark.parametrize("name", ["INT5", "INT6", "INT8"])
def test_booth_digits_are_at_most_two(name):
    fmt = formats.get(name)
    assert max(term.exponent for code in range(1 << fmt.bits) for term in terms(fmt, code)) == 1


def test_booth_digits_by_hand():
    # 0b01101110 = 110 = 2*64 - 16 - 0*4 - 2; -128 = -2*64.
    assert [term.value for term in terms(formats.get("INT8"), 0b01101110)] == [-2, 0, -16, 128]
    assert [term.value for term in terms(formats.get("INT8"), 0x80)] == [0, 0, 0, -128]
    assert [term.value for term in terms(formats.get("INT6"), 0b111111)] == [-1, 0, 0]


def two_powers(value):
    powers = [0, *(sign * 2**exponent for exponent in range(6) for sign in (1, -1))]
    return any(first + second == value for first in powers for second in powers)


def test_special_values_are_all_of_two_powers_in_range():
    for value in range(-20, 21):
        assert has_two_terms(value) == two_powers(value), value
        if has_two_terms(value):
            assert total(two_terms(value)) == value
    assert [value for value in range(21) if not has_two_terms(value)] == [11, 13, 19]


@pytest.mark.parametrize("value", [11, -13, 21, 24, -64])
def test_special_value_outside_the_grid(value):
    with pytest.raises(BitmillError, match=rf"special value must be an integer within \+-20 .* not {value}"):
        two_terms(value)


@pytest.mark.parametrize("name", ["E4M3", "NF4", "OLIVE_OUTLIER", "UINT4", "TERNARY", "FP16", "POT4"])
def test_formats_without_terms(name):
    with pytest.raises(BitmillError, match=f"not '{name}'"):
        terms(formats.get(name), 0)
