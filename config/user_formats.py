"""Configurations that name formats, and carry the whole rows of those that are no catalog's."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any, ClassVar

from pydantic import InstanceOf, PlainSerializer, model_validator

from .. import formats
from ..formats import Format
from ..system.errors import BitmillError
from .document import UnitConfig


def _tables(rows: tuple[Format, ...]) -> dict[str, dict[str, Any]]:
    return {row.name: formats.write_format(row) for row in rows}


UserFormats = Annotated[tuple[InstanceOf[Format], ...], PlainSerializer(_tables)]
"""Rows of formats that a document brings along; tables by name where it is written."""


def rows_of(value: Any) -> tuple[Format, ...]:
    """The rows of a document's ``formats``: tables by name, or formats of a program.

    Raises
    ------
    BitmillError
        Naming the field, the value and what is accepted.
    """
    if isinstance(value, tuple | list) and all(isinstance(row, Format) for row in value):
        return _checked(tuple(value))
    return formats.read_formats(value)


@lru_cache(maxsize=64)
def _checked(rows: tuple[Format, ...]) -> tuple[Format, ...]:
    """The rows as their tables say them: a study gives the same ones to every combination of its axes."""
    tables = _tables(rows)
    if len(tables) != len(rows):
        raise BitmillError(f"formats must have names that differ, not {', '.join(repr(row.name) for row in rows)}")
    return formats.read_formats(tables)


class NamesFormats(UnitConfig, frozen=True):
    """The base of configurations with fields that name formats.

    A document's ``[formats.NAME]`` tables, and formats that ``formats.register`` made known, are names like the catalog's. A
    configuration keeps the rows of those that it uses, wherever it goes: to files, keys, records, other processes and machines.
    Tables that it does not use are read and checked, and not kept.

    Attributes
    ----------
    formats
        Rows of the formats that are not the catalog's, by the order of their names.
    """

    FORMAT_FIELDS: ClassVar[tuple[str, ...]] = ()
    """Fields that name formats."""

    formats: UserFormats = ()

    @model_validator(mode="before")
    @classmethod
    def _with_rows(cls, fields: Any) -> Any:
        if not isinstance(fields, dict):
            return fields
        rows = rows_of(fields.get("formats", {}))
        known = {**formats.registered(), **{row.name: row for row in rows}}
        names = {str(fields.get(name)).strip().upper() for name in cls.FORMAT_FIELDS}
        return {**fields, "formats": tuple(known[name] for name in sorted(names & known.keys()))}

    def format_of(self, name: str) -> Format:
        """The row of a format that the configuration names: its own, or the catalog's."""
        return formats.get(name, self.formats)

    def to_dict(self) -> dict[str, Any]:
        """Plain data that ``from_dict`` accepts; ``formats`` come last, where there are any."""
        fields = super().to_dict()
        own = fields.pop("formats", {})
        return {**fields, "formats": own} if own else fields
