"""Requantization in hardware against the golden model: every int8, wide numbers at random, ties and borders of saturation."""

import numpy as np
import pytest
from amaranth import ResetInserter, Signal

from bitmill.config.nonlinear import TieRule
from bitmill.golden.nonlinear import requantize
from bitmill.hdl.rows.requantize import Requantize

from .row_traffic import drive, exchange, run
from .tied import Tied, job_of, plays, plays_in_icarus

SEED = 56


def beat(elements, keep, last):
    fields = ("value", "multiplier", "shift")
    return {"elements": [dict(zip(fields, map(int, one), strict=True)) for one in elements], "keep": keep, "last": last}


def traffic(unit, z, m, e, rng):
    """Beats of elements, some of them masked, and what they must give."""
    lanes = unit.lanes
    z, m, e = (np.resize(np.asarray(part, dtype=np.int64), -(-len(z) // lanes) * lanes) for part in (z, m, e))
    golden = requantize(z, multiplier=m, shift=e, bits=unit.out_bits, ties=unit.ties)
    inputs, outputs = [], []
    for start in range(0, len(z), lanes):
        here = slice(start, start + lanes)
        keep, last = int(rng.integers(1 << lanes)) if lanes > 1 else int(rng.random() < 0.95), int(rng.integers(2))
        inputs.append(beat(zip(z[here], m[here], e[here], strict=True), keep, last))
        results = [int(one) if keep >> lane & 1 else 0 for lane, one in enumerate(golden[here])]
        outputs.append({"elements": results, "keep": keep, "last": last})
    return inputs, outputs


def job(unit, z, m, e, **arguments):
    tied = Tied(unit)
    return tied, job_of(tied, *traffic(unit, z, m, e, np.random.default_rng(SEED)), seed=SEED, **arguments)


def corners(in_bits, multiplier_bits, out_bits, shift_bits=8):
    """Products at ties and one beside them, at both borders of saturation, at every shift."""
    rng = np.random.default_rng(SEED)
    least, greatest = -(1 << (in_bits - 1)), (1 << (in_bits - 1)) - 1
    most = (1 << multiplier_bits) - 1
    cases = []
    for e in (*range(in_bits + multiplier_bits + 5), 127, 128, 255):
        if e >= 1 << shift_bits:
            continue
        # With a multiplier of 1 the product is what one likes; halves of small odd numbers, borders of saturation.
        points = [(2 * k + 1) << e >> 1 for k in (-3, -2, -1, 0, 1, 2)]
        points += [(sign * (1 << out_bits) + k) << e >> 2 for sign in (-1, 1) for k in range(-5, 6)]
        for point in points:
            cases += [(point + delta, 1, e) for delta in (-1, 0, 1)]
            cases += [(-point - delta, -1, e) for delta in (-1, 0, 1)]
        extremes = [(z, m) for z in (least, greatest, 0, -1, 1) for m in (-most, most, 0, 1, -1)]
        cases += [(z, m, e) for z, m in extremes]
        cases += [(int(rng.integers(least, greatest + 1)), int(rng.integers(-most, most + 1)), e) for _ in range(10)]
    return [(z, m, e) for z, m, e in cases if least <= z <= greatest and abs(m) <= most]


@pytest.mark.parametrize("kind", [None, "generic"])
@pytest.mark.parametrize("ties", ["even", "up"])
def test_every_int8_under_many_multipliers_and_shifts(ties, kind):
    unit = Requantize(lanes=4, in_bits=8, out_bits=8, multiplier_bits=7, ties=ties)
    pairs = [(m, e) for m in (-127, -3, 0, 1, 77, 96) for e in (*range(17), 31, 200)]
    z = np.tile(np.arange(-128, 128), len(pairs))
    m, e = (np.repeat([pair[index] for pair in pairs], 256) for index in (0, 1))
    assert plays(*job(unit, z, m, e), kind=kind) is None


WIDTHS = [(26, 8, 8), (32, 31, 8), (33, 31, 32), (12, 3, 16), (2, 1, 2)]


@pytest.mark.parametrize("ties", ["even", "up"])
@pytest.mark.parametrize(
    ("in_bits", "multiplier_bits", "out_bits"),
    [*WIDTHS[:2], *(pytest.param(*widths, marks=pytest.mark.long) for widths in WIDTHS[2:])],
)
def test_ties_borders_and_random_numbers(in_bits, multiplier_bits, out_bits, ties):
    unit = Requantize(lanes=3, in_bits=in_bits, out_bits=out_bits, multiplier_bits=multiplier_bits, ties=ties)
    z, m, e = zip(*corners(in_bits, multiplier_bits, out_bits), strict=True)
    assert plays(*job(unit, z, m, e, resets=(1, 2, 17))) is None


@pytest.mark.parametrize("ties", ["even", "up"])
def test_netlists_of_wide_numbers(ties):
    unit = Requantize(lanes=1, in_bits=26, out_bits=8, multiplier_bits=8, ties=ties)
    z, m, e = zip(*corners(26, 8, 8), strict=True)
    assert plays(*job(unit, z, m, e), kind="generic") is None


def test_short_shifts():
    unit = Requantize(lanes=2, in_bits=16, out_bits=8, multiplier_bits=4, ties="even", shift_bits=3)
    z, m, e = zip(*corners(16, 4, 8, 3), strict=True)
    assert plays(*job(unit, z, m, e)) is None


def test_icarus_sees_no_unknowns():
    unit = Requantize(lanes=2, in_bits=26, out_bits=8, multiplier_bits=8, ties="even")
    z, m, e = zip(*corners(26, 8, 8)[::31], strict=True)
    plays_in_icarus(*job(unit, z, m, e))


def test_it_saturates_instead_of_wrapping():
    """Without saturation 200 would be -56 in eight bits."""
    unit = Requantize(lanes=1, in_bits=16, out_bits=8, multiplier_bits=4, ties="even")
    cases = [(400, 1, 1), (-400, 1, 1), (32767, 15, 0), (-32768, 15, 0), (255, 1, 1), (254, 1, 1), (-257, 1, 1)]
    inputs = [beat([case], 1, 0) for case in cases]
    got, _, _ = exchange(unit, inputs, len(cases), look=lambda payload: payload.elements[0])
    assert got == [127, -128, 127, -128, 127, 127, -128]


def test_ties_go_where_they_should():
    """2.5, 3.5, -2.5, -3.5, 0.5, -0.5."""
    halves = [5, 7, -5, -7, 1, -1]
    wanted: dict[TieRule, list[int]] = {"even": [2, 4, -2, -4, 0, 0], "up": [3, 4, -2, -3, 1, 0]}
    for ties, expected in wanted.items():
        unit = Requantize(lanes=1, in_bits=8, out_bits=8, multiplier_bits=4, ties=ties)
        inputs = [beat([(half, 1, 1)], 1, 1) for half in halves]
        assert exchange(unit, inputs, len(halves), look=lambda payload: payload.elements[0])[0] == expected


def test_latency_and_throughput():
    unit = Requantize(lanes=1, in_bits=8, out_bits=8, multiplier_bits=4, ties="up")
    _, taken, given = exchange(unit, [beat([(1, 1, 0)], 1, 0)] * 20, 20)
    assert taken == list(range(20))
    assert given == [cycle + unit.LATENCY for cycle in taken]


def test_a_reset_leaves_nothing():
    unit, reset = Requantize(lanes=1, in_bits=8, out_bits=8, multiplier_bits=4, ties="up"), Signal()

    async def bench(ctx):
        await drive(ctx, unit, [beat([(1, 1, 0)], 1, 0)] * 3, 3, lambda payload: payload.elements[0])
        ctx.set(reset, 1)
        await ctx.tick()
        ctx.set(reset, 0)
        assert (await drive(ctx, unit, [], 10, lambda payload: payload.elements[0]))[0] == []

    run(ResetInserter(reset)(unit), bench)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"lanes": 0}, "Requantize lanes must be an integer of at least 1, not 0"),
        ({"in_bits": 34}, "Requantize in_bits must be from 2 to 33, not 34"),
        ({"out_bits": 1}, "Requantize out_bits must be from 2 to 32, not 1"),
        ({"multiplier_bits": True}, "Requantize multiplier_bits must be from 1 to 31, not True"),
        ({"shift_bits": 9}, "Requantize shift_bits must be from 1 to 8, not 9"),
        ({"ties": "down"}, "Requantize ties must be one of even, up, not 'down'"),
    ],
)
def test_init_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        Requantize(**{"lanes": 1, "in_bits": 8, "out_bits": 8, "ties": "even", **arguments})
