"""Stream payloads as plain integers: code arrays to input payloads, output payloads to results, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ..config import MacConfig
from ..system.errors import BitmillError
from .rows import PayloadRows

Codes = NDArray[np.integer]
"""Codes of a format, unsigned, any integer dtype."""


@dataclass(frozen=True)
class Output:
    """One result as the unit states it: the accumulator's value (or float code) and the flags; None for one it has not."""

    value: int
    invalid: bool
    too_long: bool
    saturated: bool | None = None


@dataclass(frozen=True)
class RowOutput:
    """One beat of an array's output stream: a result per column, and the flags of the tile.

    ``last``: the beat is the tile's last row.
    """

    value: tuple[int, ...]
    invalid: tuple[bool, ...]
    too_long: bool
    last: bool
    saturated: tuple[bool, ...] | None = None


@dataclass(frozen=True)
class PayloadLayout:
    """Widths of the fields of the unit's two payloads, first field at the least significant bit.

    Input: ``rows * lanes`` weight codes, ``cols * lanes`` activation codes (lane 0 of the first row or column lowest), ``rows``
    weight scales and ``cols`` activation scales where there are scales, ``last``. Output: ``value``, ``invalid``, ``too_long``,
    ``saturated`` if ``flagged``.
    """

    weight_bits: int
    activation_bits: int
    lanes: int
    value_bits: int
    value_signed: bool
    rows: int = 1
    cols: int = 1
    scale_bits: int = 0
    flagged: bool = False

    @classmethod
    def of(cls, config: MacConfig) -> Self:
        """The layout of the unit that ``config`` describes."""
        return cls(
            weight_bits=config.weight_format.bits,
            activation_bits=config.activation_format.bits,
            lanes=config.lanes,
            value_bits=config.accumulator_bits,
            value_signed=not config.accumulator.is_float,
            rows=config.rows,
            cols=config.cols,
            scale_bits=0 if config.scale_format is None else config.scale_format.bits,
            flagged=config.saturated,
        )

    @property
    def input_bits(self) -> int:
        """Width of ``i_payload``."""
        return self._code_bits + self._scales * self.scale_bits + 1

    @property
    def _code_bits(self) -> int:
        return self.lanes * (self.rows * self.weight_bits + self.cols * self.activation_bits)

    @property
    def _scales(self) -> int:
        """Scales of a step."""
        return self.rows + self.cols

    @property
    def output_bits(self) -> int:
        """Width of ``o_payload``."""
        return self.value_bits + 2 + self.flagged

    def pack_steps(
        self,
        weight_codes: Codes,
        activation_codes: Codes,
        last: NDArray[np.bool_],
        scales: tuple[Codes, Codes] | None = None,
    ) -> list[int]:
        """Input payloads of a run of steps, as integers; see ``pack_rows``."""
        return list(self.pack_rows(weight_codes, activation_codes, last, scales))

    def pack_rows(
        self,
        weight_codes: Codes,
        activation_codes: Codes,
        last: NDArray[np.bool_],
        scales: tuple[Codes, Codes] | None = None,
    ) -> PayloadRows:
        """Input payloads of a run of steps.

        Parameters
        ----------
        weight_codes, activation_codes
            Codes [steps, rows * lanes] and [steps, cols * lanes].
        last
            Whether the step ends a dot product, [steps].
        scales
            Codes [steps, rows] of the weights' and [steps, cols] of the activations' scales, where steps have them; or [steps] of
            one row and one column.

        Raises
        ------
        BitmillError
            If a shape does not fit the layout or a code its width, or scales are missing or not wanted.
        """
        steps = len(last)
        if (scales is None) == bool(self.scale_bits):
            wanted = "given" if self.scale_bits else "left out"
            raise BitmillError(f"scales must be {wanted} for steps with {self.scale_bits} bits of each, not {scales!r}")
        names = ("weight_scale", self.rows), ("activation_scale", self.cols)
        fields = (
            bit_rows("weight", weight_codes, self.weight_bits, (steps, self.rows * self.lanes)),
            bit_rows("activation", activation_codes, self.activation_bits, (steps, self.cols * self.lanes)),
            *(
                bit_rows(name, codes.reshape(steps, -1), self.scale_bits, (steps, count))
                for (name, count), codes in zip(names, scales or (), strict=False)
            ),
            np.asarray(last, dtype=np.uint8).reshape(steps, 1),
        )
        return PayloadRows(np.packbits(np.concatenate(fields, axis=1), axis=1, bitorder="little"))

    def unpack_steps(self, payloads: Sequence[int]) -> tuple[Codes, Codes, NDArray[np.bool_]]:
        """What ``pack_steps`` packed: weight codes and activation codes, last [steps]; ``unpack_scales`` gives the scales."""
        bits = np.unpackbits(PayloadRows.of(payloads, self.input_bits).rows, axis=1, bitorder="little")
        split = self.rows * self.lanes * self.weight_bits
        end = split + self.cols * self.lanes * self.activation_bits
        return (
            _codes_of(bits[:, :split], self.weight_bits),
            _codes_of(bits[:, split:end], self.activation_bits),
            bits[:, end + self._scales * self.scale_bits].astype(bool),
        )

    def unpack_scales(self, payloads: Sequence[int]) -> tuple[Codes, Codes]:
        """The scales that ``pack_steps`` packed, [steps, rows] and [steps, cols]."""
        start, width = self._code_bits, self._scales * self.scale_bits
        bits = np.unpackbits(PayloadRows.of(payloads, self.input_bits).rows, axis=1, bitorder="little")
        codes = _codes_of(bits[:, start : start + width], self.scale_bits)
        return codes[:, : self.rows], codes[:, self.rows :]

    def pack_output(self, output: Output) -> int:
        """The output payload that states ``output``; see ``value_field``."""
        value = value_field(output.value, self.value_bits, signed=self.value_signed, too_long=output.too_long)
        flags = output.invalid, output.too_long, bool(output.saturated)
        return value | sum(int(flag) << self.value_bits + place for place, flag in enumerate(flags))

    def unpack_output(self, payload: int) -> Output | RowOutput:
        """The result that an output payload states; a fixed-point value is sign-extended."""
        value = self.signed_value(payload & ((1 << self.value_bits) - 1))
        invalid, too_long, saturated = (bool(payload >> self.value_bits + place & 1) for place in range(3))
        return Output(value, invalid, too_long, saturated if self.flagged else None)

    def signed_value(self, field: int) -> int:
        """A value field as a number: sign-extended where values are signed."""
        return field - (1 << self.value_bits) if self.value_signed and field >> (self.value_bits - 1) else field


def value_field(value: int, bits: int, *, signed: bool, too_long: bool) -> int:
    """Golden's value as the unit's field of so many bits; modulo ``2**bits`` only where the dot product was too long.

    Raises
    ------
    BitmillError
        If the unit is too narrow for the value: a fault of its width, which comparing what is left would hide.
    """
    low, high = (-(1 << bits - 1), 1 << bits - 1) if signed else (0, 1 << bits)
    if not (too_long or low <= value < high):
        raise BitmillError(f"golden's value {value} does not fit the unit's {bits} bits")
    return value & ((1 << bits) - 1)


def bit_rows(name: str, codes: Codes, bits: int, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """The bits [steps, codes * bits] of codes [steps, codes], each code's lowest bit first.

    Raises
    ------
    BitmillError
        If the shape is not ``shape`` or a code has more bits.
    """
    if codes.shape != shape:
        raise BitmillError(
            f"{name} codes must have the shape [steps, codes a step] = {list(shape)}, not {list(codes.shape)}"
        )
    if codes.size and (int(codes.min()) < 0 or int(codes.max()) >= 1 << bits):
        worst = int(codes.min()) if int(codes.min()) < 0 else int(codes.max())
        raise BitmillError(f"{name} codes must be in 0..{(1 << bits) - 1}, not {worst}")
    positions = np.arange(bits, dtype=np.uint64)
    spread = (codes.astype(np.uint64)[:, :, None] >> positions) & np.uint64(1)
    return spread.astype(np.uint8).reshape(shape[0], shape[1] * bits)


def _codes_of(bits: NDArray[np.uint8], width: int) -> Codes:
    grouped = bits.reshape(bits.shape[0], -1, width).astype(np.uint64)
    return (grouped << np.arange(width, dtype=np.uint64)).sum(axis=2, dtype=np.uint64)
