"""What every configuration can do: be read from a mapping or a TOML file, and be written as one."""

from __future__ import annotations

import json
import re
import tomllib
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self, get_args

from pydantic import BaseModel, ValidationError, model_validator

from ..formats import read_formats
from ..system.errors import BitmillError
from ..system.files import read_text, reading
from ..system.text import nearest, short
from .accumulator_spec import Frozen
from .accumulators import Accumulator


class Document(Frozen, frozen=True):
    """A whole configuration, which has a TOML document of its own."""

    @classmethod
    def from_dict(cls, fields: dict[str, Any], *, source: str = "configuration") -> Self:
        """Validate a mapping such as a parsed TOML document.

        Raises
        ------
        BitmillError
            Naming the field, the value and what is accepted.
        """
        with reading(source, "a configuration"):
            try:
                return cls.model_validate(fields)
            except ValidationError as error:
                raise BitmillError(f"{source}: {_one_line(error, cls)}") from None

    @classmethod
    def from_toml(cls, path: Path | str) -> Self:
        """Read and validate a TOML file.

        Raises
        ------
        BitmillError
            If the file cannot be read, is not TOML, or a field is unknown, ill-typed or out of range.
        """
        return cls.from_dict(read_toml(path), source=str(path))

    def to_dict(self) -> dict[str, Any]:
        """Plain data that ``from_dict`` accepts and that writes to JSON or TOML."""
        return self.model_dump(exclude_none=True)

    def to_toml(self) -> str:
        """A TOML document that ``from_toml`` reads as this configuration."""
        return toml_document(self.to_dict())


class UnitConfig(Document, frozen=True):
    """What a unit is: the base of the configurations of all families (see ``config.family``).

    Attributes
    ----------
    unit
        Key of the family. A field of every configuration, so that a document says what it is of.
    """

    @model_validator(mode="before")
    @classmethod
    def _without_formats(cls, fields: Any) -> Any:
        """A file may bring formats along for units of other families: they are checked, and not kept."""
        if not isinstance(fields, dict) or "formats" not in fields or "formats" in cls.model_fields:
            return fields
        read_formats(fields["formats"])
        return {name: value for name, value in fields.items() if name != "formats"}

    # Each class says itself which units it is of, after its own first fields: a document begins with what matters most.
    if TYPE_CHECKING:
        unit: str

    @property
    @abstractmethod
    def title(self) -> str:
        """One line that says which unit it is."""

    @property
    @abstractmethod
    def throughput(self) -> str:
        """How much it takes, as a phrase: ``32 product(s) a cycle``."""

    def shown(self, field: str) -> str:
        """The value of a field as messages show it."""
        return repr(getattr(self, field))

    share: ClassVar[str] = "lane"
    """What its figures are divided by for a table: a lane may take several cycles a product, or make none."""

    counted: ClassVar[tuple[str, str]] = ("results", "products")
    """What a verification counts: what is compared, and what it is made of."""

    @property
    def keeps_memories(self) -> bool:
        """Whether it has memories that are written to."""
        return False

    @property
    def without_dsp(self) -> str:
        """Why it uses no DSP block even where it may, and what would; empty where it does or nothing is to be said."""
        return ""

    @property
    @abstractmethod
    def macs(self) -> int:
        """Places that work at a time, by which its figures are divided: products, or elements of units of rows."""


_LAST_FIELD = "formats"
"""Of documents; a configuration's first, because its other fields name them."""
_LONGEST_KEY = 64
"""Parts of a dotted key; the standard library's parser takes quadratic time for them."""


def read_toml(path: Path | str) -> dict[str, Any]:
    """The fields of a TOML file.

    Raises
    ------
    BitmillError
        If the file cannot be read or is not TOML.
    """
    text = read_text(path, "a TOML file", called="the configuration")
    with reading(path, "a TOML file"):
        _refuse_long_keys(text)
        return tomllib.loads(text)


def _refuse_long_keys(text: str) -> None:
    # Whatever stands between commas, equal signs and line ends may be a key, if it is no comment with a row of dots.
    parts = max(part.count(".") for part in re.split("[=,\n]", re.sub(r"\.{2,}", "", text)))
    if parts > _LONGEST_KEY:
        raise ValueError(f"a key must have at most {_LONGEST_KEY} dotted parts, not {parts}")


def toml_document(fields: dict[str, Any]) -> str:
    """Strings, numbers, lists of them and tables as TOML."""
    return "\n".join(_toml_lines(fields, "")) + "\n"


def _toml_lines(fields: dict[str, Any], place: str) -> Iterator[str]:
    tables = {name: value for name, value in fields.items() if isinstance(value, dict)}
    yield from (f"{name} = {_toml_value(value)}" for name, value in fields.items() if name not in tables)
    for name, table in tables.items():
        if not all(isinstance(value, dict) for value in table.values()):
            yield from ("", f"[{place}{name}]")
        yield from _toml_lines(table, f"{place}{name}.")


def _toml_value(value: Any) -> str:
    # Strings here are of one line without what steers a terminal, which JSON and TOML write alike; None is a reserved code.
    if isinstance(value, list):
        return f"[{', '.join(map(_toml_value, value))}]"
    return "nan" if value is None else json.dumps(value, ensure_ascii=False)


_KINDS = {kind.model_fields["kind"].default: kind for kind in get_args(get_args(Accumulator)[0])}
"""What a place is followed by that is an accumulator: pydantic names the member of a union by its tag."""


def _located(model: type[BaseModel], place: Sequence[str | int]) -> tuple[list[str], type[BaseModel]]:
    """What documents call a place, part by part, and the model of the table there."""
    named: list[str] = []
    for part in place:
        field = model.model_fields.get(str(part))
        if field is None and part in _KINDS:
            model = _KINDS[part]
            continue
        named.append(str(part))
        model = model if field is None else next(iter(_models_in(field.annotation)), model)
    return named, model


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Models anywhere in a type such as ``tuple[Grid, ...]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)


def _one_line(error: ValidationError, model: type[BaseModel]) -> str:
    """The first thing that is wrong: the field, the value and what is accepted."""
    first = error.errors(include_url=False)[0]
    named, _ = _located(model, first["loc"])
    field = ".".join(named)
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "value_error":
        message = _with_short_values(message, first["input"])
        return f"{field}: {message}" if field else message
    if first["type"] == "extra_forbidden":
        _, table = _located(model, first["loc"][:-1])
        accepted = sorted(table.model_fields, key=lambda name: name == _LAST_FIELD)
        return f"field {short(field)} is unknown; accepted are {', '.join(accepted)}{nearest(named[-1], accepted)}"
    if first["type"] == "too_short":
        return f"{field}: must hold at least {first.get('ctx', {}).get('min_length')} value(s), not {short(first['input'])}"
    if first["type"] == "tuple_type":
        return f"{field}: must be a list, not {short(first['input'])}"
    if first["type"] == "missing":
        return f"field {field!r} is required"
    if first["type"].startswith("union_tag"):
        kinds, given = ", ".join(map(repr, _KINDS)), first["input"]
        there = isinstance(given, dict) and "kind" in given
        return f"{field}.kind: must be one of {kinds}, not {short(given['kind']) if there else 'left out'}"
    for theirs, ours in _WORDS.items():
        message = message.replace(theirs, ours)
    message += _range(model, first["loc"]) if message.endswith(("an integer", "a number")) else ""
    return f"{field}: {message}, not {short(first['input'])}"


def _range(model: type[BaseModel], place: Sequence[str | int]) -> str:
    """``" from 1 to 256"``, where a field at this place has both limits."""
    _, table = _located(model, place[:-1])
    field = table.model_fields.get(str(place[-1]))
    stated = [] if field is None else field.metadata
    least, most = (
        [getattr(one, limit) for one in stated if getattr(one, limit, None) is not None] for limit in ("ge", "le")
    )
    return f" from {least[0]} to {most[0]}" if least and most else ""


_WORDS = {
    "Input should be": "must be", "a valid integer": "an integer", "a valid string": "a string", "a valid number": "a number",
    "a valid boolean": "true or false", "a valid dictionary or object to extract fields from": "a table",
    "a valid dictionary": "a table", "greater than or equal to": "at least", "less than or equal to": "at most",
    "Unable to parse input string as an integer, exceeded maximum size": "must be a smaller integer",
    ", got a number with a fractional part": "", ", unable to parse string as a number": "",
}  # fmt: skip
"""Words of pydantic, and those of all other messages."""


def _with_short_values(message: str, value: Any) -> str:
    """A validator's message, in which long values of the table or field that it looked at are shortened."""
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else (value,):
        if isinstance(part, dict | list):
            message = _with_short_values(message, part)
        elif isinstance(part, str):
            message = message.replace(repr(part), short(part))
    return message
