"""Stimuli: which corners are there, what they sum to, that a seed repeats them."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

from bitmill import BitmillError, FloatAccumulator, MacConfig, formats
from bitmill.formats import Special
from bitmill.sim.stimulus import DotProduct, exhaustive_pairs, random_codes, stimuli

SMALL = MacConfig(weight="E2M1", activation="INT4", unit="dot", lanes=3, k_max=10)
SPECIAL = MacConfig(weight="E5M2", activation="E4M3", unit="dot", lanes=4, k_max=64)
WIDE = MacConfig(weight="FP32", activation="INT16", accumulator=FloatAccumulator(), k_max=16)
SYMMETRIC = MacConfig(weight="INT8_SYM", activation="UINT8", k_max=5)
each_config = pytest.mark.parametrize("config", [SMALL, SPECIAL, WIDE, SYMMETRIC], ids=lambda config: config.title)


def _stimuli(config: MacConfig, seed: int = 1, count: int = 20, corner_steps: int = 100) -> list[DotProduct]:
    return stimuli(config, np.random.default_rng(seed), count=count, corner_steps=corner_steps)


def _specials(config: MacConfig, item: DotProduct) -> list[tuple[Special | None, Special | None]]:
    weight, activation = config.weight_format, config.activation_format
    return [
        (weight.decode(int(w)).special, activation.decode(int(a)).special)
        for w, a in zip(item.weight_codes, item.activation_codes, strict=True)
    ]


def _sum(config: MacConfig, item: DotProduct) -> Fraction:
    weight, activation = config.weight_format, config.activation_format
    products = (
        weight.decode(int(w)).value * activation.decode(int(a)).value
        for w, a in zip(item.weight_codes, item.activation_codes, strict=True)
    )
    return sum(products, Fraction(0)) / Fraction(2) ** config.product.min_exponent


def _any(items: list[DotProduct], condition: Callable[[DotProduct], bool]) -> bool:
    return any(condition(item) for item in items)


@each_config
def test_codes_fit_and_lengths_agree(config: MacConfig) -> None:
    for item in _stimuli(config):
        assert 1 <= len(item) == len(item.activation_codes)
        assert int(item.weight_codes.max()) < 1 << config.weight_format.bits
        assert int(item.activation_codes.max()) < 1 << config.activation_format.bits


@each_config
def test_seed_repeats(config: MacConfig) -> None:
    first, again, other = _stimuli(config, 5), _stimuli(config, 5), _stimuli(config, 6)
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.weight_codes, two.weight_codes)
        np.testing.assert_array_equal(one.activation_codes, two.activation_codes)
    assert not all(np.array_equal(one.weight_codes, two.weight_codes) for one, two in zip(first, other, strict=False))


@pytest.mark.parametrize("config", [SMALL, SYMMETRIC], ids=lambda config: config.title)
def test_sums_reach_both_bounds_of_the_accumulator(config: MacConfig) -> None:
    held = [item for item in _stimuli(config) if len(item) <= config.padded_k_max and item.label.startswith("extreme")]
    sums = [_sum(config, item) for item in held]
    assert (min(sums), max(sums)) == config.product.sum_range(config.padded_k_max)


def test_wide_format_extremes() -> None:
    codes = {int(item.weight_codes[0]) for item in _stimuli(WIDE) if item.label == "one extreme product"}
    assert codes == {0x7F7FFFFF, 0xFF7FFFFF}
    integers = {int(item.activation_codes[0]) for item in _stimuli(WIDE) if item.label == "one extreme product"}
    assert integers == {0x7FFF, 0x8000}


def test_lengths_around_the_limits() -> None:
    lengths = {len(item) for item in _stimuli(SMALL, count=0)}
    assert {1, 2, 3, 4, 5, 6, 7, SMALL.k_max, SMALL.padded_k_max + 1, 2 * SMALL.padded_k_max + 7} <= lengths
    assert max(len(item) for item in _stimuli(SPECIAL, count=0, corner_steps=8)) <= 8 * SPECIAL.lanes


def test_specials_of_every_kind() -> None:
    kinds = [_specials(SPECIAL, item) for item in _stimuli(SPECIAL, count=0)]
    for position, special in ((0, Special.NAN), (0, Special.INF), (1, Special.NAN)):
        assert any(steps[0][position] is special for steps in kinds)
        assert any(steps[-1][position] is special for steps in kinds)
    signs = [
        {SPECIAL.weight_format.decode(int(c)).sign for c in item.weight_codes[[0, -1]]}
        for item in _stimuli(SPECIAL, count=0)
        if item.label == "two infinities"
    ]
    assert {0, 1} in signs


def test_most_random_ones_are_finite() -> None:
    items = [item for item in _stimuli(SPECIAL, count=200) if item.label == "random"]
    finite = [all(pair == (None, None) for pair in _specials(SPECIAL, item)) for item in items]
    assert len(items) == 200
    assert 150 <= sum(finite) < 200


def test_cancellation_leaves_the_least_product() -> None:
    item = next(item for item in _stimuli(SMALL) if item.label.startswith("cancellation"))
    assert abs(_sum(SMALL, item)) == 1


def test_random_codes_without_specials() -> None:
    fmt = formats.get("E3M4_IEEE")
    codes = random_codes(fmt, np.random.default_rng(0), 2000, finite=True)
    assert all(fmt.decode(int(code)).special is None for code in codes)
    assert len(np.unique(codes)) == sum(fmt.decode(code).special is None for code in range(256))


def test_exhaustive_pairs() -> None:
    weights, activations = exhaustive_pairs(SMALL)
    assert weights.shape == activations.shape == (256, 1)
    assert set(zip(weights[:, 0].tolist(), activations[:, 0].tolist(), strict=True)) == {
        (w, a) for w in range(16) for a in range(16)
    }
    with pytest.raises(BitmillError, match="at most 16 operand bits, not 48"):
        exhaustive_pairs(WIDE)


def test_refusals() -> None:
    with pytest.raises(BitmillError, match="dot_products must be at least 0, not -1"):
        _stimuli(SMALL, count=-1)
    with pytest.raises(BitmillError, match="corner_steps must be at least 1, not 0"):
        _stimuli(SMALL, corner_steps=0)
