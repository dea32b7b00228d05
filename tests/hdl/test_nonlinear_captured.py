"""What a real encoder's layer gives its softmax, GELU and LayerNorm, through the hardware: every output equal to golden."""

import numpy as np
import pytest

from bitmill.config.nonlinear import NormWidths
from bitmill.config.nonlinear.profiles import ACCURATE, IVIT
from bitmill.golden.nonlinear import (
    gelu_table,
    integer_reciprocal,
    norm_constants,
    piecewise,
    root_norm,
    shiftmax,
    table_softmax,
    table_softmax_slope,
)
from bitmill.hdl.gelu.piecewise_gelu import PiecewiseGelu
from bitmill.hdl.norm.root_norm import RootNorm
from bitmill.hdl.softmax.shiftmax import Shiftmax
from bitmill.hdl.softmax.table_softmax import TableSoftmax
from bitmill.models.captured.capture import committed_rows

from .loaded import Loaded
from .norm_traffic import as_rows, elements_of, set_constants
from .row_traffic import beats, exchange
from .tied import Tied, job_of, plays

LAYER = "layer 3"
ROWS = {(rows.function, rows.place): rows for rows in committed_rows()}
LANES = 4


def traffic(codes, masks, results):
    inputs = list(beats(codes.tolist(), LANES, masks, junk=99))
    wanted = beats(np.where(masks, results, 0).tolist(), LANES)
    return inputs, [{**given, "elements": row["elements"]} for given, row in zip(inputs, wanted, strict=True)]


@pytest.mark.parametrize("profile", [ACCURATE, IVIT], ids=lambda profile: profile.name)
def test_attention(profile):
    rows = ROWS["softmax", LAYER]
    assert rows.codes.shape == (48, 197)
    assert 0 < (~rows.mask).sum() < rows.mask.size
    codes = rows.codes.astype(np.int64)
    if profile is ACCURATE:
        rule = ACCURATE.softmax
        results = table_softmax(rule, codes, scale=rows.scale, mask=rows.mask)
        constants = {"slope": table_softmax_slope(rule, scale=rows.scale)}
        unit = TableSoftmax(rule=rule, lanes=LANES, max_length=197)
    else:
        rule = IVIT.softmax
        results = shiftmax(rule, codes, scale=rows.scale, mask=rows.mask)
        x0 = integer_reciprocal(rows.scale, fraction_bits=rule.fraction_bits, rounding=rule.reciprocal_rounding)
        constants = {"x0": -x0}
        unit = Shiftmax(rule=rule, lanes=LANES, max_length=197)
    tied = Tied(unit, **constants)
    assert plays(tied, job_of(tied, *traffic(codes, rows.mask, results))) is None


def test_gelu():
    rows = ROWS["gelu", LAYER]
    assert rows.codes.shape == (8, 1536)
    table = gelu_table(ACCURATE.gelu, scale=rows.scale)
    codes = rows.codes.astype(np.int64)
    loaded = Loaded(PiecewiseGelu(rule=ACCURATE.gelu, lanes=LANES), table)
    results = piecewise(ACCURATE.gelu, table, codes)
    assert plays(loaded, job_of(loaded, *traffic(codes, np.ones(codes.shape, dtype=bool), results))) is None


@pytest.mark.parametrize("part", ["attention", "feed-forward"])
def test_layernorm(part):
    rows = ROWS["layernorm", f"{LAYER}, after {part}"]
    codes = rows.codes[:2].astype(np.int64)
    widths = NormWidths(rule=ACCURATE.layernorm, input_bits=8, output_bits=8, max_length=384)
    constants = norm_constants(widths, gamma=rows.gamma, beta=rows.beta, output_scale=rows.output_scale)
    unit = RootNorm(widths=widths, lanes=16)
    inputs = list(beats(codes.tolist(), 16))
    results, _, _ = exchange(unit, inputs, len(inputs), look=elements_of, before=set_constants(unit, constants))
    assert as_rows(results, 16) == root_norm(constants, codes).tolist()
