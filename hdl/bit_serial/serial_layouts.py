"""What goes into a bit-serial tile and what comes out, as packed layouts."""

from __future__ import annotations

from amaranth import signed
from amaranth.lib import data

from ...config.bit_serial import BitSerialConfig
from ...formats.block import GROUP_SCALE_BITS
from ...formats.weight_type import SPECIALS, WeightKind
from .serial_aligner import exponent_bits, given_bits
from .term_generator import SPECIAL_LAYOUT

COLUMN_LAYOUT = data.StructLayout({"kind": WeightKind, "special": range(SPECIALS), "scale": GROUP_SCALE_BITS})
"""What a column's weights are in a group, and the group's scale."""


def step_layout(config: BitSerialConfig) -> data.StructLayout:
    """One step of a tile: ``lanes`` activations a row, ``lanes`` weights a column.

    ``exponents``, of no bits unless they are given, count in a group's first step. ``columns`` holds for the step: kind and
    special value may change with every one, the scale counts in a group's last. ``cycles`` is how many terms its weights have,
    less one: the same for all columns. ``group_last`` and ``last`` end the group and the tile; ``last`` alone ends both. With
    ``write`` it is no step: it takes a cycle and puts ``value`` at ``index`` of the register file of special values, 0 to 3 of
    FP3, 4 to 7 of FP4; ``cycles`` and all but these must be 0.
    """
    bits = config.activation_format.bits
    exponents = data.ArrayLayout(given_bits(config), config.rows)
    return data.StructLayout({
        "activations": data.ArrayLayout(data.ArrayLayout(bits, config.lanes), config.rows),
        "exponents": exponents,
        "weights": data.ArrayLayout(data.ArrayLayout(config.weight_bits, config.lanes), config.cols),
        "columns": data.ArrayLayout(COLUMN_LAYOUT, config.cols),
        "cycles": range(config.term_cycles),
        "write": 1,
        "index": range(2 * SPECIALS),
        "value": SPECIAL_LAYOUT,
        "group_last": 1,
        "last": 1,
    })  # fmt: skip


def serial_result_layout(config: BitSerialConfig) -> data.StructLayout:
    """One row of results: ``values[col] * 2**(exponent - bias - window + 1 + drop)``, as ``golden.bit_serial`` has it.

    ``invalid``: an activation was NaN, infinite or above the given exponent. ``too_long``: the tile had more steps than ``k_max``
    fills. ``last``: it is the tile's last row.
    """
    return data.StructLayout({
        "values": data.ArrayLayout(signed(config.total_bits), config.cols),
        "exponent": exponent_bits(config),
        "invalid": int(not config.is_integer),
        "too_long": 1,
        "last": 1,
    })  # fmt: skip
