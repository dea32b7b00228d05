"""What holds for every unit in hardware whatever it is given: the properties that golden has, and those of streams."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from amaranth import ResetInserter, Signal

from bitmill.config.nonlinear import ACCURATE, IVIT
from bitmill.golden.gelu.shift_gelu import SIGMOID_SLOPE
from bitmill.golden.nonlinear import integer_reciprocal, shift_gelu, shiftmax, table_softmax, table_softmax_slope
from bitmill.hdl.gelu.shift_gelu import ShiftGelu
from bitmill.hdl.rows.requantize import Requantize
from bitmill.hdl.softmax.shiftmax import Shiftmax

from .nonlinear_units import (
    ELEMENT,
    LANES,
    LONGEST,
    OCTET,
    RMS,
    ROW_STATIONS,
    SOFTMAX,
    STATIONS,
    Station,
    as_rows,
    by_name,
    golden_rows,
    inputs_of,
    newton_station,
    root_station,
    seen,
    set_x0,
    softmax_station,
    through,
)
from .row_traffic import beats, exchange, run
from .tied import Tied, job_of, plays

SEED = 91


def random_rows(lengths, seed=SEED):
    """Rows of many spreads."""
    rng = np.random.default_rng(seed)
    rows = [np.rint(rng.standard_t(3, length) * 10 ** rng.uniform(0, 2)) for length in lengths]
    return [np.clip(row, -128, 127).astype(int).tolist() for row in rows]


def random_masks(rows, seed=SEED):
    rng = np.random.default_rng(seed)
    return [rng.random(len(row)) < rng.choice([0.4, 0.8, 1.0]) for row in rows]


@by_name(STATIONS)
def test_stalls_on_both_sides_of_rows_of_any_length_and_mask(name):
    """A result depends on its row alone."""
    rows = random_rows([LONGEST, 1, 5, 2, LANES, LONGEST - 1, 7])
    masks = random_masks(rows)
    assert through(STATIONS[name], rows, masks, stalls=0.5, seed=SEED) == golden_rows(STATIONS[name], rows, masks)


@by_name(ROW_STATIONS)
def test_a_row_and_its_mask_permuted_give_the_permuted_result(name):
    rng = np.random.default_rng(SEED)
    (row,) = random_rows([LONGEST - 2])
    mask = rng.random(len(row)) < 0.6
    orders = [np.arange(len(row)), np.arange(len(row))[::-1], np.argsort(mask), rng.permutation(len(row))]
    plain, *moved = through(
        STATIONS[name], [np.array(row)[order].tolist() for order in orders], [mask[order] for order in orders]
    )  # fmt: skip
    assert any(plain)
    for found, order in zip(moved, orders[1:], strict=True):
        assert found == [plain[place] for place in order]


MOMENTS = (3, 8, 10, 15, 22, 36, 60)
"""Cycles of a row of eight beats: all passes and what is between them, and a next row behind."""


@by_name(STATIONS)
def test_after_a_reset_in_mid_row_the_next_row_is_right(name):
    station, (first, second) = STATIONS[name], random_rows([LONGEST, 7])
    unit, reset = station.build(lanes=LANES, max_length=LONGEST), Signal()
    before, after = inputs_of(station, [first] * 9), inputs_of(station, [second])
    found = []

    async def bench(ctx):
        await station.before(ctx, unit)
        ctx.set(unit.o.ready, 1)
        for moment in MOMENTS:
            ctx.set(unit.i.valid, 1)
            taken = 0
            for _ in range(moment):
                ctx.set(unit.i.payload, before[taken])
                _, _, accepted = await ctx.tick().sample(unit.i.ready)
                taken += accepted
            ctx.set(unit.i.valid, 0)
            ctx.set(reset, 1)
            await ctx.tick()
            ctx.set(reset, 0)
            assert not ctx.get(unit.o.valid)
            left, given = list(after), []
            for _ in range(400):
                ctx.set(unit.i.valid, bool(left))
                if left:
                    ctx.set(unit.i.payload, left[0])
                _, _, accepted, valid, payload = await ctx.tick().sample(unit.i.ready, unit.o.valid, unit.o.payload)
                left = left[1:] if left and accepted else left
                given += [seen(payload)] if valid else []
                if not left and len(given) == len(after):
                    break
            found.append(given)

    run(ResetInserter(reset)(unit), bench)
    assert [as_rows(given, [second], LANES) for given in found] == [golden_rows(station, [second])] * len(MOMENTS)


STEPPED = (-128, -127, -96, -64, -33, -17, -8, -1, 0, 1, 2, 15, 64, 100, 126, 127)


def softmax_traffic():
    """All rows of up to three elements of a stepped set, sorted ones of all int8, and random ones beside them."""
    rows = [list(row) for length in (1, 2, 3) for row in product(STEPPED, repeat=length)]
    rows += [list(range(start, start + 64)) for start in range(-128, 128, 64)]
    return rows + random_rows(np.random.default_rng(SEED).integers(1, 65, 100).tolist())


@pytest.mark.parametrize(
    ("name", "scale"),
    [
        ("Shiftmax, 16 bits", 0.045),
        ("TableSoftmax", 0.045),
        pytest.param("Shiftmax, 8 bits", 1 / 16, marks=pytest.mark.long),
        pytest.param("Shiftmax, 16 bits", 1 / 64, marks=pytest.mark.long),
        pytest.param("TableSoftmax", 1 / 64, marks=pytest.mark.long),
        pytest.param("TableSoftmax", 0.69, marks=pytest.mark.long),
    ],
)
def test_shares_are_below_one_and_sum_to_one_and_grow_with_their_elements(name, scale):
    """What golden gives has the properties, and the hardware gives the same."""
    ours, rows = name == "TableSoftmax", softmax_traffic()
    if ours:
        one = 1 << ACCURATE.softmax.output_bits
        constants = {"slope": table_softmax_slope(ACCURATE.softmax, scale=scale)}
        shares = [table_softmax(ACCURATE.softmax, row, scale=scale).tolist() for row in rows]
    else:
        rule = OCTET if "8 bits" in name else IVIT.softmax
        one, rounding = 1 << (rule.output_bits - 1), rule.reciprocal_rounding
        constants = {"x0": -integer_reciprocal(scale, fraction_bits=rule.fraction_bits, rounding=rounding)}
        shares = [shiftmax(rule, row, scale=scale).tolist() for row in rows]
    for row, share in zip(rows, shares, strict=True):
        assert 0 <= min(share) <= max(share) < one
        assert np.diff(np.array(share)[np.argsort(row, kind="stable")]).min(initial=0) >= 0, row
        far = abs(sum(share) - one)
        # A row of one element gives one less than 1.0, which has no code.
        assert far * 512 <= max(len(row), 2) * one if ours else sum(share) <= one
    tied = Tied(SOFTMAX[name].build(lanes=LANES, max_length=66), **constants)
    inputs, outputs = list(beats(rows, LANES)), list(beats(shares, LANES))
    assert plays(tied, job_of(tied, inputs, outputs, seed=SEED)) is None


ENDS = [
    [127, -128],
    [-128, 127] * 12,
    [127] * 23 + [-128],
    [-128] * 24,
    [127] * 24,
    [126, 127],
    [-127, -128],
    [0, -1, 1],
]


@by_name(STATIONS)
def test_no_overflow_at_the_ends_of_int8_in_rows_back_to_back(name):
    rows = [*ENDS, *random_rows([1, LONGEST, 2])]
    assert through(STATIONS[name], rows) == golden_rows(STATIONS[name], rows)


@pytest.mark.parametrize("slope", [1, 8191, *(pytest.param(slope, marks=pytest.mark.long) for slope in (2, 8190))])
def test_no_overflow_at_the_ends_of_the_slope(slope):
    """Units in which one step is the least that is not 0, and in which 255 of them are 63 halvings and more."""
    rule = ACCURATE.softmax
    scale = slope * np.log(2) / (1 << rule.slope_fraction_bits)
    assert table_softmax_slope(rule, scale=scale) == slope

    async def before(ctx, unit):
        ctx.set(unit.constants.slope, slope)

    station = replace(
        softmax_station(rule), before=before, golden=lambda row: table_softmax(rule, row, scale=scale).tolist()
    )  # fmt: skip
    rows = [*ENDS, *random_rows([LONGEST, 3])]
    assert through(station, rows) == golden_rows(station, rows)


@pytest.mark.parametrize(("x0", "limit"), [(511, 128), (256, 255), (257, 255)])
def test_a_sum_that_passes_31_bits_by_one_element_saturates(x0, limit):
    """At the longest row that fits, beside it, and far beyond: each of so many gets one >> 16 by a reciprocal of 1."""
    one = x0 << 15
    assert limit * one <= 2**31 - 1 < (limit + 1) * one
    station = replace(softmax_station(IVIT.softmax), before=set_x0(IVIT.softmax, scale=1 / x0))
    rows = [[-3] * length for length in (limit, limit + 1, limit - 1, 300)]
    assert through(station, rows, lanes=4, max_length=300) == [[one >> 16] * len(row) for row in rows]


@pytest.mark.parametrize("maximum", ["row", "element"])
@pytest.mark.parametrize("x0", [255, *(pytest.param(x0, marks=pytest.mark.long) for x0 in (1, 2, 254))])
def test_no_overflow_of_gelus_two_exponentials(x0, maximum):
    """1.0 of 255 << 23 is 2**31 less 2**23: some sums fit 31 bits, and others, of greater exp(-m), do not."""
    rule = replace(IVIT.gelu, maximum=maximum)
    scale = 1 / (SIGMOID_SLOPE * (x0 - 0.5))
    station = Station(
        build=STATIONS[f"ShiftGelu, {maximum}"].build,
        golden=lambda row: shift_gelu(rule, row, scale=scale).tolist(),
        before=set_x0(rule, SIGMOID_SLOPE, scale),
    )
    rows = [[m, 0, -m - 1] for m in (*range(0, 128, 9), 127, 126, 2, 1)] + [[-1, -128], [-128], [-5, -6]]
    assert through(station, rows) == golden_rows(station, rows)


@pytest.mark.parametrize("bits", [2, 16, pytest.param(5, marks=pytest.mark.long)])
def test_no_overflow_at_the_ends_of_other_input_widths(bits):
    """I-ViT's softmax and GELU of inputs that are narrower and wider than int8."""
    least, greatest = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    rows = [[greatest, least], [least, least, least], [greatest] * 4, [0, -1, 1, greatest, least + 1], [least]]
    scale = 4 / greatest
    stations = [
        Station(
            build=lambda **sizes: Shiftmax(rule=IVIT.softmax, input_bits=bits, x0_bits=14, **sizes),
            golden=lambda row: shiftmax(IVIT.softmax, row, scale=scale).tolist(),
            before=set_x0(IVIT.softmax, scale=scale),
        )
    ]
    for rule in (replace(IVIT.gelu, fraction_bits=16), replace(ELEMENT, fraction_bits=16)):
        length = {"max_length": LONGEST} if rule.maximum == "row" else {}
        stations.append(
            Station(
                build=lambda *, lanes, max_length, rule=rule, length=length: ShiftGelu(
                    rule=rule, lanes=lanes, input_bits=bits, x0_bits=13, **length
                ),
                golden=lambda row, rule=rule: shift_gelu(rule, row, scale=scale).tolist(),
                before=set_x0(rule, SIGMOID_SLOPE, scale),
            )
        )
    for station in stations:
        assert through(station, rows, junk=greatest) == golden_rows(station, rows)


@pytest.mark.parametrize("name", ["NewtonNorm", "RootNorm", "RootNorm, RMS"])
def test_no_overflow_at_the_ends_of_16_bit_rows(name):
    """Sums of as many as there may be, of the greatest magnitude; and the least spread at either end."""
    station = {
        "NewtonNorm": newton_station(IVIT.layernorm, input_bits=16, bias=(2**31 - 1, -(2**31), 0)),
        "RootNorm": root_station(ACCURATE.layernorm, input_bits=16, gamma=[8.0, -8.0], beta=[0.0, 1.0]),
        "RootNorm, RMS": root_station(RMS, input_bits=16, gamma=[8.0, -8.0], beta=[0.0, 1.0]),
    }[name]
    least, greatest = -(1 << 15), (1 << 15) - 1
    rows = [
        [greatest, least] * 12,
        [greatest] * 23 + [least],
        [least] * 24,
        [greatest] * 24,
        [greatest] * 23 + [greatest - 1],
    ]
    rows += [[least] * 23 + [least + 1], [least, greatest], [greatest], [0, 1]]
    assert through(station, rows) == golden_rows(station, rows)


def test_no_overflow_at_the_ends_of_requantizations_widths():
    """33 bits times 31 and a sign, rounded at the last place that is left of it and one below, saturated one above."""
    unit = Requantize(lanes=1, in_bits=33, out_bits=8, multiplier_bits=31, ties="even")
    most, top = 2**31 - 1, 2**32 - 1
    cases = {
        (top, most, 63): 1, (top, most, 64): 0, (-(2**32), most, 63): -1, (-(2**32), -most, 62): 2, (top, -most, 56): -128,
        (-(2**32), -most, 56): 127, (-(2**32), most, 56): -128, (top, most, 57): 64, (-(2**32), -1, 25): 127,
        (-(2**32), 1, 25): -128, (-(2**32), 1, 33): 0, (-(2**32) + 1, 1, 32): -1, (top, 1, 33): 0, (2**31 + 1, 1, 32): 1,
        (2**31, 1, 32): 0, (top, most, 0): 127, (-(2**32), most, 0): -128,
    }  # fmt: skip
    fields = ("value", "multiplier", "shift")
    inputs = [{"elements": [dict(zip(fields, one, strict=True))], "keep": 1, "last": 1} for one in cases]
    given, _, _ = exchange(unit, inputs, len(inputs), look=lambda payload: payload.elements[0])
    assert dict(zip(cases, given, strict=True)) == cases
