"""Units of rows with random rules of the whole accepted space: hardware against golden, and through synthesis."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bitmill.config.nonlinear import (
    LayerNormRule,
    NormWidths,
    RootNormRule,
    ShiftGeluRule,
    ShiftmaxRule,
    TableSoftmaxRule,
)
from bitmill.golden.nonlinear import NormConstants, requantize, shiftmax, table_softmax, table_softmax_slope
from bitmill.hdl.emit.verilog import emit_component
from bitmill.hdl.norm.root_norm import RootNorm
from bitmill.hdl.rows.requantize import Requantize
from bitmill.hdl.softmax.shiftmax import Shiftmax
from bitmill.hdl.softmax.table_softmax import TableSoftmax
from bitmill.sim.netlist import netlist
from bitmill.system.errors import BitmillError

from .nonlinear_units import (
    SCALE,
    Station,
    golden_rows,
    newton_station,
    nothing,
    root_golden,
    set_root,
    set_slope,
    set_x0,
    shift_gelu_station,
    through,
)

FEW, MANY = (500, 501, 502, 503, 504, 511), range(600, 640)
LONGEST = 9
MOST_FRACTION = 22
"""More leave no room for the 9 bits of ``-1/scale`` that units have, who refuse them."""


def one_of(rng, *values: Any) -> Any:
    return values[int(rng.integers(len(values)))]


def between(rng, least, most):
    """An end of the range in half of the draws."""
    return one_of(rng, least, most, *(int(rng.integers(least, most + 1)) for _ in range(2)))


def draw_shiftmax(rng):
    rule = ShiftmaxRule(
        fraction_bits=between(rng, 1, MOST_FRACTION), output_bits=between(rng, 2, 31),
        reciprocal_rounding=one_of(rng, "floor", "nearest"),
    )  # fmt: skip
    return Station(
        build=lambda **sizes: Shiftmax(rule=rule, **sizes),
        golden=lambda row: shiftmax(rule, row, scale=SCALE).tolist(),
        before=set_x0(rule),
    ), rule


def draw_table(rng):
    output_bits, table_bits = between(rng, 4, 12), between(rng, 4, 12)
    rule = TableSoftmaxRule(
        fraction_bits=between(rng, 1, 6), guard_bits=between(rng, 1, 8), slope_bits=between(rng, 2, 20),
        table_bits=table_bits, reciprocal_bits=between(rng, 4, 20), output_bits=output_bits,
        entry_bits=between(rng, max(output_bits + 1, table_bits), output_bits + table_bits),
    )  # fmt: skip
    table_softmax_slope(rule, scale=SCALE)  # Refused if the slope does not fit.
    return Station(
        build=lambda **sizes: TableSoftmax(rule=rule, **sizes),
        golden=lambda row: table_softmax(rule, row, scale=SCALE).tolist(),
        before=set_slope,
    ), rule


def draw_gelu(rng):
    rule = ShiftGeluRule(
        fraction_bits=between(rng, 1, MOST_FRACTION), output_bits=between(rng, 2, 31),
        reciprocal_rounding=one_of(rng, "floor", "nearest"), maximum=one_of(rng, "row", "element"),
    )  # fmt: skip
    return shift_gelu_station(rule), rule


def draw_newton(rng):
    rule = LayerNormRule(mean_rounding=one_of(rng, "nearest-even", "floor"), root_iterations=between(rng, 1, 20))
    return newton_station(rule, bias=one_of(rng, 12345, (-(1 << 31), (1 << 31) - 1, 0))), rule


def draw_root(rng):
    root, guard = between(rng, 2, 31), between(rng, 1, 16)
    rule = RootNormRule(
        centred=bool(rng.integers(2)), epsilon_fraction_bits=between(rng, 0, 2 * root), root_fraction_bits=root,
        factor_guard_bits=guard, normalized_fraction_bits=between(rng, 1, min(root - 1, guard)),
        multiplier_bits=between(rng, 2, 31), shift_bits=between(rng, 0, 5), ties=one_of(rng, "even", "up"),
    )  # fmt: skip
    widths = NormWidths(rule=rule, input_bits=8, output_bits=between(rng, 2, 32), max_length=LONGEST)
    top, greatest = 1 << rule.multiplier_bits - 1, 1 << widths.bias_bits - 1
    constants = NormConstants(
        widths=widths, multiplier=rng.integers(-top, top, LONGEST),
        bias=rng.integers(-greatest, greatest, LONGEST) * one_of(rng, 0, 1),
        shift=between(rng, widths.least_shift, widths.greatest_shift),
        epsilon=one_of(rng, 0, 0, 1, (1 << widths.epsilon_bits) - 1),
    )  # fmt: skip

    def build(*, lanes, max_length):
        return RootNorm(widths=replace(widths, max_length=max_length), lanes=lanes, multiplier="operator")

    return Station(build=build, golden=root_golden(constants), before=set_root(constants)), rule


def draw_requantize(rng):
    bits, ties = between(rng, 2, 8), one_of(rng, "even", "up")
    multiplier_bits, shift = between(rng, 2, 16), between(rng, 0, 20)
    multiplier = between(rng, -(1 << multiplier_bits - 1), (1 << multiplier_bits - 1) - 1)
    sizes = {"in_bits": 8, "out_bits": bits, "multiplier_bits": multiplier_bits, "ties": ties}
    return Station(
        build=lambda *, lanes, max_length: Requantize(lanes=lanes, **sizes),
        golden=lambda row: requantize(row, multiplier=multiplier, shift=shift, bits=bits, ties=ties).tolist(),
        before=nothing,
        element=lambda x: {"value": x, "multiplier": multiplier, "shift": shift},
        looks_around=False,
    ), (sizes, multiplier, shift)


DRAWS = (draw_root, draw_table, draw_shiftmax, draw_gelu, draw_newton, draw_requantize)


def draw(seed):
    """A unit, its rule and the source of the rows; what its class or its constants refuse is drawn again."""
    rng = np.random.default_rng(seed)
    while True:
        try:
            return *DRAWS[seed % len(DRAWS)](rng), rng
        except BitmillError:
            continue


def rows_of(rng):
    rows = [rng.integers(-128, 128, int(rng.integers(1, LONGEST + 1))).tolist() for _ in range(4)]
    return [*rows, [127] * 2, [-128] * LONGEST, [0], [127, -128], [5] * 3]


def try_rule(seed, *, synthesize):
    station, rule, rng = draw(seed)
    try:
        rows, lanes = rows_of(rng), one_of(rng, 1, 3, LONGEST)
        assert through(station, rows, lanes=lanes, max_length=LONGEST, stalls=0.3, seed=seed) == golden_rows(
            station, rows
        )
        if synthesize:
            text = emit_component(station.build(lanes=lanes, max_length=LONGEST), top="unit")
            assert netlist(text, "unit", "generic")
    except Exception as error:
        error.add_note(f"seed {seed}, rule {rule}")
        raise


@pytest.mark.parametrize("seed", FEW)
def test_a_random_rule(seed):
    try_rule(seed, synthesize=False)


@pytest.mark.long
@pytest.mark.parametrize("seed", MANY)
def test_many_random_rules(seed):
    try_rule(seed, synthesize=True)
