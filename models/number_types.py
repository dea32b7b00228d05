"""The types of numbers that tensor files hold: one table for every format of file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import formats
from ..golden.parts import value_table


@dataclass(frozen=True)
class NumberType:
    """One row: a type by its name in safetensors files.

    Attributes
    ----------
    bits
        Per number.
    name
        What messages call it; empty for what the key says.
    stored
        NumPy's type of the stored codes, little end first; empty if bitmill only copies such tensors.
    decode
        From stored codes to floating-point numbers; None if bitmill does not take them as real numbers.
    """

    bits: int
    name: str = ""
    stored: str = ""
    decode: Callable[[NDArray[Any]], NDArray[Any]] | None = None


def _as_it_is(codes: NDArray[Any]) -> NDArray[Any]:
    return codes


def _widened(codes: NDArray[Any]) -> NDArray[np.float32]:
    return (codes.astype(np.uint32) << 16).view(np.float32)


def _by_table(name: str) -> Callable[[NDArray[Any]], NDArray[Any]]:
    def decode(codes: NDArray[Any]) -> NDArray[np.float32]:
        return value_table(formats.get(name)).astype(np.float32)[codes]

    return decode


NUMBER_TYPES: dict[str, NumberType] = {
    "F16": NumberType(16, "float16", "<f2", _as_it_is),
    "BF16": NumberType(16, "bfloat16", "<u2", _widened),
    "F32": NumberType(32, "float32", "<f4", _as_it_is),
    "F64": NumberType(64, "float64", "<f8", _as_it_is),
    "F8_E4M3": NumberType(8, "float8 E4M3", "u1", _by_table("E4M3")),
    "F8_E5M2": NumberType(8, "float8 E5M2", "u1", _by_table("E5M2")),
    "F8_E4M3FNUZ": NumberType(8, "float8 E4M3FNUZ", "u1", _by_table("E4M3FNUZ")),
    "F8_E5M2FNUZ": NumberType(8, "float8 E5M2FNUZ", "u1", _by_table("E5M2FNUZ")),
    "F8_E8M0": NumberType(8, stored="u1"),
    "F6_E2M3": NumberType(6),
    "F6_E3M2": NumberType(6),
    "F4": NumberType(4),
    "C64": NumberType(64, stored="<c8"),
    "BOOL": NumberType(8, stored="?"),
    **{
        f"{kind.upper()}{bits}": NumberType(bits, f"{word}{bits}", f"<{kind}{bits // 8}")
        for kind, word in (("i", "int"), ("u", "uint"))
        for bits in (8, 16, 32, 64)
    },
}
"""By the name in safetensors files."""

OF_NUMPY: dict[str, str] = {
    np.dtype(row.stored).newbyteorder("=").str: name
    for name, row in reversed(NUMBER_TYPES.items())
    if row.stored and row.decode in (None, _as_it_is) and not name.startswith("F8")
}
"""The row's name by ``dtype.newbyteorder("=").str`` of an array's type."""

_ACCEPTED = [row.name for row in NUMBER_TYPES.values() if row.decode is not None]
ACCEPTED = f"{', '.join(_ACCEPTED[:-1])} or {_ACCEPTED[-1]}"
"""The types of real numbers, for messages."""


def name_of(dtype: str) -> str:
    """What messages call a type."""
    row = NUMBER_TYPES.get(dtype)
    return row.name if row is not None and row.name else dtype


def is_real(dtype: str) -> bool:
    """Whether tensors of a type can be weights."""
    row = NUMBER_TYPES.get(dtype)
    return row is not None and row.decode is not None


def codes_of(dtype: str, data: bytes | bytearray | memoryview) -> NDArray[Any]:
    """The stored codes of a type, one after the other."""
    return np.frombuffer(data, NUMBER_TYPES[dtype].stored)


def numbers_of(dtype: str, codes: NDArray[Any]) -> NDArray[Any]:
    """The numbers of stored codes, of any shape; for types of which ``is_real`` holds."""
    decode = NUMBER_TYPES[dtype].decode
    assert decode is not None, dtype
    return decode(codes)
