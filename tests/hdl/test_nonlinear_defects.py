"""Defects of public units: what ours must hold so as not to have them, and ours with each defect put in, which does not."""

import math

import numpy as np
import pytest
from amaranth import Array, Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring

from bitmill.config.nonlinear import ACCURATE, IVIT
from bitmill.hdl.norm import newton_norm, root_norm
from bitmill.hdl.rows import row_maximum
from bitmill.hdl.rows.exp_terms import ExpTerms
from bitmill.hdl.rows.requantize import Requantize
from bitmill.hdl.rows.row_sum import RowSum
from bitmill.hdl.softmax import shiftmax, table_lane, table_softmax
from bitmill.hdl.wires.adders import add
from bitmill.hdl.wires.greatest import greatest_of

from .nonlinear_units import (
    LANES,
    LONGEST,
    ROW_STATIONS,
    SCALE,
    SOFTMAX,
    STATIONS,
    Station,
    as_rows,
    by_name,
    golden_rows,
    inputs_of,
    newton_station,
    nothing,
    root_station,
    seen,
    through,
)
from .row_traffic import run

SEED = 17
UNITS_OF_1 = {"Shiftmax, 16 bits": 1 << 15, "Shiftmax, 8 bits": 1 << 7}
WIDE = ["Shiftmax, 16 bits", "TableSoftmax"]
"""One of each kind, where 8 bits say too little or where constants do not matter."""


def shares(name, rows, **arguments):
    return [np.array(row) / UNITS_OF_1.get(name, 1 << 8) for row in through(SOFTMAX[name], rows, **arguments)]


def gives_each_of_many_equals_its_share(name, count, *, lanes=8):
    (row,) = shares(name, [[-7] * count], lanes=lanes, max_length=count)
    return len(set(row)) == 1 and abs(row[0] - 1 / count) < 1 / 256


@pytest.mark.parametrize("name", WIDE)
def test_a_sum_of_2048_equals_does_not_wrap(name):
    """2048 exponentials of 256 are 2**19: a sum of 19 bits is 0 again."""
    assert gives_each_of_many_equals_its_share(name, 2048)


@pytest.mark.parametrize(
    ("name", "module", "sum_name", "bits"),
    [(WIDE[0], shiftmax, "grown", 19 + 3), (WIDE[1], table_softmax, "total_sum", 14 + 3)],
)
def test_a_sum_that_wraps_is_seen(name, module, sum_name, bits, monkeypatch):
    """Three bits above 1.0: eight equals."""

    def wraps(m, a, b, shape, *, name, **more):
        total = add(m, a, b, shape, name=name, **more)
        return Cat(total[:bits], Const(0, max(0, len(total) - bits))) if name == sum_name else total

    assert gives_each_of_many_equals_its_share(name, 8, lanes=2)
    monkeypatch.setattr(module, "add", wraps)
    assert gives_each_of_many_equals_its_share(name, 7, lanes=2)
    assert not gives_each_of_many_equals_its_share(name, 8, lanes=2)


def does_not_depend_on_order(station):
    row = np.random.default_rng(SEED).integers(-128, 128, 18)
    rising = np.argsort(row)
    orders = [np.roll(rising, place) for place in range(LANES)] + [rising[::-1], np.arange(18)]
    *others, plain = through(station, [row[order].tolist() for order in orders], stalls=0.2, seed=SEED)
    return all(other == [plain[place] for place in order] for other, order in zip(others, orders[:-1], strict=True))


def forgets_the_last(m, values, alive, *, name):
    return greatest_of(m, values[:-1], alive[:-1], name=name)


@by_name(ROW_STATIONS)
def test_results_do_not_depend_on_the_order_of_elements(name):
    assert does_not_depend_on_order(ROW_STATIONS[name])


@pytest.mark.parametrize("name", [*WIDE, "ShiftGelu, row"])
def test_a_result_that_depends_on_the_order_is_seen(name, monkeypatch):
    """The last lane's elements do not count for the maximum."""
    for module in (row_maximum, table_softmax):
        monkeypatch.setattr(module, "greatest_of", forgets_the_last)
    assert not does_not_depend_on_order(ROW_STATIONS[name])


def takes_rows_of_negative_numbers(name):
    """After a row whose maximum is great, and after none; moved by 128, what is negative is not so any more."""
    rows = [np.random.default_rng(SEED).integers(-128, -80, length) for length in (11, 3, 1)]
    rows = [rows[0], np.full(4, 127), *rows]
    moved = [row + 128 * (row < 0) for row in rows]
    got = shares(name, [row.tolist() for row in rows + moved])
    return all((low == high).all() for low, high in zip(got[: len(rows)], got[len(rows) :], strict=True))


@by_name(SOFTMAX)
def test_a_maximum_below_zero_is_a_maximum(name):
    assert takes_rows_of_negative_numbers(name)


@pytest.mark.parametrize("name", WIDE)
def test_a_running_maximum_that_is_reset_to_0_is_seen(name, monkeypatch):
    def at_least_0(m, values, alive, *, name):
        greatest = greatest_of(m, values, alive, name=name)
        return Mux(greatest < 0, 0, greatest).as_signed()

    monkeypatch.setattr(row_maximum, "greatest_of", at_least_0)
    monkeypatch.setattr(table_softmax, "LEAST", 0)
    assert not takes_rows_of_negative_numbers(name)


class WrappingRequantize(wiring.Component):
    """Keeps the lowest 8 bits of a result that has room for more."""

    def __init__(self, ties):
        shape = {"lanes": LANES, "in_bits": 11, "multiplier_bits": 7, "ties": ties}
        self.wide = Requantize(out_bits=16, **shape)
        members = Requantize(out_bits=8, **shape).signature.members
        super().__init__({name: members[name] for name in ("i", "o")})

    def elaborate(self, platform):
        m = Module()
        m.submodules.wide = wide = self.wide
        wiring.connect(m, wide.i, wiring.flipped(self.i))
        mine, its = self.o.payload, wide.o.payload
        m.d.comb += [self.o.valid.eq(wide.o.valid), wide.o.ready.eq(self.o.ready)]
        m.d.comb += [mine.keep.eq(its.keep), mine.last.eq(its.last)]
        m.d.comb += [mine.elements[lane].eq(its.elements[lane]) for lane in range(LANES)]
        return m


def requantization_saturates(unit):
    """By 47 / 127, which is about 0.37."""
    station = Station(
        build=lambda **_: unit,
        golden=lambda row: row,
        before=nothing,
        element=lambda x: {"value": x, "multiplier": 47, "shift": 7},
    )
    z = np.arange(-1000, 1001, 23)
    (row,) = through(station, [z.tolist()])
    return bool((np.abs(np.array(row) - np.clip(z * 47 / 128, -128, 127)) <= 0.5).all())


@pytest.mark.parametrize("ties", ["even", "up"])
def test_requantization_saturates(ties):
    """One that keeps the lowest 8 bits turns the greatest values into negative ones."""
    unit = Requantize(lanes=LANES, in_bits=11, out_bits=8, multiplier_bits=7, ties=ties)
    assert requantization_saturates(unit)
    assert not requantization_saturates(WrappingRequantize(ties))


def normalization_saturates():
    """Steps of 1/64 leave room for two standard deviations alone."""
    row = [100, -100] + [1, -1] * 7
    (got,) = through(root_station(ACCURATE.layernorm, beta=0.0, output_scale=1 / 64), [row])
    return got[:2] == [127, -128] and max(map(abs, got[2:])) <= 2


def test_normalization_saturates(monkeypatch):
    assert normalization_saturates()
    monkeypatch.setattr(root_norm, "saturated", lambda m, value, bits, *, name: value[:bits].as_signed())
    assert not normalization_saturates()


def test_a_share_of_all_saturates(monkeypatch):
    """One element's share is 256, which eight bits do not hold: 255, not 0."""
    assert through(SOFTMAX["TableSoftmax"], [[3]]) == [[255]]

    def wraps(m, rule, moved, *, name):
        halves = moved[rule.sum_fraction_bits - rule.output_bits - 1 :]
        return (halves[1:] + halves[0])[: rule.output_bits]

    monkeypatch.setattr(table_lane, "output", wraps)
    assert through(SOFTMAX["TableSoftmax"], [[3]]) == [[0]]


FAR = {
    "NewtonNorm": (newton_station(IVIT.layernorm, input_bits=16, bias=0), math.sqrt(64) / 2**30),
    "RootNorm": (root_station(ACCURATE.layernorm, input_bits=16, beta=0.0, max_length=64), 1 / 16),
}


def centres_rows_far_from_zero(name):
    station, unit = FAR[name]
    rows = np.random.default_rng(SEED).integers(-500, 500, (2, 64)) + np.array([[30_000], [-30_000]])
    real = (rows - rows.mean(axis=1, keepdims=True)) / rows.std(axis=1, keepdims=True)
    got = np.array(through(station, rows.tolist(), lanes=4, max_length=64))
    return bool(np.abs(got * unit - real).max() < 0.05)


@pytest.mark.parametrize("name", FAR)
def test_the_sum_behind_a_mean_of_16_bits_does_not_wrap(name, monkeypatch):
    """A sum in int16 wraps once a few elements have been added up."""

    class ShortSum(RowSum):
        def elaborate(self, platform):
            m = super().elaborate(platform)
            if self.greatest == (1 << 16) - 1:
                m.d.sync += self.total[16:].eq(0)
            return m

    assert centres_rows_far_from_zero(name)
    for module in (newton_norm, root_norm):
        monkeypatch.setattr(module, "RowSum", ShortSum)
    assert not centres_rows_far_from_zero(name)


def favours_the_greatest_element(name):
    rows = np.sort(np.random.default_rng(SEED).integers(-128, 128, (3, LONGEST)))
    got = np.array(shares(name, rows.tolist()))
    real = np.exp((rows - rows.max(axis=1, keepdims=True)) * SCALE)
    near = np.abs(got - real / real.sum(axis=1, keepdims=True)).max() < 0.1
    return bool((np.diff(got) >= 0).all() and near)


class GeluTerms(ExpTerms):
    """GELU's magnitude where the exponential belongs."""

    def elaborate(self, platform):
        m = Module()
        reals = [x * SCALE * (1 + math.erf(x * SCALE / math.sqrt(2))) / 2 for x in range(-256, 1)]
        table = Array(Const(round(-16 * real), len(self.significand)) for real in reals)
        difference = Signal.like(self.difference)
        with m.If(self.enable):
            m.d.sync += [difference.eq(self.difference), self.significand.eq(table[difference + 256])]
        return m


@by_name(SOFTMAX)
def test_the_exponential_of_softmax_is_not_gelu(name, monkeypatch):
    """One generator's heads hold GELU's code where the exponential's belongs: the maximum itself gets nothing."""
    assert favours_the_greatest_element(name)
    if name.startswith("Shiftmax"):
        monkeypatch.setattr(shiftmax, "ExpTerms", GeluTerms)
        assert not favours_the_greatest_element(name)


def patient(station, unit, rows, *, waits, pauses):
    """Rows through a sink that is not ready for ``waits`` cycles before it takes a beat, in turns, and then for one cycle
    alone, and a source that offers a beat ``pauses`` cycles after the one before.
    """
    inputs, found = inputs_of(station, rows), []

    async def bench(ctx):
        await station.before(ctx, unit)
        taken = pause = wait = quiet = 0
        held = None
        while len(found) < len(inputs):
            offers = taken < len(inputs) and pause >= pauses[taken % len(pauses)]
            takes = wait >= waits[len(found) % len(waits)]
            if offers:
                ctx.set(unit.i.payload, inputs[taken])
            ctx.set(unit.i.valid, offers)
            ctx.set(unit.o.ready, takes)
            sampled = await ctx.tick().sample(unit.i.ready, unit.o.valid, unit.o.payload)
            accepted, valid, payload = sampled[2:]
            assert held is None or (valid and seen(payload) == held), "an offer changed"
            held = seen(payload) if valid and not takes else None
            if valid and takes:
                found.append(seen(payload))
            quiet = 0 if valid or (offers and accepted) else quiet + 1
            assert quiet < 1000, "it hangs"
            taken, pause = (taken + 1, 0) if offers and accepted else (taken, pause + 1)
            wait = 0 if takes else wait + 1
        assert taken == len(inputs), "more came out than went in"

    run(unit, bench)
    return as_rows(found, rows, LANES)


ROWS = [[5, -100, 127, 3], [-128], [0] * 7, [1, 2, 3, 4, -5, 60]]
WAITS, PAUSES = [400, 0, 0, 37, 0, 5], [0, 0, 0, 0, 0, 41, 3]


@by_name(STATIONS)
def test_nothing_hangs_or_is_lost_where_the_output_stalls(name):
    """For longer than any row takes, for a while, for a moment; and where the source is the slow one."""
    station = STATIONS[name]
    unit = station.build(lanes=LANES, max_length=LONGEST)
    assert patient(station, unit, ROWS * 2, waits=WAITS, pauses=PAUSES) == golden_rows(station, ROWS * 2)


class Impatient(wiring.Component):
    """A unit that goes on whether its output is taken or not, or one that a stall of 100 cycles jams."""

    def __init__(self, unit, *, jams):
        self.unit = unit
        self.jams = jams
        super().__init__({name: unit.signature.members[name] for name in ("i", "o")})

    def elaborate(self, platform):
        m = Module()
        m.submodules.unit = unit = self.unit
        stalled = Signal(range(101))
        jammed = stalled == 100
        wiring.connect(m, unit.i, wiring.flipped(self.i))
        m.d.comb += [
            self.o.payload.eq(unit.o.payload),
            self.o.valid.eq(unit.o.valid & ~jammed),
            unit.o.ready.eq(self.o.ready & ~jammed if self.jams else 1),
        ]
        if self.jams:
            with m.If(~jammed):
                m.d.sync += stalled.eq(Mux(self.o.valid & ~self.o.ready, stalled + 1, 0))
        return m


@pytest.mark.parametrize(("jams", "failure"), [(False, "an offer changed"), (True, "an offer changed|it hangs")])
def test_a_unit_that_loses_beats_or_hangs_is_seen(jams, failure):
    station = STATIONS["Requantize, even"]
    unit = Impatient(station.build(lanes=LANES, max_length=LONGEST), jams=jams)
    with pytest.raises(AssertionError, match=failure):
        patient(station, unit, ROWS, waits=[120, 0], pauses=[0])
