"""Payloads of an array: row and column vectors in, one row of results a beat out."""

from __future__ import annotations

from dataclasses import dataclass

from .payload import PayloadLayout, RowOutput, value_field


@dataclass(frozen=True)
class ArrayPayload(PayloadLayout):
    """As ``PayloadLayout``; output: ``cols`` values, ``cols`` bits ``invalid``, ``too_long``, ``last``, and, if ``flagged``,
    ``cols`` bits ``saturated``.
    """

    @property
    def output_bits(self) -> int:
        """Width of ``o_payload``."""
        return self.cols * (self.value_bits + 1 + self.flagged) + 2

    def pack_row(self, output: RowOutput) -> int:
        """The output payload that states ``output``; see ``value_field``."""
        payload, low = 0, 0
        for value in output.value:
            field = value_field(value, self.value_bits, signed=self.value_signed, too_long=output.too_long)
            payload |= field << low
            low += self.value_bits
        for flag in (*output.invalid, output.too_long, output.last, *(output.saturated or ())):
            payload |= int(flag) << low
            low += 1
        return payload

    def unpack_output(self, payload: int) -> RowOutput:
        """The results that an output payload states; fixed-point values are sign-extended."""
        values = tuple(
            self.signed_value(payload >> (col * self.value_bits) & ((1 << self.value_bits) - 1))
            for col in range(self.cols)
        )
        flags = payload >> (self.cols * self.value_bits)
        invalid = tuple(bool(flags >> col & 1) for col in range(self.cols))
        too_long, last = (bool(flags >> self.cols + place & 1) for place in range(2))
        saturated = tuple(bool(flags >> self.cols + 2 + col & 1) for col in range(self.cols))
        return RowOutput(values, invalid, too_long, last, saturated if self.flagged else None)
