"""The integer-only non-linear units that a mutant must still elaborate, and the functions that must still run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from amaranth.lib import wiring

from bitmill.config.nonlinear import (
    ACCURATE,
    IVIT,
    PROFILES,
    ClippedSoftmaxRule,
    ExactRootLayerNormRule,
    LayerNormRule,
    Log2SoftmaxRule,
    NewtonWidths,
    NormWidths,
    PiecewiseGeluRule,
    RootNormRule,
    TableSoftmaxRule,
)
from bitmill.golden.nonlinear import (
    causal_mask,
    clip_softmax,
    dyadic,
    ita_gelu,
    ita_softmax,
    log2_softmax,
    norm_constants,
    norm_error,
    padding_mask,
    requantize,
)
from bitmill.golden.norm.newton_constants import layernorm_constants
from bitmill.golden.rows import dispatch
from bitmill.golden.rows.constants import gelu_constants, softmax_constants
from bitmill.hdl.gelu.piecewise_gelu import PiecewiseGelu
from bitmill.hdl.gelu.shift_gelu import ShiftGelu
from bitmill.hdl.gelu.table_gelu import TableGelu
from bitmill.hdl.norm.layernorm import layer_norm
from bitmill.hdl.norm.newton_norm import NewtonNorm
from bitmill.hdl.norm.root_norm import RootNorm
from bitmill.hdl.rows.pipelined_divider import PipelinedDivider
from bitmill.hdl.rows.requantize import Requantize
from bitmill.hdl.rows.shift_exp import ShiftExp
from bitmill.hdl.softmax.shiftmax import Shiftmax
from bitmill.hdl.softmax.table_softmax import TableSoftmax

LANES, LENGTH, SCALE = 2, 6, 1 / 16
ROWS = np.array([[-128, -1, 0, 5, 90, 127], [3, 3, 3, 3, 3, 3]])


def components() -> Iterator[wiring.Component]:
    """Small units of every kind: each rule's choices, and constants that are inputs or fixed."""
    yield Shiftmax(rule=IVIT.softmax, lanes=LANES, max_length=LENGTH)
    yield ShiftGelu(rule=IVIT.gelu, lanes=LANES, max_length=LENGTH)
    yield ShiftGelu(rule=replace(IVIT.gelu, maximum="element"), lanes=LANES)
    yield from (ShiftExp(fraction_bits=4, difference_bits=9, x0_bits=6, rises=rises) for rises in (False, True))
    yield PipelinedDivider(dividend=255, divisor_bits=8, quotient_bits=6)
    yield layer_norm(rule=IVIT.layernorm, lanes=LANES, max_length=LENGTH)
    floored = LayerNormRule(mean_rounding="floor", root_iterations=3)
    widths = NewtonWidths(rule=floored, input_bits=4, max_length=LENGTH)
    yield NewtonNorm(widths=widths, lanes=1, bits_per_cycle=3, multiplier="operator")
    yield layer_norm(rule=ACCURATE.layernorm, lanes=LANES, max_length=LENGTH)
    for rule in (RootNormRule(centred=False), RootNormRule(ties="even", shift_bits=0)):
        exact = NormWidths(rule=rule, input_bits=4, output_bits=6, max_length=LENGTH)
        yield RootNorm(widths=exact, lanes=LANES, multiplier="operator")
    yield from (
        TableSoftmax(rule=ACCURATE.softmax, lanes=LANES, max_length=LENGTH, slope=slope) for slope in (None, 90)
    )
    yield from (PiecewiseGelu(rule=ACCURATE.gelu, lanes=LANES, table=table) for table in ("registers", "memory"))
    yield TableGelu(lanes=LANES, outputs=range(-128, 128))
    yield Requantize(lanes=LANES, in_bits=33, out_bits=8, ties="even")
    yield Requantize(lanes=1, in_bits=12, out_bits=4, multiplier_bits=7, ties="up", shift_bits=4)


def run() -> None:
    """Every function of golden by every profile."""
    for profile in PROFILES.values():
        shares, unit = dispatch.softmax(profile.softmax, ROWS, scale=SCALE, mask=padding_mask([LENGTH, 2], LENGTH))
        multiplier, shift = dyadic(unit * 100)
        requantize(shares, multiplier=multiplier, shift=shift, bits=8, ties=profile.ties)
        dispatch.gelu(profile.gelu, ROWS, scale=SCALE)
        dispatch.layernorm(profile.layernorm, ROWS, gamma=[1.0, -0.5] * 3, beta=[0.25, 0.0] * 3)
        softmax_constants(profile.softmax, scale=SCALE, longest_row=LENGTH, output_scale=1 / 255)
        gelu_constants(profile.gelu, scale=SCALE, output_scale=SCALE)
        if isinstance(profile.layernorm, LayerNormRule | ExactRootLayerNormRule):
            layernorm_constants(profile.layernorm, gamma=[1.0, -0.5], beta=[0.25, 0.0], output_scale=SCALE)
        if not isinstance(profile.softmax, TableSoftmaxRule):
            log2_softmax(profile.softmax, ROWS, scale=SCALE, codes=Log2SoftmaxRule())
        assert isinstance(profile.gelu, PiecewiseGeluRule) == isinstance(profile.softmax, TableSoftmaxRule)
    clip_softmax(ClippedSoftmaxRule(), [[0, 90, 255]], one=255)
    causal_mask(2, LENGTH)
    ita_softmax(ROWS, multiplier=3, shift=6)
    ita_gelu(ROWS, scale=SCALE, output_scale=SCALE)
    widths = NormWidths(rule=RootNormRule(centred=False), input_bits=8, output_bits=8, max_length=LENGTH)
    layer = {"gamma": [1.0, -0.5], "beta": [0.25, 0.0], "output_scale": SCALE}
    norm_error(
        norm_constants(widths, **layer, input_scale=SCALE, epsilon=1e-5), **layer, input_scale=SCALE, epsilon=1e-5
    )
