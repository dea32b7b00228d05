"""Beats of rows as the payloads of a unit's streams, and what it is told as values of its other ports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..config.rows import RowConfig

if TYPE_CHECKING:
    from ..golden.rows.told import Told


@dataclass(frozen=True)
class RowBeat:
    """What an output payload states: a beat of results."""

    elements: tuple[int, ...]
    keep: int
    last: bool


@dataclass(frozen=True)
class RowPayload:
    """Packs beats: elements, lane 0 lowest, then a bit of ``keep`` for each lane, then ``last``.

    Parameters
    ----------
    config
        The unit.
    """

    config: RowConfig

    @property
    def input_bits(self) -> int:
        """Width of ``i_payload``."""
        return self.config.lanes * (self.config.element_bits + 1) + 1

    @property
    def output_bits(self) -> int:
        """Width of ``o_payload``."""
        return self.config.lanes * (self.config.result_bits + 1) + 1

    def pack_row(self, elements: NDArray[np.int64], keep: NDArray[np.bool_]) -> list[int]:
        """Payloads of a row of whole beats: elements ``[B * lanes, fields]``, of which ``keep [B * lanes]`` take part."""
        widths = tuple(self.config.element_fields.values())
        packed = [pack(values, widths) for values in elements.tolist()]
        return list(self._beats(packed, keep.tolist(), self.config.element_bits))

    def pack_results(self, results: NDArray[np.int64], keep: NDArray[np.bool_]) -> list[int]:
        """Output payloads of a row of results ``[B * lanes]``."""
        bits = self.config.result_bits
        return list(self._beats([pack((value,), (bits,)) for value in results.tolist()], keep.tolist(), bits))

    def _beats(self, packed: Sequence[int], keep: Sequence[bool], bits: int) -> Iterator[int]:
        lanes = self.config.lanes
        for start in range(0, len(packed), lanes):
            beat = sum(value << bits * lane for lane, value in enumerate(packed[start : start + lanes]))
            kept = sum(here << lane for lane, here in enumerate(keep[start : start + lanes]))
            yield beat | (kept | (start + lanes >= len(packed)) << lanes) << bits * lanes

    def unpack_output(self, payload: int) -> RowBeat:
        """The beat that an output payload states."""
        lanes, bits = self.config.lanes, self.config.result_bits
        fields = [payload >> bits * lane & (1 << bits) - 1 for lane in range(lanes)]
        if self.config.result_signed:
            fields = [field - (field >> bits - 1 << bits) for field in fields]
        beside = payload >> bits * lanes
        return RowBeat(tuple(fields), beside & (1 << lanes) - 1, bool(beside >> lanes))


def pack(values: Iterable[int], widths: Iterable[int]) -> int:
    """Fields one above the other, the first lowest, in two's complement."""
    packed = place = 0
    for value, width in zip(values, widths, strict=True):
        packed |= (value & (1 << width) - 1) << place
        place += width
    return packed


def control_widths(config: RowConfig) -> dict[str, int]:
    """Names and widths of the inputs beside the stream of rows."""
    widths: dict[str, int] = {}
    if sum(config.constant_fields.values()):
        widths["constants"] = sum(config.constant_fields.values())
    if config.channel_fields:
        widths["channels"] = config.lanes + _beat_bits(config) + sum(config.channel_fields.values())
    if config.line_fields:
        widths |= {"line_payload": _segment_bits(config) + sum(config.line_fields.values()), "line_valid": 1}
    return widths


def controls(config: RowConfig, told: Told) -> tuple[Mapping[str, int], ...]:
    """What tells a unit all that it must know, cycle by cycle."""
    cycles: list[dict[str, int]] = []
    if sum(config.constant_fields.values()):
        cycles.append({"constants": _named(told.constants, config.constant_fields)})
    if config.channel_fields:
        cycles += [{"channels": written} for written in _channel_writes(config, told)]
        # What stands there without enable must not matter.
        cycles.append({"channels": _channel_write(config, 0, 0, (1 << sum(config.channel_fields.values())) - 1)})
    if config.line_fields:
        bits = _segment_bits(config)
        for segment in range(1 << bits):
            line = _named({name: int(values[segment]) for name, values in told.lines.items()}, config.line_fields)
            cycles.append({"line_payload": segment | line << bits, "line_valid": 1})
        cycles.append({"line_payload": 0, "line_valid": 0})
    return tuple(cycles)


def _named(values: Mapping[str, int], fields: Mapping[str, int]) -> int:
    return pack([values[name] for name in fields], fields.values())


def _channel_writes(config: RowConfig, told: Told) -> Iterator[int]:
    """A write for each channel, or for each beat where all channels are alike."""
    fields = config.channel_fields
    columns = [values.tolist() for values in np.broadcast_arrays(*told.channels.values())]
    rows = [_named(dict(zip(fields, values, strict=True)), fields) for values in zip(*columns, strict=True)]
    lanes, depth = config.lanes, config.depth or 1
    if len(rows) == 1:
        yield from (_channel_write(config, (1 << lanes) - 1, beat, rows[0]) for beat in range(depth))
        return
    for channel, packed in enumerate(rows):
        yield _channel_write(config, 1 << channel % lanes, channel // lanes, packed)


def _channel_write(config: RowConfig, enable: int, beat: int, constants: int) -> int:
    return enable | (beat | constants << _beat_bits(config)) << config.lanes


def _beat_bits(config: RowConfig) -> int:
    return ((config.depth or 1) - 1).bit_length()


def _segment_bits(config: RowConfig) -> int:
    return (config.line_count - 1).bit_length()
