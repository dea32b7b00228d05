"""Payloads of a bit-serial tile: steps of codes with what they are in, one row of results a beat out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..config.bit_serial import BitSerialConfig
from ..formats.block import GROUP_SCALE_BITS
from ..formats.term import TERM_BITS, Term, two_terms
from ..formats.weight_type import FLOATS, KIND_BITS, SPECIALS
from .payload import Codes, RowOutput, bit_rows, value_field
from .rows import PayloadRows

COLUMN_BITS = KIND_BITS, (SPECIALS - 1).bit_length(), GROUP_SCALE_BITS
"""What is said of a column: the kind of its weights, which special value, the group's scale."""
WRITE_BITS = 1 + (len(FLOATS) * SPECIALS - 1).bit_length() + 2 * TERM_BITS
"""``write``, ``index`` and ``value``."""


@dataclass(frozen=True)
class SerialPayload:
    """Widths of the fields of the tile's two payloads, first field at the least significant bit.

    Input: activations, given exponents, weights, per column kind, special and scale, then cycles, write, index, value,
    group_last and last.
    Output: ``cols`` values, exponent, ``invalid``, ``too_long``, ``last``.
    """

    rows: int
    cols: int
    lanes: int
    activation_bits: int
    given_bits: int
    weight_bits: int
    cycles_bits: int
    value_bits: int
    exponent_bits: int

    @classmethod
    def of(cls, config: BitSerialConfig) -> SerialPayload:
        """The layout of the tile that ``config`` describes."""
        return cls(
            rows=config.rows,
            cols=config.cols,
            lanes=config.lanes,
            activation_bits=config.activation_format.bits,
            given_bits=config.activation_float.exponent_bits if config.exponents_given else 0,
            weight_bits=config.weight_bits,
            cycles_bits=(config.term_cycles - 1).bit_length(),
            value_bits=config.total_bits,
            exponent_bits=0 if config.is_integer else config.activation_float.exponent_bits,
        )

    @property
    def input_bits(self) -> int:
        """Width of ``i_payload``."""
        codes = (
            self.lanes * (self.rows * self.activation_bits + self.cols * self.weight_bits) + self.rows * self.given_bits
        )
        return codes + self.cols * sum(COLUMN_BITS) + self.cycles_bits + WRITE_BITS + 2

    @property
    def output_bits(self) -> int:
        """Width of ``o_payload``."""
        return self.cols * self.value_bits + self.exponent_bits + int(self.exponent_bits > 0) + 2

    def pack_rows(
        self,
        *,
        activations: Codes,
        exponents: Codes,
        weights: Codes,
        columns: Codes,
        cycles: Codes,
        ends: NDArray[np.bool_],
    ) -> PayloadRows:
        """Input payloads of a run of steps.

        Parameters
        ----------
        activations, weights
            Codes [steps, rows * lanes] and [steps, cols * lanes].
        exponents
            What the steps' groups are aligned to [steps, rows]; 0 where that is not given.
        columns
            Kind, special and scale [steps, cols, 3].
        cycles
            Terms of the steps' weights, less one, [steps].
        ends
            Whether the step ends its group, and its tile, [steps, 2].
        """
        steps = len(cycles)
        parts = [
            bit_rows("activation", activations, self.activation_bits, (steps, self.rows * self.lanes)),
            bit_rows("exponent", exponents, self.given_bits, (steps, self.rows)),
            bit_rows("weight", weights, self.weight_bits, (steps, self.cols * self.lanes)),
        ]
        for col in range(self.cols):
            for index, bits in enumerate(COLUMN_BITS):
                parts.append(bit_rows("column", columns[:, col, index, None], bits, (steps, 1)))
        parts.append(bit_rows("cycles", np.asarray(cycles)[:, None], self.cycles_bits, (steps, 1)))
        parts.append(np.zeros((steps, WRITE_BITS), np.uint8))
        parts.append(np.asarray(ends, np.uint8))
        return PayloadRows(np.packbits(np.concatenate(parts, axis=1), axis=1, bitorder="little"))

    def pack_writes(self, specials: Sequence[tuple[int, int]]) -> PayloadRows:
        """Input payloads that put special values, integers, at places of the register file, one each."""
        payloads = []
        for place, value in specials:
            terms = sum(_term_bits(term) << TERM_BITS * index for index, term in enumerate(two_terms(value)))
            write = 1 | place << 1 | terms << WRITE_BITS - 2 * TERM_BITS
            payloads.append(write << self.input_bits - 2 - WRITE_BITS)
        return PayloadRows.of(payloads, self.input_bits)

    def pack_row(self, output: RowOutput) -> int:
        """The output payload that states ``output``, whose values are those of the columns and the exponent."""
        payload, low = 0, 0
        for value in output.value[: self.cols]:
            payload |= value_field(value, self.value_bits, signed=True, too_long=output.too_long) << low
            low += self.value_bits
        if self.exponent_bits:
            payload |= output.value[self.cols] << low
            low += self.exponent_bits
        for flag in (*output.invalid[: int(self.exponent_bits > 0)], output.too_long, output.last):
            payload |= int(flag) << low
            low += 1
        return payload

    def unpack_output(self, payload: int) -> RowOutput:
        """The row that an output payload states."""
        values = []
        for _ in range(self.cols):
            field = payload & ((1 << self.value_bits) - 1)
            values.append(field - (field >> (self.value_bits - 1) << self.value_bits))
            payload >>= self.value_bits
        values.append(payload & ((1 << self.exponent_bits) - 1))
        payload >>= self.exponent_bits
        flagged = int(self.exponent_bits > 0)
        invalid = bool(flagged and payload & 1)
        return RowOutput(tuple(values), (invalid,), bool(payload >> flagged & 1), bool(payload >> flagged + 1 & 1))


def _term_bits(term: Term) -> int:
    """A term as the register file has it: its sign lowest, then one bit for each magnitude, 1, 2 and 4."""
    return term.sign | (term.mantissa << 1 + term.exponent)
