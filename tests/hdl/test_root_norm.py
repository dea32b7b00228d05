"""LayerNorm and RMSNorm with an exact root as hardware, against golden."""

from dataclasses import replace

import numpy as np
import pytest

from bitmill.config.nonlinear import NormWidths, RootNormRule
from bitmill.golden.nonlinear import NormConstants, root_norm
from bitmill.hdl.norm.root_norm import RootNorm

from .norm_traffic import as_rows, elements_of, errors_of, held_up, rows_of, run_reset, set_constants
from .row_traffic import beats, exchange

SEED = 52
LAYER, RMS = RootNormRule(), RootNormRule(centred=False)
FINE = RootNormRule(
    ties="even", root_fraction_bits=14, factor_guard_bits=15, normalized_fraction_bits=13, multiplier_bits=24, shift_bits=2
)  # fmt: skip
ROUGH = RootNormRule(
    ties="even", root_fraction_bits=2, epsilon_fraction_bits=0, factor_guard_bits=1, normalized_fraction_bits=1,
    multiplier_bits=3, shift_bits=0,
)  # fmt: skip


def constants_of(widths, rng, *, epsilon=0):
    """Channels of every kind: gamma 0, at both ends, of either sign, and biases that saturate."""
    channels, top, top_bias = widths.max_length, 1 << (widths.rule.multiplier_bits - 1), 1 << (widths.bias_bits - 1)
    multiplier = rng.integers(-top, top, channels)
    multiplier[rng.random(channels) < 0.1] = 0
    multiplier[rng.random(channels) < 0.05] = -top
    bias = (rng.integers(-top_bias, top_bias, channels) * rng.choice([0.001, 0.05, 1], channels)).astype(np.int64)
    shift = int(rng.integers(widths.least_shift, widths.greatest_shift + 1))
    return NormConstants(widths=widths, multiplier=multiplier, bias=bias, shift=shift, epsilon=epsilon)


def golden(constants, row):
    row = np.asarray(row)
    part = replace(constants, multiplier=constants.multiplier[: row.size], bias=constants.bias[: row.size])
    return root_norm(part, row).tolist()


@pytest.mark.parametrize("stalls", [0.0, 0.4])
@pytest.mark.parametrize(
    ("rule", "lanes", "bits", "out", "longest"),
    [
        (LAYER, 4, 8, 8, 24), (LAYER, 1, 8, 8, 7), (RMS, 3, 8, 8, 12), (LAYER, 2, 16, 8, 10), (FINE, 4, 16, 16, 16),
        (ROUGH, 2, 2, 2, 4),
        pytest.param(replace(FINE, centred=False), 5, 16, 12, 25, marks=pytest.mark.long),
        pytest.param(LAYER, 16, 8, 8, 64, marks=pytest.mark.long),
    ],
)  # fmt: skip
def test_rows_are_golden(rule, lanes, bits, out, longest, stalls):
    rng = np.random.default_rng(SEED)
    widths = NormWidths(rule=rule, input_bits=bits, output_bits=out, max_length=longest)
    for epsilon in (0, int(rng.integers(1 << widths.epsilon_bits)) >> int(rng.integers(widths.epsilon_bits))):
        constants = constants_of(widths, rng, epsilon=epsilon)
        rows = rows_of(widths.input_bits, widths.max_length, rng)
        inputs = list(beats(rows, lanes, junk=-1))
        # The styles are the same function of each lane, see test_square.py; one takes longer to simulate.
        unit = RootNorm(widths=widths, lanes=lanes, multiplier="logic" if lanes < 4 else "operator")
        results, _, _ = exchange(
            unit, inputs, len(inputs), stalls=stalls, seed=SEED, look=elements_of, before=set_constants(unit, constants)
        )  # fmt: skip
        assert as_rows(results, lanes) == [golden(constants, row) for row in rows]


@pytest.mark.parametrize(
    ("rule", "lanes", "bits", "longest"), [(LAYER, 4, 8, 32), (LAYER, 1, 8, 6), (RMS, 2, 16, 12), (ROUGH, 8, 8, 16)]
)
def test_rows_take_what_is_promised(rule, lanes, bits, longest):
    """Two cycles a beat and a gap that no row's length or content changes, the row behind at once."""
    rng = np.random.default_rng(SEED)
    widths = NormWidths(rule=rule, input_bits=bits, output_bits=8, max_length=longest)
    unit = RootNorm(widths=widths, lanes=lanes)
    rows = [
        row[: max(1, longest // part)]
        for part, row in zip((1, 3, 1, 2, 9, 1, 1), rows_of(widths.input_bits, widths.max_length, rng), strict=False)
    ]
    rows += [np.zeros(longest, dtype=int), np.ones(1, dtype=int), rows[0]]
    inputs = list(beats(rows, lanes))
    constants = constants_of(widths, rng)
    results, taken, given = exchange(
        unit, inputs, len(inputs), look=elements_of, before=set_constants(unit, constants)
    )  # fmt: skip
    assert as_rows(results, lanes) == [golden(constants, row) for row in rows]
    start, position = taken[0], 0
    for row in rows:
        count = -(-len(row) // lanes)
        mine = slice(position, position + count)
        position += count
        assert taken[mine] == list(range(start, start + count))
        first = start + count - 1 + unit.LATENCY
        assert given[mine] == list(range(first, first + count))
        start += 2 * count + unit.GAP - 1


def test_a_row_that_cannot_leave_keeps_its_factors():
    """Stalls at the output that are longer than what the next row takes to find its own."""
    rng = np.random.default_rng(SEED)
    widths = NormWidths(rule=ROUGH, input_bits=8, output_bits=8, max_length=8)
    unit, constants = RootNorm(widths=widths, lanes=4), constants_of(widths, rng)
    rows = [rng.integers(-128, 128, n) // int(rng.integers(1, 60)) for n in (8, 4, 3, 8, 1, 5, 8, 8, 2) * 3]
    results = held_up(unit, list(beats(rows, 4)), before=set_constants(unit, constants), seed=SEED)
    assert as_rows(results, 4) == [golden(constants, row) for row in rows]


def test_a_row_that_is_too_long_is_cut_and_reported():
    rng = np.random.default_rng(SEED)
    widths = NormWidths(rule=LAYER, input_bits=8, output_bits=8, max_length=8)
    unit = RootNorm(widths=widths, lanes=2)
    constants = constants_of(widths, rng)
    rows = [rng.integers(-128, 128, n) for n in (8, 13, 5)]
    results, _, _ = exchange(
        unit, list(beats(rows, 2)), 4 + 4 + 3, look=elements_of, before=set_constants(unit, constants), stalls=0.2, seed=SEED
    )  # fmt: skip
    assert as_rows(results, 2) == [golden(constants, row[:8]) for row in rows]
    assert errors_of(RootNorm(widths=widths, lanes=2)) == [0, 0, 0, 1, 1, 1]


def test_what_is_masked_takes_no_part_wherever_it_stands():
    rng = np.random.default_rng(SEED)
    widths = NormWidths(rule=LAYER, input_bits=8, output_bits=8, max_length=16)
    unit = RootNorm(widths=widths, lanes=4)
    constants = constants_of(widths, rng, epsilon=77)
    rows = [rng.integers(-128, 128, n) for n in (16, 9, 4, 12, 1)]
    masks = [rng.random(row.size) < 0.6 for row in rows]
    masks[2][:] = False
    inputs = list(beats(rows, 4, masks, junk=93))
    results, _, _ = exchange(unit, inputs, len(inputs), look=elements_of, before=set_constants(unit, constants))
    wanted = []
    for row, mask in zip(rows, masks, strict=True):
        channels = np.flatnonzero(mask)
        part = replace(constants, multiplier=constants.multiplier[channels], bias=constants.bias[channels])
        wanted.append(root_norm(part, row[mask]).tolist() if mask.any() else [])
    assert as_rows(results, 4) == wanted


@pytest.mark.parametrize("moment", [1, 3, 20, 80, 88, 90, 91, 95])
def test_reset_in_the_middle_of_a_row(moment):
    """In each of the passes and between them; the row after it is whole."""
    rng = np.random.default_rng(SEED)
    widths = NormWidths(rule=LAYER, input_bits=8, output_bits=8, max_length=8)
    unit = RootNorm(widths=widths, lanes=2)
    constants = constants_of(widths, rng)
    first, second = (list(beats([rng.integers(-128, 128, n)], 2)) for n in (8, 6))
    found = run_reset(unit, first * 9, moment, second, before=set_constants(unit, constants))
    row = [x for beat in second for x in beat["elements"]]
    assert as_rows(found, 2) == [golden(constants, row)]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"widths": "x"}, TypeError, "RootNorm widths must be a NormWidths, not 'x'"),
        ({"lanes": 0}, ValueError, "RootNorm lanes must be an integer of at least 1, not 0"),
        ({"lanes": True}, ValueError, "RootNorm lanes must be an integer of at least 1, not True"),
        ({"multiplier": "dsp"}, ValueError, "RootNorm multiplier must be 'logic' or 'operator', not 'dsp'"),
        ({"lanes": 3}, ValueError, "RootNorm lanes must divide max_length 8, not 3"),
    ],
)
def test_init_errors(arguments, error, message):
    widths = NormWidths(rule=LAYER, input_bits=8, output_bits=8, max_length=8)
    with pytest.raises(error, match=message):
        RootNorm(**{"widths": widths, "lanes": 2} | arguments)
