"""Sums of products as few matrix products are those of products pair by pair."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bitmill import BitmillError, MacConfig
from bitmill.formats.rules import PRODUCT_RULES
from bitmill.golden import decode
from bitmill.golden.product_rules import fixed_products
from bitmill.golden.product_sums import FACTORS, product_sums


def test_every_rule_has_its_factors():
    assert list(FACTORS) == list(PRODUCT_RULES)


CASES = [("E4M3", "exact"), *((name, rule) for name in ("E4M3", "E5M2", "E3M4") for rule in ("l-mul", "l-mul-add"))]


@pytest.mark.parametrize("offset", [None, 1, "none"])
@pytest.mark.parametrize(("name", "rule"), CASES)
def test_sums_are_those_of_products_pair_by_pair(name: str, rule: str, offset: Any) -> None:
    given = {} if offset is None or rule == "exact" else {"product_offset": offset}
    config = MacConfig.from_dict({"weight": name, "activation": name, "product_rule": rule, **given})
    rng = np.random.default_rng(11)
    w, a = (rng.integers(0, 256, (rows, 40)) for rows in (6, 5))
    w, a = (np.where(np.isfinite(decode(name, codes)), codes, 0) for codes in (w, a))
    # Sums of so few bits are exact in float64.
    w, a = w & ~(1 << 6), a & ~(1 << 6)
    integers = fixed_products(config, w[:, None, :], a[None, :, :]).sum(axis=-1)
    expected = integers.astype(float) * 2.0**config.product.min_exponent
    np.testing.assert_array_equal(product_sums(config, w, a), expected)


def test_what_is_no_number_and_other_shapes_are_refused_in_one_line():
    config = MacConfig(weight="E5M2", activation="E5M2", product_rule="l-mul")
    with pytest.raises(BitmillError, match=r"^weight_codes must be codes of numbers, not of 2 NaN or infinite ones$"):
        product_sums(config, [[0x7C, 0x7E, 1]], [[1, 1, 1]])
    with pytest.raises(
        BitmillError, match=r"must be \[N, K\] beside weight_codes \[M, K\], not \(1, 2\) beside \(1, 1\)$"
    ):
        product_sums(config, [[1]], [[1, 1]])
