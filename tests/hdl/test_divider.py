"""Division bit by bit: exhaustive for short operands, random and extreme for long ones, in the cycles that are promised."""

import numpy as np
import pytest
from amaranth import ResetInserter, Signal
from amaranth.sim import Simulator

from bitmill.hdl.rows.divider import Divider

from .row_traffic import exchange

SEED = 52


def expected(dividend, divisor, dividend_bits, divisor_bits):
    if divisor:
        return divmod(dividend, divisor)
    return (1 << dividend_bits) - 1, dividend % (1 << divisor_bits)


def divided(unit, pairs, *, stalls=0.0):
    operands = [{"dividend": int(a), "divisor": int(b)} for a, b in pairs]
    return exchange(
        unit, operands, len(pairs), stalls=stalls, seed=SEED, look=lambda found: (found.quotient, found.remainder)
    )


@pytest.mark.parametrize(("widths", "per_cycle"), [((5, 4), 1), ((4, 5), 1), ((5, 4), 2), ((5, 3), 5), ((1, 1), 1)])
def test_every_quotient_of_short_operands(widths, per_cycle):
    pairs = [(a, b) for a in range(1 << widths[0]) for b in range(1 << widths[1])]
    unit = Divider(dividend_bits=widths[0], divisor_bits=widths[1], bits_per_cycle=per_cycle)
    got, _, _ = divided(unit, pairs)
    assert got == [expected(a, b, *widths) for a, b in pairs]


@pytest.mark.parametrize(("quotient_bits", "per_cycle"), [(3, 1), (3, 2), (4, 3), (1, 1)])
def test_a_short_quotient_takes_no_cycles_for_zeros_before_it(quotient_bits, per_cycle):
    pairs = [(a, b) for a in range(64) for b in range(1, 32) if a // b < 1 << quotient_bits]
    unit = Divider(dividend_bits=6, divisor_bits=5, bits_per_cycle=per_cycle, quotient_bits=quotient_bits)
    got, taken, given = divided(unit, pairs)
    assert got == [divmod(a, b) for a, b in pairs]
    assert given[0] - taken[0] == unit.LATENCY == -(-quotient_bits // per_cycle) + 1


def test_a_quotient_that_does_not_fit_comes_out_all_the_same():
    unit = Divider(dividend_bits=6, divisor_bits=5, quotient_bits=2)
    got, _, _ = divided(unit, [(63, 1), (5, 0), (9, 5), (63, 0), (31, 16)])
    assert (got[2], got[4]) == ((1, 4), (1, 15))


@pytest.mark.parametrize(("widths", "per_cycle"), [((31, 31), 1), ((43, 22), 2), ((31, 31), 4), ((8, 40), 3)])
def test_long_operands_at_random_and_at_the_borders(widths, per_cycle):
    rng = np.random.default_rng(SEED)
    top = [(1 << bits) - 1 for bits in widths]
    pairs = [(int(rng.integers(top[0] + 1) >> rng.integers(widths[0])),
              int(rng.integers(top[1] + 1) >> rng.integers(widths[1]))) for _ in range(60)]  # fmt: skip
    pairs += [(a, b) for a in (0, 1, top[0] - 1, top[0]) for b in (0, 1, 2, top[1] - 1, top[1])]
    pairs += [(min(q * b, top[0]), b) for q, b in ((3, 1000), (999, 77), (1 << 15, (1 << 16) - 1)) if b <= top[1]]
    pairs += [(max(a - 1, 0), b) for a, b in pairs[-3:]]
    unit = Divider(dividend_bits=widths[0], divisor_bits=widths[1], bits_per_cycle=per_cycle)
    for stalls in (0.0, 0.5):
        got, _, _ = divided(unit, pairs, stalls=stalls)
        assert got == [expected(a, b, *widths) for a, b in pairs]


@pytest.mark.parametrize(("dividend_bits", "per_cycle", "latency"), [(31, 1, 32), (31, 2, 17), (32, 4, 9), (5, 5, 2)])
def test_a_division_takes_its_latency_whatever_the_operands(dividend_bits, per_cycle, latency):
    unit = Divider(dividend_bits=dividend_bits, divisor_bits=16, bits_per_cycle=per_cycle)
    _, taken, given = divided(unit, [(0, 0), (1, 65535), (31, 1), (7, 7)])
    assert taken == [number * (latency + 1) for number in range(4)]
    assert given == [cycle + unit.LATENCY for cycle in taken]


def test_a_division_that_a_reset_ends_leaves_nothing():
    for cycles in range(1, 12):
        reset, unit = Signal(), Divider(dividend_bits=8, divisor_bits=8)

        async def bench(ctx, unit=unit, reset=reset, cycles=cycles):
            for operands, count in (((255, 3), cycles), ((200, 9), 20)):
                ctx.set(unit.i.payload, {"dividend": operands[0], "divisor": operands[1]})
                ctx.set(unit.i.valid, 1)
                got = []
                for _ in range(count):
                    _, _, valid, found = await ctx.tick().sample(unit.o.valid, unit.o.payload)
                    ctx.set(unit.i.valid, 0)
                    if valid:
                        got.append((found.quotient, found.remainder))
                ctx.set(reset, 1)
                await ctx.tick()
                ctx.set(reset, 0)
                ctx.set(unit.o.ready, 1)
            assert got == [(22, 2)], cycles

        simulator = Simulator(ResetInserter(reset)(unit))
        simulator.add_clock(1e-6)
        simulator.add_testbench(bench)
        simulator.run()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dividend_bits": 0}, "Divider dividend_bits must be an integer of at least 1, not 0"),
        ({"divisor_bits": 1.5}, "Divider divisor_bits must be an integer of at least 1, not 1.5"),
        ({"bits_per_cycle": 9}, "Divider bits_per_cycle must be from 1 to 8, not 9"),
        ({"quotient_bits": 4, "bits_per_cycle": 5}, "Divider bits_per_cycle must be from 1 to 4, not 5"),
        ({"quotient_bits": 9}, "Divider quotient_bits must be from 1 to 8, not 9"),
        ({"quotient_bits": 0}, "Divider quotient_bits must be from 1 to 8, not 0"),
        ({"bits_per_cycle": True}, "Divider bits_per_cycle must be from 1 to 8, not True"),
    ],
)
def test_init_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        Divider(**{"dividend_bits": 8, "divisor_bits": 8, **arguments})
