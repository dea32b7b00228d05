"""Widths of wires by hand: a bit more than the extreme values need costs cells, and no comparison of results sees it."""

from __future__ import annotations

from operator import attrgetter

import pytest
from amaranth.hdl import signed

from bitmill import FloatAccumulator, MacConfig, formats
from bitmill.config.nonlinear import ACCURATE, IVIT, NewtonWidths, NormWidths, RootNormRule
from bitmill.formats import Product
from bitmill.hdl.array.array_row import ArrayRow
from bitmill.hdl.array.pe import PE
from bitmill.hdl.gelu.piecewise_gelu import PiecewiseGelu
from bitmill.hdl.gelu.shift_gelu import ShiftGelu
from bitmill.hdl.gelu.table_gelu import TableGelu
from bitmill.hdl.mac.layouts import decoded_layout, flags_layout, product_layout, product_width
from bitmill.hdl.norm.channel_memory import ChannelMemory
from bitmill.hdl.norm.layernorm import layer_norm
from bitmill.hdl.norm.newton_factors import NewtonFactors
from bitmill.hdl.norm.root_factors import RootFactors
from bitmill.hdl.norm.square_root import SquareRoot
from bitmill.hdl.rows.divider import Divider
from bitmill.hdl.rows.exp_terms import ExpTerms
from bitmill.hdl.rows.pipelined_divider import PipelinedDivider
from bitmill.hdl.rows.requantize import Requantize
from bitmill.hdl.rows.row_maximum import RowMaximum
from bitmill.hdl.rows.row_replay import RowReplay
from bitmill.hdl.rows.row_sum import RowSum
from bitmill.hdl.rows.shift_exp import ShiftExp
from bitmill.hdl.softmax import table_lane
from bitmill.hdl.softmax.normalized_reciprocal import NormalizedReciprocal
from bitmill.hdl.softmax.power_table import PowerTable
from bitmill.hdl.softmax.reciprocal import Reciprocal
from bitmill.hdl.softmax.shiftmax import Shiftmax
from bitmill.hdl.softmax.table_softmax import TableSoftmax
from bitmill.hdl.sums.adder_tree import AdderTree
from bitmill.hdl.sums.aligner import aligned_bits


def product(a: str, b: str) -> Product:
    return Product(formats.get(a), formats.get(b))


@pytest.mark.parametrize(
    ("a", "b", "bits"),
    [
        ("INT8", "INT8", 16),  # -128 x -128 = 2^14
        ("INT4", "INT8", 12),
        ("INT4", "INT4", 8),
        ("UINT8", "INT8", 16),  # 255 x -128 > -2^15
        ("E4M3", "INT8", 12),  # 15 x -128 > -2^11
        ("E4M3", "E4M3", 8),  # 15 x 15 < 2^8
        ("E2M1", "E2M1", 4),  # 3 x 3 < 2^4
        ("UINT3", "UINT2", 5),  # 7 x 3 < 2^5
    ],
)
def test_significands(a, b, bits):
    assert product_width(product(a, b)) == bits


ALIGNED = {"E2M1": 9, "E2M3": 13, "E3M2": 19, "E4M3": 37, "E5M2": 65, "INT8": 16, "INT4": 8}
"""Signed fixed-point products, as published: 2(2^E + M) - 1 for minifloats, two less where IEEE keeps the top exponent."""


@pytest.mark.parametrize("name", ALIGNED)
def test_aligned_products(name):
    assert aligned_bits(product(name, name)) == ALIGNED[name]


@pytest.mark.parametrize(("lanes", "bits"), [(2, 10), (3, 10), (4, 11), (5, 11), (8, 12), (32, 14)])
def test_sums_of_e2m1_products(lanes, bits):
    # Each is at most 144 = 12 x 12 quarter units: 3 x 144 < 2^9, 5 x 144 < 2^10, 32 x 144 < 2^13.
    assert AdderTree.layout(product("E2M1", "E2M1"), lanes)["significand"].width == bits


DECODED = {
    "E4M3": {"sign": 1, "significand": 4, "exponent": 4, "nan": 1, "inf": 0},
    "E5M2": {"sign": 1, "significand": 3, "exponent": 5, "nan": 1, "inf": 1},
    "E2M1": {"sign": 1, "significand": 2, "exponent": 2, "nan": 0, "inf": 0},
    "E8M0": {"sign": 0, "significand": 1, "exponent": 8, "nan": 1, "inf": 0},
    "INT8": {"sign": 0, "significand": 8, "exponent": 0, "nan": 0, "inf": 0},
    "INT8_SYM": {"sign": 0, "significand": 8, "exponent": 0, "nan": 1, "inf": 0},
}


@pytest.mark.parametrize("name", DECODED)
def test_decoded_operands(name):
    assert {str(field): found.width for field, found in decoded_layout(formats.get(name))} == DECODED[name]


@pytest.mark.parametrize(
    ("a", "b", "exponent", "carry"),
    [("E4M3", "E4M3", 5, 0), ("E2M1", "E4M3", 5, 0), ("INT8", "E4M3", 4, 1), ("INT8", "INT4", 0, 1)],
)
def test_products(a, b, exponent, carry):
    layout = product_layout(product(a, b))
    assert (layout["exponent"].width, layout["carry"].width) == (exponent, carry)


@pytest.mark.parametrize(
    ("a", "b", "accumulator", "widths"),
    [
        ("INT8", "E2M1", None, (0, 0, 0)),
        ("INT8", "E4M3", None, (1, 0, 0)),
        ("E5M2", "INT8", None, (1, 0, 0)),
        ("E4M3", "INT8", FloatAccumulator(), (1, 0, 0)),
        ("INT8", "E5M2", FloatAccumulator(), (1, 1, 1)),
        ("INT8", "INT8", FloatAccumulator(), (0, 0, 0)),
    ],
)
def test_flags(a, b, accumulator, widths):
    chosen = {} if accumulator is None else {"accumulator": accumulator}
    layout = flags_layout(MacConfig(weight=a, activation=b, **chosen))
    assert tuple(layout[name].width for name in ("nan", "pos_inf", "neg_inf")) == widths


INT8_ARRAY = MacConfig(weight="INT8", activation="INT8", unit="array", rows=2, cols=3)


@pytest.mark.parametrize(
    ("unit", "widths"),
    [
        (AdderTree(product=product("INT8", "INT8"), lanes=2), {"enable": 1}),
        (PE(config=INT8_ARRAY), {"enable": 1, "weight": 8, "activation": 8, "step": 1, "last": 1}),
        (ArrayRow(config=INT8_ARRAY), {"ready": 1, "weight": 8, "activation": 24, "step": 1, "last": 1, "moves": 1}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_ports(unit, widths):
    assert {name: len(getattr(unit, name)) for name in widths} == widths


ROOT = NormWidths(rule=RootNormRule(), input_bits=8, output_bits=8, max_length=6)
RMS = NormWidths(rule=RootNormRule(centred=False), input_bits=8, output_bits=8, max_length=6)
NEWTON = NewtonWidths(rule=IVIT.layernorm, input_bits=8, max_length=6)


@pytest.mark.parametrize(
    ("unit", "widths"),
    [
        (
            ChannelMemory(shape=signed(5), lanes=2, beats=3),
            {"write.enable": 2, "write.beat": 2, "write.constants": 5, "enable": 1, "step": 1, "last": 1, "constants": 10},
        ),
        (
            Divider(dividend_bits=12, divisor_bits=7, quotient_bits=9),
            {"i.p.dividend": 12, "i.p.divisor": 7, "o.p.quotient": 9, "o.p.remainder": 7},
        ),
        (PipelinedDivider(dividend=200, divisor_bits=7, quotient_bits=6), {"enable": 1, "divisor": 7, "quotient": 6}),
        (SquareRoot(radicand_bits=9), {"i.p.radicand": 9, "o.p.root": 5, "o.p.remainder": 6}),
        (Reciprocal(quotient_bits=20), {"i.p": 31, "o.p": 20}),
        # x0 << n; and at most n places, or any of the 31 bits.
        (
            ExpTerms(fraction_bits=15, difference_bits=9, x0_bits=6),
            {"enable": 1, "difference": 9, "x0": 6, "significand": 7, "places": 4, "saturated": 0},
        ),
        (
            ExpTerms(fraction_bits=15, difference_bits=9, x0_bits=6, rises=True),
            {"enable": 1, "difference": 9, "x0": 6, "significand": 7, "places": 5, "saturated": 1},
        ),
        (
            ShiftExp(fraction_bits=15, difference_bits=9, x0_bits=6),
            {"enable": 1, "difference": 9, "x0": 6, "result": 21},
        ),
        (
            ShiftExp(fraction_bits=15, difference_bits=9, x0_bits=6, rises=True),
            {"enable": 1, "difference": 9, "x0": 6, "result": 31},
        ),
        (PowerTable(rule=ACCURATE.softmax), {"restore": 1, "fill": 1, "reciprocal": 12, "done": 1, "entries": 8 * 10}),
        (
            NormalizedReciprocal(fraction_bits=14, most_zeros=9, reciprocal_bits=11),
            {"start": 1, "sum": 24, "zero": 1, "done": 1, "reciprocal": 12},
        ),
        (
            RowReplay(lanes=2, shape=signed(8), depth=3, passes=3),
            {"i.p.elements": 16, "i.p.keep": 2, "i.p.last": 1, "o.p.beat": 19, "o.p.turn": 2, "proceed": 1, "error": 1},
        ),
        (
            RowMaximum(lanes=2, shape=signed(8)),
            {"step": 1, "beat.elements": 16, "beat.keep": 2, "beat.last": 1, "done": 1, "greatest": 8},
        ),
        # 2 x 3 x 200 = 1200 < 2^11.
        (
            RowSum(lanes=2, greatest=200, beats=3),
            {"step": 1, "last": 1, "term0": 8, "term1": 8, "total": 11, "done": 1},
        ),
        # 6 / sqrt(5) = 2.68 with 8 + 9 bits of fraction; of a row of 2, 2 / 1, and of RMS 6 / sqrt(6).
        (
            RootFactors(widths=ROOT, total_bits=11, squares_bits=19),
            {
                "start": 1, "count": 3, "total": 11, "squares": 19, "epsilon": 30, "done": 1, "taken": 1, "mean": 8,
                "factor": 19, "offset": 19,
            },
        ),
        (
            RootFactors(widths=RMS, total_bits=11, squares_bits=19),
            {
                "start": 1, "count": 3, "total": 0, "squares": 19, "epsilon": 30, "done": 1, "taken": 1, "mean": 0,
                "factor": 19, "offset": 0,
            },
        ),
        # 6 x 255^2 = 390150 < 2^19.
        (
            NewtonFactors(widths=NEWTON, total_bits=11),
            {
                "start_mean": 1, "start_factor": 1, "count": 3, "total": 11, "squares": 19, "done": 1, "taken": 1, "mean": 8,
                "factor": 31,
            },
        ),
        (
            layer_norm(rule=IVIT.layernorm, lanes=2, max_length=6),
            {
                "i.p.elements": 16, "o.p.elements": 66, "channels.enable": 2, "channels.beat": 2, "channels.constants": 32,
                "error": 1,
            },
        ),
        # sqrt(5) with 9 bits of fraction is below 2^11; a sign, and a multiplier of 14 bits.
        (
            layer_norm(rule=RootNormRule(), lanes=2, max_length=6),
            {
                "i.p.elements": 16, "o.p.elements": 16, "constants.epsilon": 30, "constants.shift": 3, "channels.enable": 2,
                "channels.beat": 2, "channels.constants.multiplier": 14, "channels.constants.bias": 25, "error": 1,
            },
        ),
        (
            Shiftmax(rule=IVIT.softmax, lanes=2, max_length=6),
            {"i.p.elements": 16, "o.p.elements": 30, "constants.x0": 9, "error": 1},
        ),
        (
            ShiftGelu(rule=IVIT.gelu, lanes=2, max_length=6),
            {"i.p.elements": 16, "o.p.elements": 30, "constants.x0": 8, "error": 1},
        ),
        (
            TableSoftmax(rule=ACCURATE.softmax, lanes=2, max_length=6),
            {"i.p.elements": 16, "o.p.elements": 16, "constants.slope": 13, "error": 1},
        ),
        (
            PiecewiseGelu(rule=ACCURATE.gelu, lanes=2),
            {"i.p.elements": 16, "o.p.elements": 16, "line.p.segment": 5, "line.p.line.value": 9, "line.p.line.slope": 5},
        ),
        (TableGelu(lanes=2, outputs=range(-128, 128)), {"i.p.elements": 16, "o.p.elements": 16}),
        # An element brings its constants: 33 + 32 + 8.
        (
            Requantize(lanes=2, in_bits=33, out_bits=8, ties="even"),
            {"i.p.elements": 146, "i.p.keep": 2, "i.p.last": 1, "o.p.elements": 16, "o.p.keep": 2, "o.p.last": 1},
        ),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_ports_of_nonlinear_units(unit, widths):
    found = {name: attrgetter(name.replace(".p", ".payload"))(unit) for name in widths}
    assert {name: len(getattr(port, "as_value", lambda port=port: port)()) for name, port in found.items()} == widths


def test_table_softmax_lanes():
    # 255 x 8191 = 2088705 with 6 of 13 bits of fraction dropped: 32636 < 2^15.
    assert table_lane.exponent_width(ACCURATE.softmax) == 15
    # Below 2.0 with 9 bits of fraction.
    assert table_lane.entry_width(ACCURATE.softmax) == 10
    # 8 powers; 14 places at most; nothing.
    assert {str(name): field.width for name, field in table_lane.reduced_layout(ACCURATE.softmax)} == {
        "index": 3, "whole": 4, "nothing": 1
    }  # fmt: skip
