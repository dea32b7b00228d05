"""Fixed point: sums of powers of two by enumeration, chains by integers and exact fractions, dynamic fixed point."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from math import floor

import numpy as np
import pytest

from bitmill import BitmillError
from bitmill.config.chained import ChainedConfig
from bitmill.config.power_terms import PowerTermsConfig
from bitmill.formats import get
from bitmill.golden.fixed.chained import chained_total, dynamic_fixed, words
from bitmill.golden.fixed.power_terms import power_sums, power_terms_total, term_values
from bitmill.golden.parts import value_table

SEED = 17


def test_terms_of_three_bits_are_the_format_pot4():
    config = PowerTermsConfig()
    assert term_values(config, np.arange(16)).tolist() == value_table(get("POT4")).tolist()
    assert term_values(PowerTermsConfig(place_bits=1), [0, 1, 2, 3]).tolist() == [0, 1, 0, -1]
    assert term_values(PowerTermsConfig(place_bits=4), [15, 31]).tolist() == [1 << 14, -(1 << 14)]


def written(terms, place_bits):
    """Each weight there is, with the fewest terms that are not zero of the words that stand for it."""
    numbers = [0, *(sign * 2**place for place in range(2**place_bits - 1) for sign in (1, -1))]
    found = {}
    for word in product(numbers, repeat=terms):
        found[sum(word)] = min(found.get(sum(word), terms), sum(number != 0 for number in word))
    return found


@pytest.mark.parametrize(("terms", "place_bits"), [(1, 3), (2, 3), (3, 2), (2, 4), (4, 2)])
def test_weights_are_the_nearest_sums_in_the_fewest_terms(terms, place_bits):
    config = PowerTermsConfig(terms=terms, place_bits=place_bits)
    ways = written(terms, place_bits)
    values = sorted(ways)
    top = values[-1]
    x = np.concatenate([np.linspace(-top - 3, top + 3, 501), values, np.add(values[1:], values[:-1]) / 2, [0.0, -0.0]])
    codes, weights = power_sums(config, x)
    assert codes.shape == (*x.shape, terms)
    assert codes.min() >= 0
    assert codes.max() < 1 << config.term_bits
    assert term_values(config, codes).sum(axis=-1).tolist() == weights.tolist()
    for number, weight, code in zip(x.tolist(), weights.tolist(), codes, strict=True):
        wanted = min(values, key=lambda value: (abs(value - number), abs(value)))
        assert weight == wanted, number
        assert np.count_nonzero(term_values(config, code)) == ways[weight]


def test_sums_of_products_are_those_of_integers():
    rng = np.random.default_rng(SEED)
    config = PowerTermsConfig(terms=2, lanes=3)
    terms, activations = rng.integers(0, 16, (5, 6)), rng.integers(-128, 128, (5, 3))
    table = [0, 1, 2, 4, 8, 16, 32, 64, 0, -1, -2, -4, -8, -16, -32, -64]
    wanted = sum(
        (table[terms[k, 2 * lane]] + table[terms[k, 2 * lane + 1]]) * int(activations[k, lane])
        for k in range(5)
        for lane in range(3)
    )
    assert power_terms_total(config, {"terms": terms, "activations": activations}) == {"total": wanted}


def to_float(x):
    """A fraction rounded to 24 significant bits, ties to even."""
    if not x:
        return x
    exponent = next(e for e in range(-200, 200) if abs(x) < Fraction(2) ** (e + 1))
    step = Fraction(2) ** (exponent - 23)
    below = floor(x / step)
    rest = x / step - below
    return (below + (rest > Fraction(1, 2) or (rest == Fraction(1, 2) and below % 2 == 1))) * step


@pytest.mark.parametrize(
    "fields", [{}, {"chain": 1}, {"bits": 5, "chain_bits": 10, "chain": 3}, {"chain": 64, "lanes": 5}]
)
def test_chains_in_fp32_are_those_of_exact_fractions(fields):
    rng = np.random.default_rng(SEED)
    config = ChainedConfig(**fields)
    for count in (1, 2, 7, 33):
        weights, activations = rng.integers(0, 1 << config.bits, (2, count, config.lanes))
        lengths = rng.integers(1, config.bits, (2, count))
        exponents = rng.integers(-64, 64, count) // (1 if count % 2 else 16)
        total, overflowed = Fraction(0), False
        for start in range(0, count, config.chain):
            stop = min(start + config.chain, count)
            chain = 0
            for step in range(start, stop):
                for lane in range(config.lanes):
                    pair = []
                    for code, length in (
                        (weights[step, lane], lengths[0, step]),
                        (activations[step, lane], lengths[1, step]),
                    ):
                        low = int(code) % (2 << int(length))
                        pair.append(low - (2 << int(length)) * (low >= 1 << int(length)))
                    chain += pair[0] * pair[1]
                overflowed |= not -(2 ** (config.chain_bits - 1)) <= chain < 2 ** (config.chain_bits - 1)
                chain = (chain + 2 ** (config.chain_bits - 1)) % 2**config.chain_bits - 2 ** (config.chain_bits - 1)
            total = to_float(total + to_float(Fraction(chain)) * Fraction(2) ** int(exponents[stop - 1]))
        steps = {
            "weights": weights, "activations": activations, "weight_length": lengths[0], "activation_length": lengths[1],
            "exponent": exponents,
        }  # fmt: skip
        found = chained_total(config, steps)
        assert Fraction(float(np.uint32(found["total"]).view(np.float32))) == total
        assert found["overflowed"] == overflowed


def test_chains_that_cannot_overflow_are_added_exactly():
    rng = np.random.default_rng(SEED)
    config = ChainedConfig(bits=12, chain=64, total="exact")
    assert not config.can_overflow
    operands = rng.choice([-2048, 2047, -1, 0, 5], (2, 300, 2))
    steps = {"weights": operands[0] & 4095, "activations": operands[1] & 4095, **dict.fromkeys(
        ("weight_length", "activation_length"), np.full(300, 11))}  # fmt: skip
    assert chained_total(config, steps) == {"total": int((operands[0] * operands[1]).sum()), "overflowed": 0}


def test_two_products_of_the_least_integers_overflow_int32():
    config = ChainedConfig(lanes=1, chain=2, total="exact")
    assert config.can_overflow
    steps = {"weights": np.full((2, 1), 0x8000), "activations": np.full((2, 1), 0x8000)}
    steps |= {"weight_length": np.full(2, 15), "activation_length": np.full(2, 15)}
    assert chained_total(config, steps) == {"total": -(2**31), "overflowed": 1}
    assert not ChainedConfig(lanes=1, chain=1, total="exact").can_overflow


def test_words_are_the_low_bits():
    assert words(np.array([0b1011, 0b1011, 0b1011, 0b0101]), np.array([2, 3, 4, 3])).tolist() == [-1, 3, -5, -3]


def test_dynamic_fixed_point_takes_all_bits_of_the_greatest():
    integers, exponent = dynamic_fixed([1.0, -0.75, 2.0**-15, 3 * 2.0**-16, 0.0], 16)
    assert (integers.tolist(), exponent) == ([16384, -12288, 0, 1, 0], -14)
    # 2**-15 is half a step, 3 * 2**-16 three quarters of one.
    assert dynamic_fixed([0.0, 0.0], 16) == (pytest.approx([0, 0]), 0)
    integers, exponent = dynamic_fixed([1.9999, -1.9999], 8)
    assert (integers.tolist(), exponent) == ([127, -127], -6)
    x = np.random.default_rng(SEED).normal(size=1000) * 37
    integers, exponent = dynamic_fixed(x, 16)
    assert np.abs(integers).max() >= 1 << 14
    assert np.abs(np.ldexp(integers, exponent) - x).max() <= 2.0 ** (exponent - 1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: dynamic_fixed([1.0], 1), "bits must be from 2 to 32, not 1"),
        (lambda: dynamic_fixed([np.nan], 8), "x must be finite, not nan"),
        (lambda: power_sums(PowerTermsConfig(), [np.inf]), "weights must be finite, not inf"),
        (lambda: PowerTermsConfig.from_dict({"terms": 5}), "terms: must be at most 4, not 5"),
        (lambda: PowerTermsConfig.from_dict({"terms": 4, "place_bits": 5}), "place_bits: must be at most 4, not 5"),
        (
            lambda: ChainedConfig.from_dict({"chain_bits": 16}),
            "chain_bits must be at least 32, for a product of 16 .* not 16",
        ),
        (lambda: ChainedConfig.from_dict({"total": "FP16"}), "total: must be 'FP32' or 'exact', not 'FP16'"),
        (lambda: ChainedConfig.from_dict({"bits": 17}), "bits: must be at most 16, not 17"),
    ],
)
def test_bad_input_is_refused(make, message):
    with pytest.raises(BitmillError, match=message):
        make()
