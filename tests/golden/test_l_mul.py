"""L-Mul against fractions written from the paper (arXiv 2410.00907): every pair of FP8 codes, offsets, errors, specials."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from bitmill import MacConfig
from bitmill.golden import decode, dot, matmul, to_float
from bitmill.golden.product_rules import fixed_products
from bitmill.system.errors import BitmillError

FIELDS = {
    "E4M3": (4, 3, 7),
    "E5M2": (5, 2, 15),
    "BF16": (8, 7, 127),
    "FP16": (5, 10, 15),
    "E3M4": (3, 4, 3),
    "E2M1": (2, 1, 1),
}
"""Exponent bits, mantissa bits and bias."""
PAPER = {1: 1, 2: 2, 3: 3, 4: 3, 7: 4, 10: 4}
"""l(m), section 2.2."""


def unit(name: str, rule: str, offset: Any = None, **fields: Any) -> MacConfig:
    given = {} if offset is None else {"product_offset": offset}
    return MacConfig.from_dict({"weight": name, "activation": name, "product_rule": rule, **given, **fields})


def apart(name: str, code: int) -> tuple[int, int, Fraction] | None:
    """Sign, exponent and the fraction x of the normal number ``(1 + x) * 2**exponent``; None for zeros and subnormals."""
    exponent_bits, m, bias = FIELDS[name]
    field, mantissa = code >> m & (1 << exponent_bits) - 1, code & (1 << m) - 1
    return (code >> exponent_bits + m, field - bias, Fraction(mantissa, 1 << m)) if field else None


def paper(name: str, rule: str, offset: Any, w: int, a: int) -> Fraction:
    """The product of two codes of numbers by the paper's formula, or by its integer addition on numbers read as x + exponent."""
    left, right = apart(name, w), apart(name, a)
    if left is None or right is None:
        return Fraction(0)
    m = FIELDS[name][1]
    extra = Fraction(0) if offset == "none" else Fraction(1, 1 << (PAPER[m] if offset is None else offset))
    sign, exponent, fraction = (-1) ** (left[0] + right[0]), left[1] + right[1], left[2] + right[2] + extra
    if rule == "l-mul":
        return sign * (1 + fraction) * Fraction(2) ** exponent
    # The bits of a number are its exponent and, below the point, its mantissa; bits of a sum are read the same way.
    bits = exponent + fraction
    whole = bits.numerator // bits.denominator
    return sign * (1 + bits - whole) * Fraction(2) ** whole


def numbers(name: str) -> list[int]:
    exponent_bits, m, _ = FIELDS[name]
    return [code for code in range(1 << 1 + exponent_bits + m) if np.isfinite(decode(name, code))]


@pytest.mark.parametrize("rule", ["l-mul", "l-mul-add"])
@pytest.mark.parametrize(
    ("name", "offset"),
    [("E4M3", None), ("E5M2", None), ("E3M4", None), ("E2M1", None), ("E4M3", 1), ("E4M3", "none"), ("E5M2", 1)],
)
def test_every_pair_of_numbers_is_the_papers(name: str, offset: Any, rule: str) -> None:
    config, codes = unit(name, rule, offset), numbers(name)
    found = fixed_products(config, np.array(codes)[:, None], np.array(codes)[None, :]).tolist()
    unit_of = Fraction(2) ** config.product.min_exponent
    step = 1 if len(codes) < 100 else 3
    for w, row in list(zip(codes, found, strict=True))[::step]:
        assert [value * unit_of for value in row] == [paper(name, rule, offset, w, a) for a in codes], w
    values = [value for row in found for value in row]
    assert (min(values), max(values)) == (config.product.fixed_min, config.product.fixed_max)
    assert max(map(abs, values)).bit_length() <= config.product.significand_product_bits + config.product.exponent_span


@pytest.mark.parametrize("rule", ["l-mul", "l-mul-add"])
@pytest.mark.parametrize("name", ["BF16", "FP16"])
def test_random_pairs_of_wide_formats_are_the_papers(name: str, rule: str) -> None:
    config, rng = unit(name, rule), np.random.default_rng(3)
    codes = rng.integers(0, 1 << 16, (2, 400))
    codes = np.where(np.isfinite(decode(name, codes)), codes, 1 << 15)
    unit_of = Fraction(2) ** config.product.min_exponent
    found = fixed_products(config, *codes).tolist()
    assert [value * unit_of for value in found] == [paper(name, rule, None, int(w), int(a)) for w, a in codes.T]


@pytest.mark.parametrize(
    ("m", "offset", "expected"), [(2, None, 14.7), (3, None, 4.9), (4, None, 4.9), (7, None, 0.4), (7, "none", -3.8)]
)
def test_mean_relative_errors_of_the_addition_with_uniform_mantissas(m: int, offset: Any, expected: float) -> None:
    """Computed elsewhere: the mean over all pairs of mantissas of the product over the exact one, less 1, in percent."""
    name = {2: "E5M2", 3: "E4M3", 4: "E3M4", 7: "BF16"}[m]
    _, _, bias = FIELDS[name]
    codes = (bias << m) + np.arange(1 << m)
    config = unit(name, "l-mul-add", offset)
    found = fixed_products(config, codes[:, None], codes[None, :]).astype(float) * 2.0**config.product.min_exponent
    exact = decode(name, codes)[:, None] * decode(name, codes)[None, :]
    assert 100 * (found / exact - 1).mean() == pytest.approx(expected, abs=0.06)


def test_both_definitions_differ_where_mantissas_carry():
    one_and_a_half, codes = 0b0_0111_100, [[0b0_0111_100]]
    assert decode("E4M3", one_and_a_half) == 1.5
    formula, added = (unit("E4M3", rule) for rule in ("l-mul", "l-mul-add"))
    assert to_float(formula, dot(formula, codes, codes)).tolist() == [1 + 0.5 + 0.5 + 0.125]
    assert to_float(added, dot(added, codes, codes)).tolist() == [2 * (0.5 + 0.5 + 0.125)]


@pytest.mark.parametrize("rule", ["l-mul", "l-mul-add"])
def test_zeros_subnormals_and_specials(rule: str) -> None:
    config = unit("E5M2", rule, accumulator={"kind": "float"})
    one, zero, subnormal, inf, nan = 0x3C, 0x80, 0x03, 0x7C, 0x7E

    def product(w: int, a: int) -> float:
        return float(to_float(config, dot(config, [[w]], [[a]]))[0])

    assert product(zero, one) == product(one, subnormal) == product(subnormal, subnormal) == 0
    assert product(one, one) == 1.25
    assert product(inf, one | 0x80) == -np.inf
    assert np.isnan([product(nan, zero), product(inf, zero), product(inf, subnormal), product(subnormal, inf)]).all()
    assert product(inf, inf | 0x80) == -np.inf
    invalid = dot(unit("E5M2", rule), [[one, inf]], [[one, one]])
    assert (invalid.value.tolist(), invalid.invalid.tolist()) == ([0], [True])


@pytest.mark.parametrize("rule", ["l-mul", "l-mul-add"])
def test_nothing_overflows_and_nothing_underflows(rule: str) -> None:
    config = unit("E4M3", rule)
    greatest, least = 0x7E, 0x08
    beyond = {"l-mul": 2.625, "l-mul-add": 3.25}[rule] * 2.0**16
    assert to_float(config, matmul(config, [[greatest]], [[greatest]]))[0, 0] == beyond
    assert to_float(config, matmul(config, [[least]], [[least]]))[0, 0] == 1.125 * 2.0**-12


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"weight": "INT8", "activation": "INT8"},
         "weight must be a minifloat with mantissa bits for product_rule 'l-mul', not 'INT8'"),
        ({"weight": "E3M0", "activation": "E3M0"},
         "weight must be a minifloat with mantissa bits for product_rule 'l-mul', not 'E3M0'"),
        ({"activation": "E5M2"}, "activation must be 'E4M3', as weight is, for product_rule 'l-mul', not 'E5M2'"),
        ({"product_offset": 4}, "product_offset must be 1 to 3 or 'none' for E4M3, not 4"),
        ({"multiplier": "operator"}, "multiplier must be 'logic' for a product_rule that multiplies nothing, not 'operator'"),
        ({"multiplier": "placed", "unit": "dot", "lanes": 2},
         "multiplier must be 'logic' for a product_rule that multiplies nothing, not 'placed'"),
    ],
)  # fmt: skip
def test_what_it_does_not_have_is_refused_in_one_line(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(BitmillError) as caught:
        MacConfig.from_dict({"weight": "E4M3", "activation": "E4M3", "product_rule": "l-mul", **fields})
    assert str(caught.value) == f"configuration: {message}"


def test_titles_and_documents_say_the_rule():
    config = unit("E4M3", "l-mul-add", "none", unit="dot", lanes=8)
    assert config.title.startswith("added L-Mul E4M3 dot8, ")
    assert config.title.endswith(", no offset")
    assert MacConfig.from_dict(config.to_dict()) == config
    assert 'product_rule = "l-mul-add"\nproduct_offset = "none"' in config.to_toml()
    assert unit("E4M3", "l-mul", 2).title.endswith(", offset 2**-2")


@pytest.mark.parametrize(
    ("name", "formula", "added"),
    [("E2M1", (3, 4), (2, 5)), ("E4M3", (5, 28), (4, 29)), ("E5M2", (4, 58), (3, 59)), ("BF16", (9, 506), (8, 508))],
)
def test_significands_and_exponents_are_no_wider_than_products_need(
    name: str, formula: tuple[int, int], added: tuple[int, int]
) -> None:
    """By hand: 1 + x + y + 2**-l is below 4; a sum of fields has one mantissa, and its exponents are those of both, carried."""
    for rule, expected in (("l-mul", formula), ("l-mul-add", added)):
        product = unit(name, rule, accumulator={"kind": "float"}).product
        assert (product.significand_product_bits, product.exponent_span) == expected
