"""Formats of users as plain tables, as they stand in TOML and JSON: read, checked and written. Standard library only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from ..system.errors import BitmillError
from ..system.text import short
from .block import BLOCKS
from .catalog import is_taken
from .codebook import Codebook, PowerOfTwo
from .integer import Int
from .limits import MAX_CODEBOOK_BITS, MAX_SIGNIFICAND_BITS, check_name, check_row
from .minifloat import Minifloat, TopExponent
from .scalar import Format
from .spread import on_grid

_POWER_OF_TWO = "power-of-two"
_KEYS: Mapping[str, tuple[str, ...]] = {
    "codebook": ("values",),
    "minifloat": ("exponent_bits", "mantissa_bits", "bias", "subnormals", "top"),
    "int": ("width", "signed", "symmetric"),
    _POWER_OF_TWO: ("exponent_bits", "bias"),
}
"""Keys of a table by the kind of its format; any may also have ``kind`` and ``about``."""
_SHARED = ("kind", "about")
_TOPS = tuple(top.value for top in TopExponent)
_LONGEST_ABOUT = 200


def read_formats(tables: Any) -> tuple[Format, ...]:
    """The formats of a document's ``formats``, a table by name, in its order.

    Parameters
    ----------
    tables
        Names to tables: ``values`` by code, with NaN or None for reserved codes; ``exponent_bits`` and ``mantissa_bits`` with
        ``bias``, ``subnormals`` and ``top`` (``ieee``, ``fn``, ``finite``, ``fnuz``); ``width`` with ``signed`` and
        ``symmetric``; or ``kind = "power-of-two"`` with ``exponent_bits`` and ``bias``. Case of names does not matter.

    Raises
    ------
    BitmillError
        Naming the field, the value and what is accepted.
    """
    if not isinstance(tables, Mapping):
        raise BitmillError(f"formats must be tables by name, [formats.NAME], not {short(tables)}")
    rows: dict[str, Format] = {}
    for name, table in tables.items():
        row = read_format(name, table)
        if row.name in rows:
            raise BitmillError(f"formats must have names that differ by more than case, not {short(name)} twice")
        rows[row.name] = row
    return tuple(rows.values())


def read_format(name: Any, table: Any) -> Format:
    """One format of a table; its name in upper case, as the catalog's are.

    Raises
    ------
    BitmillError
        Naming the field, the value and what is accepted.
    """
    check_name(name, taken=lambda name: is_taken(name) or name.lower() in BLOCKS)
    place = f"formats.{name}"
    if not isinstance(table, Mapping):
        raise BitmillError(f"{place} must be a table, not {short(table)}")
    kind = _kind(place, table)
    accepted = _KEYS[kind] + _SHARED
    for key in table:
        if key not in accepted:
            raise BitmillError(f"{place} must have keys of {', '.join(accepted)} for kind {kind!r}, not {short(key)}")
    fields = _Fields(place, table)
    row = _READERS[kind](name.upper(), fields.text("about", _LONGEST_ABOUT), fields)
    check_row(place, row)
    return row


def write_format(row: Format) -> dict[str, Any]:
    """The table that ``read_format`` reads as this format: plain data, None where a code is reserved.

    Raises
    ------
    BitmillError
        If it is of no kind that tables have.
    """
    found = next((write(row) for kind, write in _WRITERS if isinstance(row, kind)), None)
    if found is None:
        raise BitmillError(f"format must be an Int, a Minifloat, a Codebook or a PowerOfTwo, not {row!r}")
    return found | ({"about": row.about} if row.about else {})


def checked(row: Format) -> Format:
    """The format as its table says it again: what a user made is held to the same rules as what stands in a file.

    Raises
    ------
    BitmillError
        Naming the field, the value and what is accepted.
    """
    if not isinstance(row, Format):
        raise BitmillError(f"format must be an Int, a Minifloat, a Codebook or a PowerOfTwo, not {short(row)}")
    return read_format(row.name, write_format(row))


class _Fields:
    """The fields of one table, each asked for by type."""

    def __init__(self, place: str, table: Mapping[str, Any]) -> None:
        self.place, self._table = place, table

    def __contains__(self, key: str) -> bool:
        return key in self._table

    def integer(self, key: str, least: int, most: int) -> int:
        if key not in self._table:
            raise BitmillError(f"{self.place}.{key} must be an integer of {least} to {most}, not left out")
        value = self._table[key]
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise BitmillError(f"{self.place}.{key} must be an integer of {least} to {most}, not {short(value)}")
        return value

    def flag(self, key: str, usual: bool) -> bool:
        value = self._table.get(key, usual)
        if not isinstance(value, bool):
            raise BitmillError(f"{self.place}.{key} must be true or false, not {short(value)}")
        return value

    def text(self, key: str, longest: int) -> str:
        value = self._table.get(key, "")
        if not isinstance(value, str) or len(value) > longest or (value and not value.isprintable()):
            raise BitmillError(
                f"{self.place}.{key} must be one line of at most {longest} characters, not {short(value)}"
            )
        return value

    def choice(self, key: str, usual: str, accepted: tuple[str, ...]) -> str:
        value = self._table.get(key, usual)
        if not isinstance(value, str) or value.lower() not in accepted:
            raise BitmillError(f"{self.place}.{key} must be one of {', '.join(accepted)}, not {short(value)}")
        return value.lower()

    def values(self) -> list[Any]:
        found = self._table.get("values")
        if not isinstance(found, list | tuple):
            raise BitmillError(f"{self.place}.values must be a list of numbers by code, not {short(found)}")
        count, most = len(found), 1 << MAX_CODEBOOK_BITS
        if not 2 <= count <= most or count & (count - 1):
            raise BitmillError(
                f"{self.place}.values must be 2, 4, 8 .. {most} numbers, one for every code, not {count} of them"
            )
        return list(found)


def _kind(place: str, table: Mapping[str, Any]) -> str:
    """What is said to be the kind, or what the keys say."""
    if "kind" in table:
        return _Fields(place, table).choice("kind", "", tuple(_KEYS))
    for key, kind in (
        ("values", "codebook"),
        ("width", "int"),
        ("exponent_bits", "minifloat"),
        ("mantissa_bits", "minifloat"),
    ):
        if key in table:
            return kind
    told = short(dict(table)) if table else "an empty table"
    raise BitmillError(f"{place} must have values, exponent_bits and mantissa_bits, or width, not {told}")


def _codebook(name: str, about: str, fields: _Fields) -> Format:
    numbers: list[Fraction | None] = []
    for value in fields.values():
        if value is None or value != value:
            numbers.append(None)
            continue
        if not isinstance(value, int | float) or isinstance(value, bool) or value in (float("inf"), float("-inf")):
            raise BitmillError(
                f"{fields.place}.values must be finite numbers, or nan for reserved codes, not {short(value)}"
            )
        numbers.append(_dyadic(fields.place, value))
    if not any(numbers):
        raise BitmillError(f"{fields.place}.values must have a number other than 0, not {short(list(fields.values()))}")
    values, step = on_grid(numbers, f"{fields.place}.values")
    return Codebook(name=name, about=about, values=values, step_exponent=step)


def _dyadic(place: str, value: int | float) -> Fraction:
    exact = Fraction(value)
    magnitude = abs(exact.numerator)
    odd = magnitude // max(magnitude & -magnitude, 1)
    if odd.bit_length() > MAX_SIGNIFICAND_BITS:
        raise BitmillError(
            f"{place}.values must be integers of at most {MAX_SIGNIFICAND_BITS} bits times a power of two, as 0.125 is, "
            f"not {short(value)}"
        )
    return exact


def _minifloat(name: str, about: str, fields: _Fields) -> Format:
    exponent_bits = fields.integer("exponent_bits", 1, 8)
    mantissa_bits = fields.integer("mantissa_bits", 0, MAX_SIGNIFICAND_BITS - 1)
    top = TopExponent(fields.choice("top", TopExponent.FINITE.value, _TOPS))
    if top is TopExponent.IEEE and (mantissa_bits < 1 or exponent_bits < 2):
        raise BitmillError(
            f"{fields.place}.top must be fn, finite or fnuz for less than 2 exponent bits or 1 mantissa bit, where NaN has no "
            f"code, not 'ieee'"
        )
    # Said in any case, so that a table written and read again is the same format.
    bias = fields.integer("bias", -512, 512) if "bias" in fields else (1 << exponent_bits - 1) - 1
    subnormals = fields.flag("subnormals", True)
    return Minifloat(name=name, about=about, exponent_bits=exponent_bits, mantissa_bits=mantissa_bits, bias=bias,
                     top=top, subnormals=subnormals)  # fmt: skip


def _integer(name: str, about: str, fields: _Fields) -> Format:
    width = fields.integer("width", 1, MAX_SIGNIFICAND_BITS)
    signed, symmetric = fields.flag("signed", True), fields.flag("symmetric", False)
    if symmetric and (not signed or width == 1):
        raise BitmillError(
            f"{fields.place}.symmetric must be false for unsigned integers and for 1 bit, not {symmetric}"
        )
    return Int(name=name, about=about, width=width, signed=signed, symmetric=symmetric)


def _power_of_two(name: str, about: str, fields: _Fields) -> Format:
    exponent_bits = fields.integer("exponent_bits", 1, 8)
    bias = fields.integer("bias", -512, 512)
    return PowerOfTwo(name=name, about=about, exponent_bits=exponent_bits, bias=bias)


_READERS: Mapping[str, Callable[[str, str, _Fields], Format]] = {
    "codebook": _codebook,
    "minifloat": _minifloat,
    "int": _integer,
    _POWER_OF_TWO: _power_of_two,
}


def _table_of_codebook(row: Any) -> dict[str, Any]:
    scale = Fraction(2) ** row.step_exponent
    return {"values": [None if value is None else _plain(value * scale) for value in row.values]}


def _plain(value: Fraction) -> int | float:
    return int(value) if value.denominator == 1 and abs(value) < 1 << 53 else float(value)


def _table_of_minifloat(row: Any) -> dict[str, Any]:
    return {
        "exponent_bits": row.exponent_bits,
        "mantissa_bits": row.mantissa_bits,
        "bias": row.exponent_bias,
        "subnormals": row.subnormals,
        "top": row.top.value,
    }


def _table_of_integer(row: Any) -> dict[str, Any]:
    return {"width": row.width, "signed": row.signed, "symmetric": row.symmetric}


def _table_of_power(row: Any) -> dict[str, Any]:
    return {"kind": _POWER_OF_TWO, "exponent_bits": row.exponent_bits, "bias": row.bias}


_WRITERS: tuple[tuple[type[Format], Callable[[Any], dict[str, Any]]], ...] = (
    (Codebook, _table_of_codebook),
    (Minifloat, _table_of_minifloat),
    (Int, _table_of_integer),
    (PowerOfTwo, _table_of_power),
)
