"""Corners that are aimed at the accumulator: they hit what they are aimed at, counted on fractions."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from bitmill import ExactAccumulator, FixedAccumulator, FloatAccumulator, MacConfig, WindowAccumulator
from bitmill.sim.accumulator_corners import accumulator_corners
from bitmill.sim.stimulus import DotProduct, stimuli


def make(weight: str, activation: str, accumulator: Any, *, lanes: int = 4, k_max: int = 256) -> MacConfig:
    return MacConfig(
        weight=weight, activation=activation, unit="dot", lanes=lanes, k_max=k_max, accumulator=accumulator
    )


def products(config: MacConfig, item: DotProduct) -> list[Fraction]:
    weight, activation = config.weight_format, config.activation_format
    return [
        weight.decode(int(w)).value * activation.decode(int(a)).value
        for w, a in zip(item.weight_codes, item.activation_codes, strict=True)
    ]


def after_each_step(config: MacConfig, item: DotProduct) -> list[Fraction]:
    values = products(config, item)
    return [sum(values[:end], Fraction(0)) for end in range(config.lanes, len(values) + config.lanes, config.lanes)]


def corners(config: MacConfig, longest: int = 256) -> list[DotProduct]:
    found = list(accumulator_corners(config, longest=longest))
    assert all(1 <= len(item) <= longest for item in found)
    return found


@pytest.mark.parametrize(("weight", "unit"), [("INT8", 0), ("E4M3", -18), ("E5M2", -32)])
@pytest.mark.parametrize("overflow", ["saturate", "wrap"])
def test_sums_stand_on_both_limits_and_one_unit_to_either_side(weight: str, unit: int, overflow: Any) -> None:
    config = make(weight, weight, FixedAccumulator(width=14, overflow=overflow))
    sums = {after_each_step(config, item)[-1] / Fraction(2) ** unit for item in corners(config)}
    assert {8190, 8191, 8192, -8191, -8192, -8193} <= sums
    # From beyond the limit back: what saturation lost is missing, what wrapping lost is not.
    paths = [[int(step / Fraction(2) ** unit) for step in after_each_step(config, item)] for item in corners(config)]
    assert any(path[-2:] == [8192, 8191] for path in paths)
    assert any(path[-2:] == [-8193, -8192] for path in paths)


@pytest.mark.parametrize(
    ("spec", "digits"),
    [(FloatAccumulator(format="FP16"), 11), (FloatAccumulator(format="BF16"), 8), (WindowAccumulator(width=9), 9)],
)
def test_ties_are_ties(spec: Any, digits: int) -> None:
    config = make("E4M3", "E4M3", spec)
    unit = Fraction(2) ** -18
    found = [after_each_step(config, item) for item in corners(config) if item.label.startswith("rounding tie")]
    ends = {int(path[-1] / unit) for path in found}
    even, odd = (1 << digits) + 1, (1 << digits) + 3
    assert {even, odd, -even, -odd} <= ends
    power = 1 << digits + 2
    assert {power + 3, power + 4, power + 5, power + 11, power + 12, power + 13} <= ends


def test_fp16_overflow_boundary() -> None:
    config = make("INT8", "INT8", FloatAccumulator(format="FP16"))
    paths = [after_each_step(config, item) for item in corners(config) if item.label == "overflow boundary"]
    assert {path[-1] for path in paths} >= {65504, 65519, 65520, 65521, 65536, -65519, -65520}
    assert all(abs(path[-1]) == 65504 or 65504 in [abs(step) for step in path] for path in paths)


def test_fp16_underflow() -> None:
    config = make("E5M2", "E5M2", FloatAccumulator(format="FP16"))
    paths = [after_each_step(config, item) for item in corners(config) if "subnormal" in item.label]
    half, unit = Fraction(2) ** -25, Fraction(2) ** -32
    assert [half, 2 * half, 3 * half] in paths
    assert [-half, -2 * half, -3 * half] in paths
    assert {path[0] for path in paths} >= {half - unit, half + unit, 3 * half, -half - unit}


def test_zero_products_stand_above_others_in_a_window() -> None:
    config = make("E4M3", "E4M3", WindowAccumulator(width=8))
    sides = set()
    for item in corners(config):
        if "below a zero" in item.label:
            decoded = [config.weight_format.decode(int(c)) for c in (*item.weight_codes, *item.activation_codes)]
            zero, other = decoded[0].exponent + decoded[2].exponent, decoded[1].exponent + decoded[3].exponent
            assert products(config, item)[0] == 0 != products(config, item)[1]
            sides.add((decoded[0].value == 0, zero - other))
    # Were the zero to take part, products of 8 bits would lose bits from 4 places below on.
    assert {(zero_weight, distance) for zero_weight in (True, False) for distance in (4, 8, 12)} <= sides


@pytest.mark.parametrize("width", [6, 12])
def test_window_distances(width: int) -> None:
    config = make("E5M2", "E5M2", WindowAccumulator(width=width))
    seen: set[int] = set()
    for item in corners(config):
        if not item.label.startswith("window") or "zero" in item.label:
            continue
        pairs = zip(item.weight_codes.tolist(), item.activation_codes.tolist(), strict=True)
        decode = config.weight_format.decode
        places = [decode(w).exponent + decode(a).exponent for w, a in pairs]
        assert len(item) <= config.lanes
        seen.add(max(places) - min(places))
    # Products of 6 bits: bits begin to be lost beyond width - 3, none is left beyond width + 2; 58 is the whole span.
    assert seen >= {width - 4, width - 3, width - 2, width - 1, width, width + 1, width + 2, width + 3, 58}


@pytest.mark.parametrize("name", ["E4M3", "E5M2", "INT8"])
def test_cancellations_leave_the_least_product(name: str) -> None:
    config = make(name, name, WindowAccumulator(width=24))
    unit = Fraction(2) ** config.product.min_exponent
    steps = [after_each_step(config, item) for item in corners(config) if "cancel" in item.label]
    assert [unit, unit] in steps
    assert [-unit, -unit] in steps
    assert [unit, 2 * unit] in steps


def test_group_ends() -> None:
    config = make("E4M3", "E4M3", FloatAccumulator(fused=16))
    assert {len(item) for item in corners(config) if "groups" in item.label} >= {12, 15, 16, 17, 20, 31, 32, 33}
    assert not [item for item in corners(config, longest=14) if len(item) > 14]


def test_wide_formats_have_products_of_both_signs() -> None:
    config = make("BF16", "BF16", FloatAccumulator())
    sums = [after_each_step(config, item)[-1] for item in corners(config)]
    assert min(sums) < 0 < max(sums)


def test_unsigned_formats_have_what_they_can() -> None:
    config = make("UINT4", "UINT4", FixedAccumulator(width=8, overflow="saturate"))
    assert {after_each_step(config, item)[-1] for item in corners(config)} == {126, 127, 128}


def test_the_exact_accumulator_has_no_corners_of_its_own() -> None:
    assert corners(make("INT8", "INT8", ExactAccumulator())) == []


def test_stimuli_have_the_corners() -> None:
    config = make("INT8", "INT8", FixedAccumulator(width=20, overflow="wrap"))
    labels = {item.label for item in stimuli(config, np.random.default_rng(0), count=0, corner_steps=100)}
    assert {item.label for item in corners(config)} <= labels
