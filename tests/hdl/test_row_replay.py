"""Rows that are shown several times: every pass complete, in order, as fast as promised; rows that are too long are cut."""

import pytest
from amaranth import ResetInserter, Signal, signed

from bitmill.hdl.rows.row_replay import RowReplay

from .row_traffic import beats, drive, exchange, run

SEED = 51
LANES = 3


def rows_of(lengths):
    """Rows whose elements are all different."""
    numbers = iter(range(1 << 20))
    return [[next(numbers) % 251 - 125 for _ in range(length)] for length in lengths]


def seen(payload):
    beat = payload.beat
    return (payload.turn, tuple(beat.elements[lane] for lane in range(len(beat.elements))), beat.keep, beat.last)


def expected(rows, lanes, passes):
    out = []
    for row in rows:
        whole = list(beats([row], lanes, junk=-1))
        out += [(turn, tuple(b["elements"]), b["keep"], b["last"]) for turn in range(passes) for b in whole]
    return out


def replay(unit, rows, *, stalls=0.0, delay=1):
    """What comes out if ``proceed`` is high ``delay`` cycles after the end of a pass, or, with stalls, in every third cycle."""
    due = []

    def proceed(arrived, cycle):
        if arrived is not None and arrived.beat.last and arrived.turn < unit.passes - 1:
            due.append(cycle + delay - 1)
        return (cycle in due) if stalls == 0 else cycle % 3 == 0

    wanted = expected(rows, unit.lanes, unit.passes)
    return exchange(
        unit, beats(rows, unit.lanes, junk=-1), len(wanted), stalls=stalls, seed=SEED, look=seen, proceed=proceed
    )


def build(lanes=LANES, depth=8, passes=3):
    return RowReplay(lanes=lanes, shape=signed(8), depth=depth, passes=passes)


@pytest.mark.parametrize("stalls", [0.0, 0.3, 0.7])
@pytest.mark.parametrize(("lanes", "depth", "passes"), [(3, 8, 3), (1, 5, 2), (4, 7, 4), (2, 1, 2)])
def test_each_row_is_shown_as_often_as_asked(lanes, depth, passes, stalls):
    lengths = [1, lanes * depth, 1, 1, lanes, lanes + 1, lanes * depth - 1, 2, lanes * depth, 3 * lanes]
    rows = rows_of([min(length, lanes * depth) for length in lengths])
    got, _, _ = replay(build(lanes, depth, passes), rows, stalls=stalls)
    assert got == expected(rows, lanes, passes)


@pytest.mark.parametrize("delay", [1, 2, 9])
def test_a_row_takes_its_passes_and_the_gaps_between_them(delay):
    lengths = [24, 1, 3, 4, 22, 1, 24]
    unit = build()
    _, taken, given = replay(unit, rows_of(lengths), delay=delay)
    counts = [-(-length // LANES) for length in lengths]
    times, start = [], unit.LATENCY
    for count in counts:
        for turn in range(3):
            times += range(start, start + count)
            start += count + (unit.GAP + delay - 1 if turn < 2 else 0)
    assert given == times
    # The next row is taken while the last beat is offered.
    first_beats = [sum(counts[:number]) for number in range(len(counts))]
    row_times = [3 * count + 2 * (unit.GAP + delay - 1) for count in counts]
    assert [taken[first] for first in first_beats] == [sum(row_times[:number]) for number in range(len(counts))]


def test_proceed_before_the_end_of_a_pass_is_not_taken_for_the_word():
    unit, offers = build(), []

    async def bench(ctx):
        ctx.set(unit.proceed, 1)
        for payload in beats(rows_of([6]), LANES):
            ctx.set(unit.i.valid, 1)
            ctx.set(unit.i.payload, payload)
            ctx.set(unit.o.ready, 1)
            await ctx.tick()
        ctx.set(unit.i.valid, 0)
        await ctx.tick()
        # The last beat is taken at this edge; the word is withdrawn in time.
        ctx.set(unit.proceed, 0)
        for _ in range(10):
            _, _, valid = await ctx.tick().sample(unit.o.valid)
            offers.append(valid)

    run(unit, bench)
    assert not any(offers)


@pytest.mark.parametrize("stalls", [0.0, 0.4])
@pytest.mark.parametrize("beyond", [1, LANES, 5 * LANES, 100 * LANES])
def test_a_row_that_is_too_long_is_cut_and_the_next_one_is_whole(beyond, stalls):
    rows = rows_of([4, 8 * LANES + beyond, 5, 8 * LANES])
    wanted = expected([row[: 8 * LANES] for row in rows], LANES, 3)
    got, _, _ = exchange(
        build(), beats(rows, LANES, junk=-1), len(wanted), stalls=stalls, seed=SEED, look=seen, proceed=lambda *_: 1
    )
    assert got == wanted


async def driven(ctx, unit, rows, cycles):
    ctx.set(unit.proceed, 1)
    return await drive(ctx, unit, beats(rows, LANES, junk=-1), cycles, seen)


async def restart(ctx, reset):
    ctx.set(reset, 1)
    await ctx.tick()
    ctx.set(reset, 0)


def test_the_error_of_a_cut_row_stays_until_reset():
    unit, reset = build(depth=2), Signal()

    async def bench(ctx):
        assert not (await driven(ctx, unit, rows_of([2 * LANES, 2 * LANES]), 29))[1]
        assert not (await driven(ctx, unit, rows_of([2 * LANES + 1]), 1))[1]
        assert (await driven(ctx, unit, rows_of([2 * LANES + 1]), 1))[1]
        assert (await driven(ctx, unit, rows_of([1]), 50))[1]
        await restart(ctx, reset)
        got, error = await driven(ctx, unit, rows_of([2 * LANES]), 40)
        assert got == expected(rows_of([2 * LANES]), LANES, 3)
        assert not error

    run(ResetInserter(reset)(unit), bench)


@pytest.mark.parametrize("length", [20, 30])
@pytest.mark.parametrize("cycles", range(1, 32))
def test_after_a_reset_in_mid_row_the_next_row_is_whole(cycles, length):
    rows = rows_of([length, 7])
    unit, reset = build(), Signal()

    async def bench(ctx):
        await driven(ctx, unit, rows[:1], cycles)
        await restart(ctx, reset)
        got, _ = await driven(ctx, unit, rows[1:], 30)
        assert got == expected(rows[1:], LANES, 3)

    run(ResetInserter(reset)(unit), bench)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("lanes", 0, "RowReplay lanes must be an integer of at least 1, not 0"),
        ("depth", 2.5, "RowReplay depth must be an integer of at least 1, not 2.5"),
        ("depth", True, "RowReplay depth must be an integer of at least 1, not True"),
        ("passes", 1, "RowReplay passes must be an integer of at least 2, not 1"),
    ],
)
def test_init_wrong_arguments(name, value, message):
    with pytest.raises(ValueError, match=message):
        RowReplay(**{"lanes": 1, "shape": signed(8), "depth": 4, "passes": 2, name: value})
