"""What every configuration can do: be read from a mapping or a TOML file, and be written as one."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self, get_args

from pydantic import BaseModel, ValidationError

from .accumulators import Accumulator, Frozen
from .errors import BitmillError


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
        return _toml_document(self.to_dict())


def read_toml(path: Path | str) -> dict[str, Any]:
    """The fields of a TOML file.

    Raises
    ------
    BitmillError
        If the file cannot be read or is not TOML.
    """
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise BitmillError(f"{path}: cannot read the configuration: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BitmillError(f"{path}: not a TOML file: {error}") from None


def _toml_document(fields: dict[str, Any]) -> str:
    """Strings, numbers and tables of them as TOML."""
    tables = {name: value for name, value in fields.items() if isinstance(value, dict)}
    lines = [_toml_line(name, value) for name, value in fields.items() if name not in tables]
    for name, table in tables.items():
        lines += ["", f"[{name}]", *(_toml_line(field, value) for field, value in table.items())]
    return "\n".join(lines) + "\n"


def _toml_line(name: str, value: str | int) -> str:
    # Strings here are names from fixed lists, which JSON and TOML write alike.
    return f"{name} = {json.dumps(value)}"


_KINDS = {kind.model_fields["kind"].default: kind for kind in get_args(get_args(Accumulator)[0])}
"""What a place is followed by that is an accumulator: pydantic names the member of a union by its tag."""


def _model_at(model: type[BaseModel], place: Sequence[str | int]) -> type[BaseModel]:
    """The model of the table at a place of a document."""
    for part in place:
        if part in _KINDS:
            model = _KINDS[part]
        elif isinstance(part, str):
            model = next(iter(_models_in(model.model_fields[part].annotation)), model)
    return model


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Models anywhere in a type such as ``tuple[Grid, ...]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)


def _one_line(error: ValidationError, model: type[BaseModel]) -> str:
    """The first thing that is wrong: the field, the value and what is accepted."""
    first = error.errors(include_url=False)[0]
    field = ".".join(str(part) for part in first["loc"] if part not in _KINDS)
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "value_error":
        return f"{field}: {message}" if field else message
    if first["type"] == "extra_forbidden":
        return f"field {field!r} is unknown; accepted are {', '.join(_model_at(model, first['loc'][:-1]).model_fields)}"
    if first["type"] == "too_short":
        return f"{field}: must hold at least {first.get('ctx', {}).get('min_length')} value(s), not {first['input']!r}"
    if first["type"] == "tuple_type":
        return f"{field}: must be a list, not {first['input']!r}"
    if first["type"] == "missing":
        return f"field {field!r} is required"
    return f"{field}: {message[0].lower()}{message[1:]}, not {first['input']!r}"
