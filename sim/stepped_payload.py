"""Payloads of units of steps, packed and unpacked as their configurations state the fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, make_dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..config.stepped import StepField, SteppedConfig
from .row_payload import pack

Integers = NDArray[np.int64]
Result = Mapping[str, Any]
"""By the field's name: a number, or where it has several elements a sequence of them."""


@dataclass(frozen=True)
class StepItem:
    """Steps int64 ``[K, columns]``, a column for each element of each of ``step_fields``, and what they are for."""

    steps: Integers
    label: str

    def __len__(self) -> int:
        return len(self.steps)

    def fields(self, config: SteppedConfig) -> dict[str, Integers]:
        """The steps as golden takes them: ``[K]`` of a field that is one number, ``[K, count]`` of one of several."""
        found: dict[str, Integers] = {}
        place = 0
        for field in config.step_fields:
            columns = self.steps[:, place : place + field.elements]
            found[field.name] = columns[:, 0] if field.count is None else columns
            place += field.elements
        return found


@dataclass(frozen=True)
class SteppedPayload:
    """Packs steps and results.

    Parameters
    ----------
    config
        The unit.
    """

    config: SteppedConfig

    @property
    def input_bits(self) -> int:
        """Width of ``i_payload``."""
        return sum(_widths(self.config.input_fields))

    @property
    def output_bits(self) -> int:
        """Width of ``o_payload``."""
        return sum(_widths(self.config.result_fields))

    def pack_item(self, item: StepItem) -> list[int]:
        """Input payloads of an item's steps."""
        widths = _widths(self.config.input_fields)
        rows = item.steps.tolist()
        if self.config.max_steps is not None:
            rows = [[*row, int(index == len(rows) - 1)] for index, row in enumerate(rows)]
        return [pack(row, widths) for row in rows]

    def pack_result(self, result: Result) -> int:
        """The output payload of a result; what it does not name is 0."""
        fields = self.config.result_fields
        unknown = set(result) - {field.name for field in fields}
        if unknown:
            raise ValueError(f"result must have fields of {[field.name for field in fields]}, not {sorted(unknown)}")
        values = [value for field in fields for value in _elements(field, result.get(field.name, 0))]
        return pack(values, _widths(fields))

    def unpack_output(self, payload: int) -> object:
        """What an output payload states."""
        fields = self.config.result_fields
        stated: list[Any] = []
        for field in fields:
            values: list[int] = []
            for _ in range(field.elements):
                value = payload & (1 << field.bits) - 1
                values.append(value - (value >> field.bits - 1 << field.bits) if field.signed else value)
                payload >>= field.bits
            stated.append(values[0] if field.count is None else tuple(values))
        return _stated(tuple(field.name for field in fields))(*stated)


def _elements(field: StepField, value: Any) -> Sequence[int]:
    """The numbers of a field, which must fit it: golden states what it means, not what is left of it."""
    values = [int(number) for number in np.broadcast_to(np.asarray(value, dtype=object), field.elements).tolist()]
    low, high = -(1 << field.bits - 1) if field.signed else 0, (1 << field.bits - int(field.signed)) - 1
    for number in values:
        if not low <= number <= high:
            raise ValueError(f"{field.name} must be {low} to {high}, not {number!r}")
    return values


def _widths(fields: Iterable[StepField]) -> list[int]:
    return [field.bits for field in fields for _ in range(field.elements)]


@lru_cache(maxsize=64)
def _stated(names: tuple[str, ...]) -> type:
    """A dataclass of those fields: what is wrong in a result is said field by field."""
    return make_dataclass("Result", names, frozen=True)
