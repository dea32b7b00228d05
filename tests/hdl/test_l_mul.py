"""Every pair of FP8 codes through decoders, L-Mul and aligner, against golden."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bitmill import MacConfig
from bitmill.formats import Product, get
from bitmill.formats.l_mul import LMulProduct
from bitmill.golden import decode
from bitmill.golden.product_rules import fixed_products
from bitmill.hdl.products.l_mul import LMul, LMulAdd

from .codes_to_term import CodesToTerm


@pytest.mark.parametrize("rule", ["l-mul", "l-mul-add"])
@pytest.mark.parametrize("name", ["E4M3", "E5M2"])
def test_every_pair_of_fp8_codes(name: str, rule: str, every_input: Any) -> None:
    config = MacConfig(weight=name, activation=name, product_rule=rule, pipeline=0)
    component = CodesToTerm(config)
    bits = component.lane.term.shape()["significand"].width
    codes = np.arange(256)
    expected = fixed_products(config, codes[None, :], codes[:, None])
    special = ~np.isfinite(decode(name, codes))
    wrong = []
    for pair, packed in enumerate(every_input(component, "codes", "term")):
        significand = packed & (1 << bits) - 1
        found = significand - (significand >> (bits - 1) << bits) + (packed >> bits & 1)
        activation, weight = divmod(pair, 256)
        if not special[weight] and not special[activation] and found != expected[activation, weight]:
            wrong.append(pair)
    assert not wrong


def test_other_facts_are_refused() -> None:
    exact = Product(get("E4M3"), get("E4M3"))
    with pytest.raises(TypeError, match="LMul product must be an LMulProduct, not Product"):
        LMul(product=exact)  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match="LMulAdd product must be an LMulAddProduct, not LMulProduct"):
        LMulAdd(product=LMulProduct(exact.a, exact.b, 1))  # pyright: ignore[reportArgumentType]
