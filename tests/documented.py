"""What a page of docs says of a model's fields and of tables: the columns that follow from the code."""

from __future__ import annotations

import json
import types
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from bitmill.config.formulations import ANY, FORMULATIONS, Formulation

# Written as text or as a table, whatever the model's own type is.
_AS_WRITTEN = {"formats": "tables", "accumulators": "list of tables"}
_PLAIN = {str: "text", int: "integer", float: "number", bool: "`true` or `false`"}


def field_rows(model: type[BaseModel]) -> Iterator[tuple[str, str, str]]:
    """Key, what may stand there, and the default of every field."""
    for name, field in model.model_fields.items():
        kind = _AS_WRITTEN.get(name) or _kind(field.annotation, field.metadata)
        yield f"`{name}`", kind, _default(field)


def formulation_rows(field: str) -> Iterator[tuple[str, str, str]]:
    """Name, what it is, and which units may have it, of every row of a field."""
    for row in FORMULATIONS[field].values():
        yield f"`{row.name}`", row.words, "; ".join(_conditions(row)) or "all"


def tables(text: str) -> list[list[tuple[str, ...]]]:
    """All tables of a text: rows of cells, the head first."""
    blocks = [block.splitlines() for block in text.split("\n\n") if block.startswith("|")]
    return [[_cells(line) for line in lines if not line.startswith("|--")] for lines in blocks]


def _cells(line: str) -> tuple[str, ...]:
    return tuple(cell.strip() for cell in line.strip()[1:-1].split("|"))


def _kind(annotation: Any, metadata: Iterable[Any] = ()) -> str:
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        further = [one for part in parts[1:] for one in (part.metadata if isinstance(part, FieldInfo) else [part])]
        return _kind(parts[0], [*further, *metadata])
    if origin is Literal:
        return " or ".join(f"`{json.dumps(part)}`" for part in parts)
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(_kind(part, metadata) for part in parts if part is not type(None)))
    if origin is tuple:
        most = next((f", at most {one.max_length}" for one in metadata if hasattr(one, "max_length")), "")
        return f"list{most}: {_kind(parts[0])}"
    if annotation in _PLAIN:
        return _PLAIN[annotation] + _range(metadata)
    return "table"


def _range(metadata: Iterable[Any]) -> str:
    said = {name: getattr(one, name) for one in metadata for name in ("ge", "gt", "le") if hasattr(one, name)}
    if "ge" in said and "le" in said:
        return f", {said['ge']} to {said['le']}"
    words = {"ge": "at least", "gt": "above", "le": "at most"}
    return "".join(f", {words[name]} {value:g}" for name, value in said.items())


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    value = value[0] if isinstance(value, tuple) and len(value) == 1 and isinstance(value[0], BaseModel) else value
    if isinstance(value, BaseModel):
        return f'`kind = "{value.model_dump()["kind"]}"`'
    if value in (None, (None,)) or (isinstance(value, tuple | Mapping) and not value):
        return "left out"
    return f"`{json.dumps(list(value) if isinstance(value, tuple) else value)}`"


def _conditions(row: Formulation) -> Iterator[str]:
    if row.pairs != ANY:
        yield f"pairs of {row.pairs}"
    if row.lanes > 1:
        yield f"{row.lanes} lanes or more"
    if row.fixed_terms:
        yield "any accumulator but `window`"
    if row.windows:
        yield "accumulator `window`"
    if row.scales:
        yield "with scales, not fused"
    if row.arrays_only:
        yield "arrays only, without scales"
    if not row.arrays:
        yield "no arrays"
    for field, names in row.only_with.items():
        yield f"{field} {' or '.join(f'`{name}`' for name in names)}"
