"""Rows on which formulas say nothing or break down, through every hardware unit; expected numbers are derived by hand."""

from dataclasses import replace

import numpy as np
import pytest

from bitmill.config.nonlinear import ACCURATE, IVIT
from bitmill.hdl.rows.divider import Divider
from bitmill.hdl.rows.requantize import Requantize
from bitmill.hdl.rows.shift_exp import ShiftExp
from bitmill.hdl.softmax.reciprocal import Reciprocal

from .nonlinear_units import (
    BIAS,
    GELU,
    LANES,
    LONGEST,
    NORM,
    RMS,
    ROW_STATIONS,
    SOFTMAX,
    STATIONS,
    by_name,
    golden_rows,
    inputs_of,
    newton_station,
    nothing,
    root_station,
    seen,
    through,
)
from .row_traffic import exchange, run

SEED = 31

EQUAL = {
    1: (32760, 127, 255),  # 4095 * 8; 4095 / 32; one below 1.0
    2: (16376, 63, 128),  # 2047 * 8; 2047 / 32
    3: (10920, 42, 85),  # 1365 * 8
    127: (256, 1, 2),  # 4096 / 127 is 32
    128: (248, 0, 2),  # (2**31 - 1) // 2**26 is 31, and 31 / 32 is cut
    129: (248, 0, 2),
}
"""What each of so many equal elements gets: I-ViT's with 1.0 of ``2**19`` in 16 and 8 bits, ours of 256."""


def share_of(name, length):
    of_ivit, of_octet, ours = EQUAL[length]
    return {"Shiftmax, 16 bits": of_ivit, "Shiftmax, 8 bits": of_octet}.get(name, ours)


@pytest.mark.parametrize("name", SOFTMAX)
def test_equal_elements_share_alike(name):
    """Whatever their value; I-ViT's 8-bit output is 0 from 128 of them on."""
    cases = [(128, -128), (1, 5), (129, 127), (2, -1), (127, 0), (3, 77)]
    rows = [[value] * length for length, value in cases]
    got = through(SOFTMAX[name], rows, lanes=4, max_length=132)
    assert got == [[share_of(name, length)] * length for length, _ in cases]


@by_name(SOFTMAX)
def test_a_softmax_row_of_length_one_is_nearly_one(name):
    """And so is one element that is not masked, wherever it stands."""
    share = share_of(name, 1)
    rows = [[-128], [0], [127], list(range(-128, -119))]
    masks = [[True], [True], [True], np.arange(9) == 6]
    assert through(SOFTMAX[name], rows, masks) == [[share], [share], [share], [0] * 6 + [share] + [0] * 2]


@by_name(STATIONS)
def test_a_row_masked_altogether_is_zeros_and_the_next_one_is_right(name):
    """Of one beat, of the longest row, and twice in sequence."""
    station = STATIONS[name]
    rows = [[7] * 3, [5, -9, 40], [-128] * LONGEST, [127], [3, -77, 60, -128, 127]]
    masks = [np.full(len(row), number in (1, 4)) for number, row in enumerate(rows)]
    got = through(station, rows, masks, junk=-128)
    assert [got[0], got[2], got[3]] == [[0] * 3, [0] * LONGEST, [0]]
    assert got == golden_rows(station, rows, masks)


def test_ivits_gelu_of_a_row_whose_maximum_is_negative():
    """exp(-m) is shifted by far more than the fraction's bits; it saturates, and the greatest gets x * (x0 >> 1), x0 = 10."""
    station = GELU["ShiftGelu, row"]
    rows = [[-128], [-100, -128, -101], [-77] * 7, [-1], [-128, -1], [-30, -31]]
    got = through(station, rows)
    assert got[0] == [-640]
    assert got[1][0] == -500
    assert got[2] == [-77 * 5] * 7
    assert all(y <= 0 for row in got for y in row)
    assert got == golden_rows(station, rows)


@by_name(GELU)
def test_gelu_of_zeros_and_of_single_elements(name):
    station = GELU[name]
    rows = [[0] * 9, [0], [-128], [127], [1], [-1], [0, 0]]
    got = through(station, rows)
    assert [got[0], got[1], got[6]] == [[0] * 9, [0], [0, 0]]
    assert got == golden_rows(station, rows)


EQUAL_ROWS = [[value] * length for value in (-128, -1, 0, 77, 127) for length in (1, 2, 7, LONGEST)]


@pytest.mark.parametrize("steps", [10, 17, *(pytest.param(steps, marks=pytest.mark.long) for steps in (1, 16, 20))])
def test_newtons_layernorm_of_equal_elements_is_the_bias(steps):
    """V = 0: the root is 64 after ten steps, and 0 from the 17th on, by which nothing may be divided."""
    station = newton_station(replace(IVIT.layernorm, root_iterations=steps), per_cycle=31)
    assert through(station, EQUAL_ROWS[::3]) == [[BIAS] * len(row) for row in EQUAL_ROWS[::3]]


@pytest.mark.parametrize("epsilon", [0.0, 1e-5, 63.9])
def test_layernorm_of_equal_elements_is_beta(epsilon):
    """V = 0, with nothing beside it under the root, and with the greatest there is: 0.25 is 4 steps of 1/16."""
    station = root_station(ACCURATE.layernorm, epsilon=epsilon)
    rows = EQUAL_ROWS[::3] if epsilon else EQUAL_ROWS
    assert through(station, rows) == [[4] * len(row) for row in rows]


def test_rmsnorm_of_equal_elements_is_their_sign_and_of_zeros_is_beta():
    """Of equal elements the root mean square is their magnitude: plus or minus 16 steps, and 4 of beta."""
    station = root_station(RMS, epsilon=0.0)
    assert through(station, EQUAL_ROWS) == [[4 + 16 * int(np.sign(row[0]))] * len(row) for row in EQUAL_ROWS]


@pytest.mark.parametrize("name", ["NewtonNorm", "RootNorm"])
def test_layernorm_of_a_row_of_length_one_is_the_bias(name):
    """And so is one element that is not masked."""
    bias = {"NewtonNorm": BIAS, "RootNorm": 4}[name]
    rows = [[value] for value in (-128, -127, -1, 0, 1, 126, 127)] + [list(range(-4, 5))]
    masks = [[True]] * 7 + [np.arange(9) == 7]
    assert through(NORM[name], rows, masks) == [[bias]] * 7 + [[0] * 7 + [bias] + [0]]


BELOW_SQUARES = {(1, 1, -1, 0): 2, (2, -2): 3, (2, -2) * 3: 5, (6, -6, 2, -2): 9, (1, -1) * 4: 3}
"""Rows of mean 0 and the root of one more than the sum of their squares."""


def test_newton_goes_to_and_fro_where_v_is_one_below_a_square():
    """So the count of steps decides by which of two roots a row is divided."""
    outputs = []
    for steps in (24, 25):
        station = newton_station(replace(IVIT.layernorm, root_iterations=steps), bias=0, per_cycle=31)
        outputs.append(through(station, [list(row) for row in BELOW_SQUARES]))
    for (row, root), *found in zip(BELOW_SQUARES.items(), *outputs, strict=True):
        assert sum(x * x for x in row) == root * root - 1
        divided = [[(x * ((2**31 - 1) // k)) >> 1 for x in row] for k in (root - 1, root)]
        assert sorted(found) == sorted(divided), row


def test_ten_of_newtons_steps_have_not_converged_for_small_rows():
    """V = 2: ten halvings of 2**16 leave 64, and the quotients 2 // k add nothing."""
    assert through(newton_station(IVIT.layernorm, bias=0), [[1, -1]]) == [
        [(2**31 - 1) // 64 >> 1, -((2**31 - 1) // 64) >> 1]
    ]


SLOPES = np.array([1.0, -1.0, 0.0, 0.5, -0.75, -1.25, 0.0, -0.01])
SHIFTS = np.array([0.0, 0.5, -0.5, 0.25, -0.25, 1.0, 0.3, 0.0])


@pytest.mark.parametrize("rule", [ACCURATE.layernorm, RMS], ids=["LayerNorm", "RMSNorm"])
def test_normalization_with_negative_gammas_and_gammas_of_zero(rule):
    """Against the real function, in steps of 1/16; where gamma is 0, the rounded beta and nothing else."""
    rows = [row.tolist() for row in np.random.default_rng(SEED).integers(-128, 128, (4, 24))]
    got = np.array(through(root_station(rule, gamma=SLOPES, beta=SHIFTS), rows))
    x = np.array(rows, dtype=float)
    centred = x - (x.mean(axis=1, keepdims=True) if rule.centred else 0)
    real = centred / np.sqrt(np.square(centred).mean(axis=1, keepdims=True))
    assert np.abs(got - 16 * (np.tile(SLOPES, 3) * real + np.tile(SHIFTS, 3))).max() < 0.6
    assert got[:, 2::8].tolist() == [[-8] * 3] * 4
    assert got[:, 6::8].tolist() == [[5] * 3] * 4


def test_requantization_with_a_negative_multiplier_is_the_mirror_image():
    """I-ViT's negative gamma: halves to even know no sign. A multiplier of 0 gives 0 of anything."""
    rng = np.random.default_rng(SEED)
    values = [*rng.integers(-(2**32), 2**32, 3).tolist(), 2**32 - 1, 1 - 2**32, 0, 5, -5, 1, -1]
    unit = Requantize(lanes=3, in_bits=33, out_bits=16, multiplier_bits=31, ties="even")
    cases = [(m, e) for m in (2**31 - 1, 1, 2**30 + 12345) for e in (1, 40, 47, 62)]
    elements = [(z, sign * m, e) for z in values for m, e in cases for sign in (1, -1, 0)]
    triples = [elements[start : start + 3] for start in range(0, len(elements), 3)]
    fields = ("value", "multiplier", "shift")
    inputs = [
        {"elements": [dict(zip(fields, one, strict=True)) for one in triple], "keep": 7, "last": 1}
        for triple in triples
    ]
    given, _, _ = exchange(unit, inputs, len(inputs), look=lambda payload: list(payload.elements))
    for triple, (plus, minus, none) in zip(triples, given, strict=True):
        assert none == 0
        assert max(plus, -(2**15) + 1) == -minus or {plus, minus} == {2**15 - 1, -(2**15)}, triple


@pytest.mark.parametrize(("row", "wanted"), [([127, -128] * 8, [15, -7] * 8), ([1, 0] * 8, [4] * 16)])
def test_the_greatest_epsilon(row, wanted):
    """128**2 beside a variance of 127.5**2 makes 0.7057 of it, so 11.3 steps beside the 4 of beta, and nothing of a half."""
    station = NORM["RootNorm"]

    async def before(ctx, unit):
        await station.before(ctx, unit)
        ctx.set(unit.constants.epsilon, -1)

    assert through(replace(station, before=before), [row]) == [wanted]


X0_NAMES = [name for name in ROW_STATIONS if name.startswith("Shift")] + ["ShiftGelu, element"]


@pytest.mark.parametrize("name", [*X0_NAMES, "TableSoftmax"])
def test_a_constant_of_zero_is_no_reason_to_hang(name):
    """No scale has it; whatever comes out, it comes, and as much as went in."""
    station = STATIONS[name]
    rows = [[5, -3, 100], [0], [-128] * 9]
    assert [len(row) for row in through(replace(station, before=nothing), rows, stalls=0.3, seed=SEED)] == [3, 1, 9]


@by_name(ROW_STATIONS)
def test_a_row_that_is_too_long_is_cut_and_the_next_one_is_right(name):
    """By one element, by one beat, by a multiple; never a hang, never a wrap."""
    station = ROW_STATIONS[name]
    rng = np.random.default_rng(SEED)
    rows = [rng.integers(-128, 128, n).tolist() for n in (10, 5, 12, 9, 31, 3)]
    cut = [row[:9] for row in rows]
    unit = station.build(lanes=LANES, max_length=9)
    wanted = [beat["keep"] for beat in inputs_of(station, cut)]
    given, _, _ = exchange(
        unit, inputs_of(station, rows), len(wanted), look=seen, before=lambda ctx: station.before(ctx, unit)
    )  # fmt: skip
    assert [keep for _, keep, _ in given] == wanted
    kept = [x for elements, keep, _ in given for lane, x in enumerate(elements) if keep >> lane & 1]
    assert kept == [x for row in golden_rows(station, cut) for x in row]


def test_divisors_of_zero_and_the_ends_of_the_reciprocal():
    """All ones for 0, which is what a sum that nothing was added to gives; the next one is right."""
    given, _, _ = exchange(Reciprocal(), [0, 1, 2**31 - 1, 0, 2**30, 2], 6)
    assert given == [2**31 - 1, 2**31 - 1, 1, 2**31 - 1, 1, 2**30 - 1]
    divisions = [{"dividend": a, "divisor": b} for a, b in ((200, 0), (200, 7), (0, 0), (0, 5), (255, 255))]
    given, _, _ = exchange(
        Divider(dividend_bits=8, divisor_bits=8), divisions, 5, look=lambda p: (p.quotient, p.remainder)
    )  # fmt: skip
    assert given == [(255, 200), (28, 4), (255, 0), (0, 0), (1, 0)]


@pytest.mark.parametrize(("n", "x0_bits"), [(15, 9), (23, 8), (1, 12)])
@pytest.mark.parametrize("rises", [False, True])
def test_exponentials_of_nothing_and_of_the_farthest(n, x0_bits, rises):
    """exp(0) is x0 << n; what is farther below than n halvings is x0 and never 0, so that no sum is; far above it saturates."""
    unit, found = ShiftExp(fraction_bits=n, difference_bits=16, x0_bits=x0_bits, rises=rises), {}
    greatest = (1 << x0_bits) - 1
    cases = [(d, x0) for x0 in (1, 2, greatest) for d in (0, -(2**15), 2**15 - 1) if rises or d <= 0]

    async def bench(ctx):
        ctx.set(unit.enable, 1)
        for d, x0 in cases:
            ctx.set(unit.difference, d)
            ctx.set(unit.x0, x0)
            await ctx.tick().repeat(unit.LATENCY)
            found[d, x0] = ctx.get(unit.result)

    run(unit, bench)
    for (d, x0), result in found.items():
        if d == 0:
            assert result == x0 << n
        elif d < 0 and n * x0 < 2**15 * 23 // 16:
            assert result == x0
        elif d > 0 and 31 * x0 < (2**15 - 1) * 23 // 16:
            assert result == 2**31 - 1


def test_requantization_at_the_ends():
    """The least integer times the least multiplier is the greatest product; shifts beyond all bits leave nothing."""
    for ties in ("even", "up"):
        unit = Requantize(lanes=1, in_bits=8, out_bits=8, multiplier_bits=7, ties=ties)
        cases = {
            (-128, -127, 0): 127, (-128, 127, 0): -128, (-128, -127, 7): 127, (127, -127, 7): -126, (-128, -127, 255): 0,
            (-128, 127, 255): 0, (-1, 1, 16): 0, (127, 0, 0): 0, (-128, 0, 255): 0, (-128, 1, 0): -128, (-128, -1, 0): 127,
        }  # fmt: skip
        fields = ("value", "multiplier", "shift")
        inputs = [{"elements": [dict(zip(fields, one, strict=True))], "keep": 1, "last": 1} for one in cases]
        given, _, _ = exchange(unit, inputs, len(inputs), look=lambda payload: payload.elements[0])
        assert dict(zip(cases, given, strict=True)) == cases
