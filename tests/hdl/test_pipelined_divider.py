"""PipelinedDivider in hardware: every divisor, one a cycle, with pauses, against Python's division."""

import numpy as np
import pytest

from bitmill.hdl.rows.pipelined_divider import PipelinedDivider

from .row_traffic import run

SEED = 58


@pytest.mark.parametrize(("dividend", "divisor_bits"), [(127, 7), (64, 7), (100, 9), (8191, 5), (8191, 13), (65521, 3)])
def test_every_divisor(dividend, divisor_bits):
    """Also where few bits of quotient are asked for: of those divisors for which they are enough."""
    longest = dividend.bit_length()
    for quotient_bits in {longest, longest - 2}:
        unit = PipelinedDivider(dividend=dividend, divisor_bits=divisor_bits, quotient_bits=quotient_bits)
        divisors = [d for d in range(1, 1 << divisor_bits) if dividend // d < 1 << quotient_bits]
        expected = [dividend // divisor for divisor in divisors]
        divisors, expected = [0, *divisors], [(1 << quotient_bits) - 1, *expected]
        assert quotient_bits == unit.LATENCY
        rng = np.random.default_rng(SEED)

        async def bench(ctx, unit=unit, divisors=divisors, expected=expected, rng=rng):
            ages, found = [], []
            left = list(divisors)
            while len(found) < len(expected):
                enabled = rng.random() < 0.7
                ctx.set(unit.enable, enabled)
                ctx.set(unit.divisor, left[0] if left and enabled else 0)
                await ctx.tick()
                if not enabled:
                    continue
                ages = [age + 1 for age in ages]
                if left:
                    left.pop(0)
                    ages.append(1)
                if ages and ages[0] == unit.LATENCY:
                    found.append(ctx.get(unit.quotient))
                    ages.pop(0)
            assert found == expected

        run(unit, bench)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dividend": -1}, "PipelinedDivider dividend must be an integer of at least 0, not -1"),
        ({"divisor_bits": True}, "PipelinedDivider divisor_bits must be an integer of at least 1, not True"),
        ({"quotient_bits": 0}, "PipelinedDivider quotient_bits must be an integer of at least 1, not 0"),
    ],
)
def test_init_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        PipelinedDivider(**{"dividend": 100, "divisor_bits": 9, "quotient_bits": 5, **arguments})
