"""Shiftmax as Verilog and as a netlist: long rows with stalls and resets, against the golden model."""

from dataclasses import replace

import numpy as np
import pytest

from bitmill.config.nonlinear import PROFILES, ShiftmaxRule
from bitmill.golden.nonlinear import integer_reciprocal, shiftmax
from bitmill.hdl.softmax.shiftmax import Shiftmax

from .row_traffic import beats
from .tied import Tied, job_of, plays, plays_in_icarus

SEED = 55
RULE = PROFILES["ivit"].softmax
assert isinstance(RULE, ShiftmaxRule)


def traffic(unit, rows, masks, scale):
    inputs = list(beats(rows, unit.lanes, masks, junk=-128))
    softmax = [
        shiftmax(unit.rule, np.array(row), scale=scale, mask=mask).tolist()
        for row, mask in zip(rows, masks, strict=True)
    ]
    outputs = [
        {**given, "elements": expected["elements"]}
        for given, expected in zip(inputs, beats(softmax, unit.lanes), strict=True)
    ]
    return inputs, outputs


def everything(rule, *, lanes, lengths, scale, max_length=384):
    unit = Shiftmax(rule=rule, lanes=lanes, max_length=max_length)
    rng = np.random.default_rng(SEED)
    rows = [rng.integers(-128, 127, length, endpoint=True).tolist() for length in lengths]
    masks = [rng.random(length) < rng.choice([0.0, 0.5, 0.9, 1.0, 1.0]) for length in lengths]
    x0 = -integer_reciprocal(scale, fraction_bits=rule.fraction_bits, rounding=rule.reciprocal_rounding)
    tied = Tied(unit, x0=x0)
    return tied, job_of(tied, *traffic(unit, rows, masks, scale), seed=SEED, resets=(1, 7, 12))


LENGTHS = [384, 1, 64, 197, 2, 16, 17, 384, 15, 33]


@pytest.mark.parametrize(
    ("lanes", "ob", "scale", "kind"),
    [(16, 16, 0.045, None), (2, 8, 1 / 64, "generic"), pytest.param(16, 16, 0.045, "generic", marks=pytest.mark.long)],
)
def test_long_rows(lanes, ob, scale, kind):
    longest = 24 * lanes
    lengths = [min(length, longest) for length in LENGTHS]
    rule = replace(RULE, output_bits=ob)
    tied, job = everything(rule, lanes=lanes, lengths=lengths, scale=scale, max_length=longest)
    assert plays(tied, job, kind=kind) is None


def test_icarus_sees_no_unknowns():
    plays_in_icarus(*everything(RULE, lanes=3, lengths=[20, 1, 7, 12], scale=1 / 16, max_length=24))
