"""LayerNorm with Newton's root as hardware, against golden."""

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest

from bitmill.config.nonlinear import PROFILES, NewtonWidths, RootNormRule
from bitmill.golden.nonlinear import layernorm
from bitmill.hdl.norm.layernorm import layer_norm
from bitmill.hdl.norm.newton_factors import NewtonFactors
from bitmill.hdl.norm.newton_norm import NewtonNorm
from bitmill.hdl.norm.root_norm import RootNorm

from .norm_traffic import as_rows, elements_of, errors_of, held_up, rows_of, run_reset
from .row_traffic import beats, exchange

SEED = 54
IVIT = PROFILES["ivit"].layernorm
FLOOR = replace(IVIT, mean_rounding="floor")


def unit_of(rule, lanes, bits, longest, **more):
    return NewtonNorm(widths=NewtonWidths(rule=rule, input_bits=bits, max_length=longest), lanes=lanes, **more)


def set_biases(unit, biases):
    async def before(ctx):
        for channel, bias in enumerate(biases.tolist()):
            ctx.set(unit.channels.enable, 1 << channel % unit.lanes)
            ctx.set(unit.channels.beat, channel // unit.lanes)
            ctx.set(unit.channels.constants, {"bias": bias})
            await ctx.tick()
        ctx.set(unit.channels.enable, 0)

    return before


def biases_of(longest, rng):
    biases = rng.integers(-(1 << 31), 1 << 31, longest)
    biases[: longest // 4] >>= 12
    biases[0], biases[longest // 2] = -(1 << 31), (1 << 31) - 1
    return biases


def golden(rule, row, biases):
    return layernorm(rule, row, bias=biases[: row.size]).tolist()


def known_rows(bits):
    """Whose spread is such that Newton's steps go to and fro, have not converged, or wrap elsewhere."""
    rows = [[1, -1, 0, 0, 0], [2, -2, 0], [1, 0, -1, 1, -1, 0, 0]]
    # V is 8, 2, 3, 15 and 24: squares less one, and the least ones.
    rows += [[2, -2], [1, -1], [1, 1, 1, -3, 0, 0], [3, -2, -1, -1, 0, 1], [2, 2, -2, -2, 2, -2], [1]]
    greatest = (1 << (bits - 1)) - 1
    rows += [
        [greatest, greatest, greatest, greatest - 1],
        [greatest] * 7,
        [-greatest - 1] * 6,
        [-greatest - 1, greatest],
    ]
    return [np.clip(row, -greatest - 1, greatest) for row in rows]


@pytest.mark.parametrize("stalls", [0.0, 0.4])
@pytest.mark.parametrize(
    ("rule", "lanes", "bits", "longest", "per_cycle"),
    [
        (IVIT, 4, 8, 24, 8), (FLOOR, 3, 8, 24, 4), (replace(IVIT, root_iterations=1), 8, 16, 16, 8),
        (replace(IVIT, root_iterations=20), 1, 16, 8, 8), (replace(FLOOR, root_iterations=17), 2, 2, 8, 8),
    ],
)  # fmt: skip
def test_rows_are_golden(rule, lanes, bits, longest, per_cycle, stalls):
    rng = np.random.default_rng(SEED)
    style = "logic" if lanes < 4 else "operator"
    unit = unit_of(rule, lanes, bits, longest, bits_per_cycle=per_cycle, multiplier=style)
    rows, biases = rows_of(bits, longest, rng) + known_rows(bits), biases_of(longest, rng)
    inputs = list(beats(rows, lanes, junk=-2))
    results, _, _ = exchange(
        unit, inputs, len(inputs), stalls=stalls, seed=SEED, look=elements_of, before=set_biases(unit, biases)
    )  # fmt: skip
    assert as_rows(results, lanes) == [golden(rule, row, biases) for row in rows]


def test_a_row_that_cannot_leave_keeps_its_factors():
    """Stalls at the output that are longer than what the next row takes to find its own."""
    rng = np.random.default_rng(SEED)
    unit, biases = unit_of(replace(IVIT, root_iterations=1), 4, 8, 8, bits_per_cycle=31), biases_of(8, rng)
    rows = [rng.integers(-128, 128, n) // int(rng.integers(1, 60)) for n in (8, 4, 3, 8, 1, 5, 8, 8, 2) * 3]
    results = held_up(unit, list(beats(rows, 4)), before=set_biases(unit, biases), seed=SEED)
    assert as_rows(results, 4) == [golden(unit.widths.rule, row, biases) for row in rows]


def test_a_mean_of_16_bit_extremes_does_not_wrap():
    unit = unit_of(IVIT, 4, 16, 1024, bits_per_cycle=8)
    rows = [np.full(1024, 32767), np.full(1024, -32768), np.where(np.arange(1024) % 512, 32767, -32768)]
    inputs = list(beats(rows, 4))
    results, _, _ = exchange(unit, inputs, len(inputs), look=elements_of)
    assert as_rows(results, 4) == [layernorm(IVIT, row).tolist() for row in rows]


@pytest.mark.parametrize(("rule", "lanes", "per_cycle"), [(IVIT, 4, 1), (FLOOR, 1, 3), (IVIT, 16, 4)])
def test_rows_take_what_is_promised(rule, lanes, per_cycle):
    rng = np.random.default_rng(SEED)
    unit = unit_of(rule, lanes, 8, 32, bits_per_cycle=per_cycle)
    rows, biases = [rng.integers(-128, 128, n) for n in (32, 5, 1, 32, 17)], biases_of(32, rng)
    rows[1][:] = 4
    inputs = list(beats(rows, lanes))
    results, taken, given = exchange(
        unit, inputs, len(inputs), look=elements_of, before=set_biases(unit, biases)
    )  # fmt: skip
    assert as_rows(results, lanes) == [golden(rule, row, biases) for row in rows]
    start, position = taken[0], 0
    for row in rows:
        count = -(-len(row) // lanes)
        mine = slice(position, position + count)
        position += count
        assert taken[mine] == list(range(start, start + count))
        first = start + 2 * count - 2 + unit.LATENCY
        assert given[mine] == list(range(first, first + count))
        start += 3 * count + unit.FIRST_GAP + unit.SECOND_GAP - 2


def test_a_row_that_is_too_long_is_cut_and_reported():
    rng = np.random.default_rng(SEED)
    rows, biases = [rng.integers(-128, 128, n) for n in (8, 13, 5)], biases_of(8, rng)
    unit = unit_of(IVIT, 2, 8, 8, bits_per_cycle=8)
    results, _, _ = exchange(unit, list(beats(rows, 2)), 11, look=elements_of, before=set_biases(unit, biases))
    assert as_rows(results, 2) == [golden(IVIT, row[:8], biases) for row in rows]
    assert errors_of(unit_of(IVIT, 2, 8, 8)) == [0, 0, 0, 1, 1, 1]


def test_what_is_masked_takes_no_part_wherever_it_stands():
    rng = np.random.default_rng(SEED)
    unit = unit_of(IVIT, 4, 8, 16, bits_per_cycle=8)
    rows, biases = [rng.integers(-128, 128, n) for n in (16, 9, 4, 12, 1)], biases_of(16, rng)
    masks = [rng.random(row.size) < 0.6 for row in rows]
    masks[2][:] = False
    inputs = list(beats(rows, 4, masks, junk=93))
    results, _, _ = exchange(unit, inputs, len(inputs), look=elements_of, before=set_biases(unit, biases))
    wanted = [
        layernorm(IVIT, row[mask], bias=biases[: row.size][mask]).tolist() if mask.any() else []
        for row, mask in zip(rows, masks, strict=True)
    ]
    assert as_rows(results, 4) == wanted


@pytest.mark.parametrize("moment", [2, 6, 9, 12, 14, 20, 60, 73, 76, 78])
def test_reset_in_the_middle_of_a_row(moment):
    rng = np.random.default_rng(SEED)
    unit, biases = unit_of(IVIT, 2, 8, 8, bits_per_cycle=8), biases_of(8, rng)
    first, second = (list(beats([rng.integers(-128, 128, n)], 2)) for n in (8, 6))
    found = run_reset(unit, first * 9, moment, second, before=set_biases(unit, biases))
    row = np.array([x for beat in second for x in beat["elements"]])
    assert as_rows(found, 2) == [golden(IVIT, row, biases)]


def test_the_rule_chooses_the_unit():
    assert isinstance(layer_norm(rule=IVIT, lanes=2, max_length=8), NewtonNorm)
    assert isinstance(layer_norm(rule=RootNormRule(), lanes=2, max_length=8), RootNorm)
    with pytest.raises(TypeError, match="layer_norm rule must be a LayerNormRule or a RootNormRule, not 'x'"):
        layer_norm(rule=cast(Any, "x"), lanes=2, max_length=8)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"widths": "x"}, TypeError, "NewtonNorm widths must be a NewtonWidths, not 'x'"),
        ({"lanes": 0}, ValueError, "NewtonNorm lanes must be an integer of at least 1, not 0"),
        ({"multiplier": 1}, ValueError, "NewtonNorm multiplier must be 'logic' or 'operator', not 1"),
        ({"lanes": 3}, ValueError, "NewtonNorm lanes must divide max_length 8, not 3"),
        ({"bits_per_cycle": 0}, ValueError, "Divider bits_per_cycle must be from 1 to 31, not 0"),
    ],
)
def test_init_errors(arguments, error, message):
    widths = NewtonWidths(rule=IVIT, input_bits=8, max_length=8)
    with pytest.raises(error, match=message):
        NewtonNorm(**{"widths": widths, "lanes": 2} | arguments)


def test_factors_init_error():
    with pytest.raises(TypeError, match="NewtonFactors widths must be a NewtonWidths, not 3"):
        NewtonFactors(widths=cast(Any, 3), total_bits=4)
