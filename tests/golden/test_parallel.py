"""Sums of parallel PEs against exact fractions, within the bound they state; the values that carriers must hold."""

from __future__ import annotations

from fractions import Fraction
from typing import get_args

import numpy as np
import pytest
from pydantic import ValidationError

from bitmill import BitmillError, formats
from bitmill.config.parallel import WEIGHTS, Activation, ParallelConfig, Weight
from bitmill.golden import encode
from bitmill.golden.parallel.pe import parallel_pe_sum

SEED = 96
CONFIGS = [
    *(ParallelConfig(weight=weight, activation=activation) for weight in get_args(Weight) for activation in get_args(Activation)),
    ParallelConfig(guard=1, headroom=6),
    ParallelConfig(weight="ANT", guard=5),
]  # fmt: skip
ONE = np.array([[0x3C00]])


def operand(fmt, rng, shape, spread):
    if fmt.kind == "int" or fmt.bits < 8:
        return rng.integers(0, 1 << fmt.bits, shape)
    numbers = rng.normal(size=shape) * 2.0 ** rng.uniform(-spread, 0, shape)
    return encode(fmt, np.where(rng.random(shape) < 0.1, 0.0, numbers))


@pytest.mark.parametrize("spread", [0, 4, 12])
@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: f"{config.title}, guard {config.guard}")
def test_error_is_within_the_bound(config, spread):
    rng = np.random.default_rng(SEED)
    weights = operand(config.carrier, rng, (12, 40), spread)
    activations = operand(config.activation_format, rng, (12, 40), spread)
    found = parallel_pe_sum(config, weights, activations)
    for index in range(12):
        products = [
            config.carrier.decode(int(w)).value * config.activation_format.decode(int(a)).value
            for w, a in zip(weights[index], activations[index], strict=True)
        ]
        error = abs(found.exact(index) - sum(products))
        bound = Fraction(float(found.bound[index]))
        assert error <= bound
        if config.is_integer:
            assert bound == 0
        else:
            # The unit is that of the largest product, whose significand has at least `guard` bits below it.
            largest = Fraction(2) ** (int(found.exponent[index]) + config.product.min_exponent)
            assert bound == Fraction(39, 2) * largest / (1 << config.guard)
    assert np.abs(found.total).max() < 1 << (config.bits - 1)


@pytest.mark.parametrize(
    ("config", "bits"),
    [
        (ParallelConfig(), 32),  # sign, headroom 7, 11 + 11 bits, guard 2
        (ParallelConfig(activation="BF16", weight="BF16"), 26),
        (ParallelConfig(weight="INT8"), 28),  # 2047 * 128 has 18 bits
        (ParallelConfig(weight="INT8", activation="INT8"), 32),
        (ParallelConfig(weight="ANT"), 24),  # 2047 * 7: 14 bits
        (ParallelConfig(weight="OLIVE"), 23),  # 2047 * 3: 13 bits
    ],
    ids=lambda value: getattr(value, "title", value),
)
def test_widths_by_hand(config, bits):
    assert config.bits == bits


def test_the_worst_sums_fit():
    """As many of the greatest products as the headroom is for, and of the most negative ones."""
    for config in (ParallelConfig(headroom=5), ParallelConfig(weight="INT8", activation="INT8", headroom=5)):
        least, greatest = (0x80, 0x7F) if config.is_integer else (0xFBFF, 0x7BFF)
        for weight, activation in ((least, least), (least, greatest), (greatest, greatest)):
            codes = np.full((1, 32), weight), np.full((1, 32), activation)
            found = parallel_pe_sum(config, *codes)
            value = config.carrier.decode(weight).value * config.activation_format.decode(activation).value
            assert found.exact(0) == 32 * value
            assert -(1 << config.bits - 1) <= found.total[0] < 1 << config.bits - 1
        with pytest.raises(BitmillError, match=r"K must be 1 to 2\*\*headroom = 32, not 33"):
            parallel_pe_sum(config, np.zeros((1, 33), int), np.zeros((1, 33), int))


@pytest.mark.parametrize(
    ("numbers", "weights", "total", "exponent"),
    [
        # Units of 2**-4, two guard bits below 1024 * 1 at the exponent of 1, which is 14 above the least.
        ([1.0, 1.0], [1, 1], 2 * 4096, 14),
        ([1.0, 2.0], [1, 1], 2048 + 4096, 15),
        ([2.0, -1.0], [1, 1], 4096 - 2048, 15),
        # 1 + 2**-10 moves by 3: 4100 / 8 is 512.5, halves go up.
        ([8.0, 1 + 2.0**-10], [1, 1], 4096 + 513, 17),
        ([8.0, -1 - 2.0**-10], [1, 1], 4096 - 512, 17),
        ([1 + 2.0**-10, 8.0], [1, 1], 513 + 4096, 17),
        ([2.0**-14, 32768.0], [1, 1], 4096, 29),
    ],
)
def test_rounding_by_hand(numbers, weights, total, exponent):
    found = parallel_pe_sum(
        ParallelConfig(weight="INT8"), np.array([weights]), np.asarray(encode("FP16", np.array([numbers])))
    )
    assert (found.total[0], found.exponent[0]) == (total, exponent)


def test_carriers_hold_their_weights():
    for name, others in (("ANT", ()), ("OLIVE", ("OLIVE_OUTLIER",))):
        kind = WEIGHTS[name]
        assert kind.scheme is not None
        held = {kind.carrier.decode(code).value for code in range(1 << kind.carrier.bits)}
        for fmt in (*kind.scheme.formats, *map(formats.get, others)):
            assert {fmt.decode(code).value_or_none() for code in range(1 << fmt.bits)} - {None} <= held


def test_wrong_arguments():
    with pytest.raises(BitmillError, match="weights must be a matrix"):
        parallel_pe_sum(ParallelConfig(), ONE[0], ONE)
    with pytest.raises(BitmillError, match="activations must be numbers, not NaN or infinite"):
        parallel_pe_sum(ParallelConfig(), ONE, np.array([[0x7C00]]))
    with pytest.raises(BitmillError, match=r"one shape, not \(1, 1\) and \(1, 2\)"):
        parallel_pe_sum(ParallelConfig(), ONE, np.array([[0, 0]]))
    with pytest.raises(ValidationError, match="guard must be 1 to 16 for parallel FP16 x ANT PE, not 0"):
        ParallelConfig(weight="ANT", guard=0)
    with pytest.raises(ValidationError, match="guard must be 0 for parallel INT8 x INT8 PE, not 2"):
        ParallelConfig(weight="INT8", activation="INT8", guard=2)
    with pytest.raises(ValidationError, match="at most 63 bits, not 71"):
        ParallelConfig(headroom=32, guard=16)
    with pytest.raises(ValidationError, match="weight"):
        ParallelConfig(weight="FP8")  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("weight", get_args(Weight))
@pytest.mark.parametrize("activation", get_args(Activation))
def test_the_greatest_sums_of_small_headrooms_fit(weight, activation):
    """``k_max`` of the greatest products of either sign, all alike and after a rise of the exponent that rounds them up."""
    carrier, fmt = WEIGHTS[weight].carrier, formats.get(activation)
    integers = weight == activation == "INT8"

    ends = [encode(of, np.array([float(of.min_value), float(of.max_value)])) for of in (carrier, fmt)]

    for headroom in range(6):
        for guard in (0,) if integers else (1, 2, 16):
            config = ParallelConfig(weight=weight, activation=activation, headroom=headroom, guard=guard)
            rows = [(w, a) for w in ends[0] for a in ends[1]]
            weights = np.repeat([[w] for w, _ in rows], config.k_max, axis=1)
            activations = np.repeat([[a] for _, a in rows], config.k_max, axis=1)
            total = parallel_pe_sum(config, weights, activations).total
            assert -(1 << config.bits - 1) <= total.min() < total.max() < 1 << config.bits - 1
