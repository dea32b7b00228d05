"""Weights of -1, 0 and 1 against plain sums of Python's integers."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from bitmill import BitmillError
from bitmill.config.trits import TritsConfig
from bitmill.golden.trits.partial import partial_cycles, partial_steps, partly_binary
from bitmill.golden.trits.totals import trit_totals

from ..formats.test_trit_bytes import by_specification

RNG = np.random.default_rng(6)


def meant(config: TritsConfig, codes: list[int]) -> list[list[int]]:
    """Weights by plane of a row's codes."""
    if config.weight == "binary":
        return [[{0: -1, 1: 1}[code] for code in codes]]
    if config.weight == "ternary":
        return [[{0: 0, 1: 1, 2: 0, 3: -1}[code] for code in codes]]
    if config.weight == "dual-binary":
        return [[int(f"{code:02b}"[1 - plane]) for code in codes] for plane in (0, 1)]
    if config.byte_code == "astc":
        return [[digit - 1 for code in codes for digit in by_specification(code)]]
    return [[code // 3**place % 3 - 1 for code in codes for place in range(5)]]


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("fields", [
    {"weight": "binary"}, {"weight": "ternary"}, {"weight": "dual-binary"}, {}, {"trit_code": "base3"},
])  # fmt: skip
def test_sums_of_all_kinds_of_weights(fields, rows):
    config = TritsConfig.from_dict({**fields, "rows": rows, "lanes": 10, "activation_bits": 5})
    count = rows * 10 // config.stored.per_code
    highest = 242 if config.stored.per_code > 1 else (1 << config.stored.bits) - 1
    weights = RNG.integers(0, highest, (4, count), endpoint=True)
    activations = RNG.integers(-16, 15, (4, 10), endpoint=True)
    expected = [0] * rows * config.stored.sums
    for step in range(4):
        for row in range(rows):
            codes = weights[step].reshape(rows, -1)[row].tolist()
            for plane, values in enumerate(meant(config, codes)):
                terms = zip(values, activations[step].tolist(), strict=True)
                expected[row * config.stored.sums + plane] += sum(value * number for value, number in terms)
    assert trit_totals(config, {"weights": weights, "activations": activations}) == {"totals": expected}


@pytest.mark.parametrize(("fields", "bits", "stored"), [
    ({}, 17, Fraction(8, 5)),
    ({"weight": "binary"}, 17, Fraction(1)),
    ({"weight": "ternary"}, 17, Fraction(2)),
    # 512 * -128 alone is -2**16, which 17 bits hold; 2**16, of a weight of -1, they do not.
    ({"weight": "binary", "k_max": 512, "lanes": 32}, 18, Fraction(1)),
    ({"weight": "dual-binary", "k_max": 512, "lanes": 32}, 17, Fraction(2)),
    ({"weight": "binary", "activation_bits": 4}, 13, Fraction(1)),
])  # fmt: skip
def test_widths(fields, bits, stored):
    config = TritsConfig.from_dict({"lanes": 10, "k_max": 500, **fields})
    assert (config.total_bits, config.bits_per_weight) == (bits, stored)


def test_a_partly_binarized_product_is_the_sum_of_its_parts():
    weights = RNG.normal(size=(3, 50))
    parts = partly_binary(weights, 0.09)
    assert parts.count == 5
    for row in range(3):
        kept = set(sorted(range(50), key=lambda k: -abs(weights[row, k]))[:5])
        assert set(np.flatnonzero(parts.salient[row])) == kept
        others = [abs(weights[row, k]) for k in range(50) if k not in kept]
        assert parts.scale[row] == np.float16(sum(others) / 45)
        assert abs(parts.codes[row]).max() == 127
    assert np.abs(parts.values() - weights)[parts.salient].max() <= np.abs(weights).max() / 250
    assert parts.bits_per_weight == Fraction(50 + 45 + 40 + 32, 50)
    activations = RNG.integers(-128, 127, 50)
    config = TritsConfig(weight="dual-binary", lanes=8)
    binary, salient = parts.totals(activations)
    for row in range(3):
        terms = zip(parts.signs[row].tolist(), parts.codes[row].tolist(), activations.tolist(), strict=True)
        sums = [0, 0]
        for sign, code, number in terms:
            sums[0] += sign * number
            sums[1] += code * number
        assert [binary[row], salient[row]] == sums
        joined, cycles = [], 0
        for steps, counts in partial_steps(config, parts, row, activations):
            totals = trit_totals(config, steps)["totals"]
            joined.append(sum(total * count for total, count in zip(totals, counts, strict=True)))
            cycles += len(steps["weights"])
        assert [joined[0], sum(joined[1:])] == sums
        assert cycles == partial_cycles(config, 50, 5) == 7 + 4


def test_a_matrix_without_salient_weights():
    parts = partly_binary([[1.0, -2.0, 0.0, -0.5]], 0.0)
    assert parts.signs.tolist() == [[1, -1, 1, -1]]
    assert parts.scale.tolist() == [0.875]
    config = TritsConfig(weight="dual-binary", lanes=4)
    ((steps, counts),) = partial_steps(config, parts, 0, [5, 6, 7, 8])
    assert (parts.count, partly_binary([[1.0, 2.0, 3.0]], 0.5).count) == (0, 2)
    assert (trit_totals(config, steps), counts) == ({"totals": [12, 14]}, (1, -1))
    assert partial_cycles(config, 4, 0) == 1


@pytest.mark.parametrize(("fields", "message"), [
    ({"lanes": 12}, "lanes must be a multiple of 5 for ternary-bytes, not 12"),
    ({"weight": "ternary", "trit_code": "astc"}, "trit_code must be left out for ternary weights, not 'astc'"),
    ({"weight": "quaternary"}, "'ternary-bytes' or 'dual-binary', not 'quaternary'"),
    ({"activation_bits": 9}, "activation_bits: must be at most 8, not 9"),
    ({"trit_code": "base4"}, "trit_code: must be 'astc' or 'base3', not 'base4'"),
])  # fmt: skip
def test_what_is_refused(fields, message):
    with pytest.raises(BitmillError) as error:
        TritsConfig.from_dict(fields)
    assert str(error.value).endswith(message)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("fraction", [1.0, -0.1, 0.99, float("nan")])
def test_fractions_that_are_refused(fraction):
    with pytest.raises(BitmillError, match=r"^fraction must be 0 to less than 1 .* of 4, not "):
        partly_binary(np.ones((2, 4)), fraction)


def test_other_matrices_and_units_are_refused():
    with pytest.raises(BitmillError, match=r"weights must be a finite matrix .*, not of shape \[3\]"):
        partly_binary([1.0, 2.0, 3.0], 0.1)
    with pytest.raises(BitmillError, match=r"unit must be dual-binary and of one row .*, not binary x INT8, 20 lanes"):
        next(partial_steps(TritsConfig(weight="binary"), partly_binary([[1.0, 2.0]], 0.5), 0, [1, 2]))
