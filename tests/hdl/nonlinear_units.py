"""Every hardware unit that takes rows, under a name: how it is built, what its other inputs are, what golden makes of a row."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from bitmill.config.nonlinear import ACCURATE, IVIT, NewtonWidths, NormWidths, RootNormRule
from bitmill.golden.gelu.shift_gelu import SIGMOID_SLOPE
from bitmill.golden.nonlinear import (
    NormConstants,
    gelu_table,
    integer_reciprocal,
    layernorm,
    norm_constants,
    piecewise,
    requantize,
    root_norm,
    shift_gelu,
    shiftmax,
    table_softmax,
    table_softmax_slope,
)
from bitmill.hdl.gelu.piecewise_gelu import PiecewiseGelu
from bitmill.hdl.gelu.shift_gelu import ShiftGelu
from bitmill.hdl.gelu.table_gelu import TableGelu
from bitmill.hdl.norm.newton_norm import NewtonNorm
from bitmill.hdl.norm.root_norm import RootNorm
from bitmill.hdl.rows.requantize import Requantize
from bitmill.hdl.softmax.shiftmax import Shiftmax
from bitmill.hdl.softmax.table_softmax import TableSoftmax

from .row_traffic import beats, exchange

SCALE = 1 / 16
LANES, LONGEST = 3, 24
BIAS = 12345
"""Of all channels of ``NewtonNorm``."""
OCTET = replace(IVIT.softmax, output_bits=8)
ELEMENT = replace(IVIT.gelu, maximum="element")
RMS = RootNormRule(centred=False)
LINES = gelu_table(ACCURATE.gelu, scale=SCALE)
CODES = tuple(round(x * (1 + math.erf(x * SCALE / math.sqrt(2))) / 2) for x in range(-128, 128))
MULTIPLIER, SHIFT = -89, 6
"""Of ``Requantize``: -1.39, with which int8 saturate on both sides."""


@dataclass(frozen=True, kw_only=True)
class Station:
    """A unit that takes rows.

    Attributes
    ----------
    build
        A new unit, given ``lanes`` and ``max_length``; ``scale`` is that of ``SCALE``.
    golden
        Outputs of the elements that a row keeps, from these elements.
    before
        A coroutine function, of a simulation's context and the unit, that sets the inputs beside the rows.
    element
        What stands in a beat for an integer.
    looks_around
        Whether an element's output depends on the rest of its row.
    """

    build: Callable[..., Any]
    golden: Callable[[Any], Any]
    before: Callable[..., Any]
    element: Callable[[int], Any] = int
    looks_around: bool = True


async def nothing(ctx, unit):
    """A unit without inputs beside its rows."""


def set_x0(rule, slope=1.0, scale=SCALE):
    async def before(ctx, unit):
        rounding = rule.reciprocal_rounding
        x0 = -integer_reciprocal(scale, slope=slope, fraction_bits=rule.fraction_bits, rounding=rounding)
        ctx.set(unit.constants.x0, x0)

    return before


async def set_slope(ctx, unit):
    ctx.set(unit.constants.slope, table_softmax_slope(unit.rule, scale=SCALE))


async def write_lines(ctx, unit):
    for segment, (value, slope) in enumerate(zip(LINES.values.tolist(), LINES.slopes.tolist(), strict=True)):
        ctx.set(unit.line.payload, {"segment": segment, "line": {"value": value, "slope": slope}})
        ctx.set(unit.line.valid, 1)
        await ctx.tick()
    ctx.set(unit.line.valid, 0)


def set_channels(constants, common=None):
    """All lanes of a beat alike, or each channel its own, written as channel memories take them."""

    async def before(ctx, unit):
        for name, value in (common or {}).items():
            ctx.set(unit.constants[name], value)
        for channel in range(unit.beats * unit.lanes):
            ctx.set(unit.channels.enable, 1 << channel % unit.lanes)
            ctx.set(unit.channels.beat, channel // unit.lanes)
            ctx.set(unit.channels.constants, constants(channel))
            await ctx.tick()
        ctx.set(unit.channels.enable, 0)

    return before


def root_constants(widths, *, gamma=1.0, beta=0.25, output_scale=1 / 16, epsilon=1e-5):
    """A layer's integers where every channel has the same gamma and beta, or where these are of channels."""
    gamma, beta = (np.broadcast_to(np.asarray(one, dtype=float), np.shape(beta) or (1,)) for one in (gamma, beta))
    return norm_constants(
        widths, gamma=gamma, beta=beta, output_scale=output_scale, input_scale=SCALE, epsilon=epsilon
    )  # fmt: skip


def set_root(constants: NormConstants):
    """Channels take their constants in turns."""

    def channel(number):
        place = number % constants.multiplier.size
        return {"multiplier": int(constants.multiplier[place]), "bias": int(constants.bias[place])}

    return set_channels(
        channel, {"epsilon": constants.epsilon, "shift": constants.shift - constants.widths.least_shift}
    )  # fmt: skip


def root_golden(constants: NormConstants):
    """Outputs of rows whose channels take their constants in turns."""

    def golden(row):
        row = np.asarray(row)
        parts = {name: np.resize(getattr(constants, name), row.size) for name in ("multiplier", "bias")}
        return root_norm(replace(constants, **parts), row).tolist()

    return golden


def softmax_station(rule, **more):
    if rule is ACCURATE.softmax:
        return Station(
            build=lambda **sizes: TableSoftmax(rule=rule, **sizes, **more),
            golden=lambda row: table_softmax(rule, row, scale=SCALE).tolist(),
            before=nothing if more else set_slope,
        )
    return Station(
        build=lambda **sizes: Shiftmax(rule=rule, **sizes),
        golden=lambda row: shiftmax(rule, row, scale=SCALE).tolist(),
        before=set_x0(rule),
    )


def shift_gelu_station(rule):
    def build(*, lanes, max_length):
        return ShiftGelu(rule=rule, lanes=lanes, **({"max_length": max_length} if rule.maximum == "row" else {}))

    return Station(
        build=build,
        golden=lambda row: shift_gelu(rule, row, scale=SCALE).tolist(),
        before=set_x0(rule, SIGMOID_SLOPE),
        looks_around=rule.maximum == "row",
    )


def lines_station(table):
    return Station(
        build=lambda *, lanes, max_length: PiecewiseGelu(rule=ACCURATE.gelu, lanes=lanes, table=table),
        golden=lambda row: piecewise(ACCURATE.gelu, LINES, row).tolist(),
        before=write_lines,
        looks_around=False,
    )


def newton_station(rule, *, input_bits=8, bias: int | tuple[int, ...] = BIAS, per_cycle=16):
    return Station(
        build=lambda *, lanes, max_length: NewtonNorm(
            widths=NewtonWidths(rule=rule, input_bits=input_bits, max_length=max_length),
            lanes=lanes,
            bits_per_cycle=per_cycle,
            multiplier="operator",
        ),
        golden=lambda row: layernorm(rule, row, bias=np.resize(bias, len(row))).tolist(),
        before=set_channels(lambda channel: {"bias": int(np.resize(bias, channel + 1)[channel])}),
    )


def root_station(rule, *, input_bits=8, max_length=LONGEST, **layer):
    widths = NormWidths(rule=rule, input_bits=input_bits, output_bits=8, max_length=max_length)
    constants = root_constants(widths, **layer)

    def build(*, lanes, max_length):
        return RootNorm(widths=replace(widths, max_length=max_length), lanes=lanes, multiplier="operator")

    return Station(build=build, golden=root_golden(constants), before=set_root(constants))


def requantize_station(ties):
    return Station(
        build=lambda *, lanes, max_length: Requantize(lanes=lanes, in_bits=8, out_bits=8, multiplier_bits=7, ties=ties),
        golden=lambda row: requantize(row, multiplier=MULTIPLIER, shift=SHIFT, bits=8, ties=ties).tolist(),
        before=nothing,
        element=lambda x: {"value": x, "multiplier": MULTIPLIER, "shift": SHIFT},
        looks_around=False,
    )


SOFTMAX = {
    "Shiftmax, 16 bits": softmax_station(IVIT.softmax),
    "Shiftmax, 8 bits": softmax_station(OCTET),
    "TableSoftmax": softmax_station(ACCURATE.softmax),
    "TableSoftmax, fixed slope": softmax_station(
        ACCURATE.softmax, slope=table_softmax_slope(ACCURATE.softmax, scale=SCALE)
    ),
}
GELU = {
    "ShiftGelu, row": shift_gelu_station(IVIT.gelu),
    "ShiftGelu, element": shift_gelu_station(ELEMENT),
    "PiecewiseGelu": lines_station("registers"),
    "PiecewiseGelu, memories": lines_station("memory"),
    "TableGelu": Station(
        build=lambda *, lanes, max_length: TableGelu(lanes=lanes, outputs=CODES),
        golden=lambda row: [CODES[x + 128] for x in row],
        before=nothing,
        looks_around=False,
    ),
}
NORM = {
    "NewtonNorm": newton_station(IVIT.layernorm),
    "RootNorm": root_station(ACCURATE.layernorm),
    "RootNorm, RMS": root_station(RMS),
}
OTHER = {"Requantize, even": requantize_station("even"), "Requantize, up": requantize_station("up")}
STATIONS = {**SOFTMAX, **GELU, **NORM, **OTHER}
ROW_STATIONS = {name: station for name, station in STATIONS.items() if station.looks_around}
"""Whose outputs depend on the whole row."""


VARIANTS = ("Shiftmax, 8 bits", "TableSoftmax, fixed slope", "PiecewiseGelu", "Requantize, up")
"""Which differ from others by a constant or a place alone."""


def by_name(stations):
    """Parameters of a test of all of them, of which variants take longer than they tell."""
    return pytest.mark.parametrize(
        "name", [pytest.param(name, marks=pytest.mark.long) if name in VARIANTS else name for name in stations]
    )  # fmt: skip


def inputs_of(station, rows, masks=None, *, lanes=LANES, junk=127):
    """Beats of the rows; what takes no part is ``junk``."""
    return [
        {**beat, "elements": [station.element(x) for x in beat["elements"]]}
        for beat in beats(rows, lanes, masks, junk=junk)
    ]


def seen(payload):
    """Elements, ``keep`` and ``last`` of an output."""
    return list(payload.elements), int(payload.keep), int(payload.last)


def as_rows(given, rows, lanes):
    """Elements row by row, of outputs whose beats are those of ``rows``; what is past the end must be 0."""
    flat, found = iter([element for elements, _, _ in given for element in elements]), []
    for row in rows:
        padded = [next(flat) for _ in range(-(-len(row) // lanes) * lanes)]
        assert not any(padded[len(row) :]), "what is past the end is 0"
        found.append(padded[: len(row)])
    return found


def through(station, rows, masks=None, *, lanes=LANES, max_length=LONGEST, stalls=0.0, seed=0, junk=127, unit=None):
    """What the hardware makes of rows that follow each other; ``keep`` and ``last`` as they came."""
    unit = unit or station.build(lanes=lanes, max_length=max_length)
    inputs = inputs_of(station, rows, masks, lanes=lanes, junk=junk)
    given, _, _ = exchange(
        unit, inputs, len(inputs), stalls=stalls, seed=seed, look=seen, before=lambda ctx: station.before(ctx, unit)
    )  # fmt: skip
    assert [(keep, last) for _, keep, last in given] == [(one["keep"], one["last"]) for one in inputs]
    return as_rows(given, rows, lanes)


def golden_rows(station, rows, masks=None):
    """What golden makes of them; what is masked is 0, and takes no part."""
    found = []
    for number, row in enumerate(rows):
        mask = np.ones(len(row), bool) if masks is None else np.asarray(masks[number], bool)
        outputs = np.zeros(len(row), dtype=np.int64)
        if mask.any():
            outputs[mask] = station.golden(np.asarray(row, dtype=np.int64)[mask])
        found.append(outputs.tolist())
    return found
