"""Products pair by pair are the products of the operands, whatever sums them; a rule has a row on every floor."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bitmill import MacConfig, formats
from bitmill.formats.rules import PRODUCT_RULES
from bitmill.golden import dot, matmul, product_rules
from bitmill.golden.mac import by_pairs
from bitmill.golden.product_rules import RULES, fixed_products
from bitmill.hdl.mac import formulations
from bitmill.system.errors import BitmillError

ACCUMULATORS: dict[str, dict[str, Any]] = {
    "exact": {},
    "fixed": {"accumulator": {"kind": "fixed", "width": 20, "overflow": "saturate"}, "saturated": True},
    "window": {"accumulator": {"kind": "window", "width": 10}},
    "float": {"accumulator": {"kind": "float", "format": "FP16"}, "saturated": True},
    "fused": {"accumulator": {"kind": "float", "format": "BF16", "fused": 9}},
    "scaled": {"accumulator": {"kind": "float"}, "scale": "E4M3", "block": 6},
}
PAIRS = [("E4M3", "E4M3"), ("E5M2", "INT8"), ("INT4", "TERNARY")]


def test_every_rule_has_its_function_and_its_circuit():
    assert list(PRODUCT_RULES) == list(RULES) == list(formulations.RULES)


@pytest.fixture
def pair_by_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exact products formed pair by pair, as those of rules that do not separate, few at once."""
    monkeypatch.setitem(product_rules.RULES, "exact", replace(RULES["exact"], separates=False))
    monkeypatch.setattr(by_pairs, "_PRODUCTS_AT_ONCE", 60)


def results(config: MacConfig, lengths: tuple[int, ...]) -> list[Any]:
    rng = np.random.default_rng(7)
    found = []
    for length in lengths:
        weights = rng.integers(0, 1 << config.weight_format.bits, (5, length))
        activations = rng.integers(0, 1 << config.activation_format.bits, (5, length))
        given = {}
        if config.scale_format is not None:
            blocks = -(-length // config.block_size)
            given = {f"{name}_scales": rng.integers(40, 80, (5, blocks)) for name in ("weight", "activation")}
        for one in (dot(config, weights, activations, **given), matmul(config, weights, activations, **given)):
            found += [
                one.value.tolist(),
                one.invalid.tolist(),
                one.too_long.tolist(),
                np.asarray(one.saturated).tolist(),
            ]
    return found


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("name", ACCUMULATORS)
def test_exact_products_pair_by_pair_are_the_same_in_every_accumulator(
    name: str, pair: tuple[str, str], request: pytest.FixtureRequest
) -> None:
    shape: dict[str, Any] = {"unit": "dot", "lanes": 3, "k_max": 30}
    config = MacConfig.from_dict({"weight": pair[0], "activation": pair[1], **shape, **ACCUMULATORS[name]})
    lengths = (1, 2, 7, 12, 31)
    expected = results(config, lengths)
    request.getfixturevalue("pair_by_pair")
    assert not product_rules.separates(config)
    assert results(config, lengths) == expected


def test_fixed_products_are_integers_of_any_size():
    config = MacConfig(weight="FP32", activation="FP32")
    fmt = formats.get("FP32")
    greatest = 0x7F7FFFFF
    ((found,),) = fixed_products(config, [[greatest]], [[greatest | 1 << 31]]).tolist()
    assert found == -(fmt.fixed_max**2)


def test_what_is_no_rule_and_what_exact_products_do_not_have_is_refused_in_one_line():
    with pytest.raises(BitmillError, match=r"product_rule: must be one of 'exact'.*, not 'log'$"):
        MacConfig.from_dict({"weight": "E4M3", "activation": "E4M3", "product_rule": "log"})
    with pytest.raises(BitmillError, match=r"product_offset must be left out for product_rule 'exact', not 3$"):
        MacConfig.from_dict({"weight": "E4M3", "activation": "E4M3", "product_offset": 3})
