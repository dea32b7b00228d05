"""What records call units and accumulators: short names that differ wherever two configurations differ."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from ..config import FORMULATIONS, USUAL, MacConfig, pipeline_name
from ..config.accumulators import Accumulator
from ..formats import Format, write_format

_NAMED_BY = {"float": "format", "fixed": "overflow"}
"""Accumulator kind to the field whose value stands for the kind in names."""
_SPELLED: Mapping[str, tuple[str, ...]] = {
    **{field: tuple(name for name in rows if name != USUAL[field]) for field, rows in FORMULATIONS.items()},
    "rounding": ("truncate",),
}
"""Fields of which these values stand for themselves; no two fields have one in common."""


def unit_key(config: MacConfig) -> str:
    """``e4m3-k32-exact``, ``mx-e2m1-k32-fp32``: a short name that tells units apart; what is as it is by default is left out.

    Whatever field has no short spelling stands at the end as ``name=value``, and behind it a digest of a user's formats.
    """
    rest = _changed(config)
    own = rest.pop("formats", ())
    parts = [_pair(rest.pop("weight").lower(), rest.pop("activation").lower()), f"k{config.lanes}"]
    rest.pop("lanes", None)
    if config.by_rows:
        parts.insert(1, f"{config.rows}x{config.cols}")
        rest = {name: value for name, value in rest.items() if name not in ("rows", "cols")}
    if config.is_usual_unit:
        rest.pop("unit", None)
    if config.scale == "E8M0":
        parts.insert(0, "mx")
        del rest["scale"]
    rest.pop("accumulator", None)
    parts.append(accumulator_key(config.accumulator))
    parts += [f"max{rest.pop('k_max')}"] if "k_max" in rest else []
    parts += [f"p{pipeline_name(rest.pop('pipeline'))}"] if "pipeline" in rest else []
    return "-".join([*parts, *_rest(rest), *([f"formats={rows_digest(own)}"] if own else [])])


def rows_digest(rows: tuple[Format, ...]) -> str:
    """Eight hexadecimal digits that tell formats of one name apart, which are a user's and may change."""
    tables = {row.name: write_format(row) for row in rows}
    return hashlib.sha256(json.dumps(tables, sort_keys=True).encode()).hexdigest()[:8]


def accumulator_key(accumulator: Accumulator) -> str:
    """``exact``, ``saturate18``, ``window24``, ``fp32-fused64`` or ``fp32-truncate``: the accumulator's part of a name.

    Whatever field has no short spelling stands at the end as ``name=value``.
    """
    name, width, rest = _parts(accumulator)
    fused = [f"fused{rest.pop('fused')}"] if "fused" in rest else []
    return "-".join([f"{name.lower()}{width}", *fused, *_rest(rest)])


_IN_WORDS = {"saturate": "saturating", "wrap": "wrapping"}


def label_of(accumulator: Accumulator) -> str:
    """For tables and pictures: ``exact``, ``saturating 18``, ``window 24``, ``FP16 fused 128`` or ``FP32 truncate``."""
    name, width, rest = _parts(accumulator)
    fused = [f"fused {rest.pop('fused')}"] if "fused" in rest else []
    return " ".join([_IN_WORDS.get(name, name), *([width] if width else []), *fused, *_rest(rest)])


def _parts(accumulator: Accumulator) -> tuple[str, str, dict[str, Any]]:
    """What its name begins with, its width if it says one, and the other fields that are not as usual."""
    rest = _changed(accumulator)
    rest.pop("kind", None)
    named_by = _NAMED_BY.get(accumulator.kind)
    if named_by is None:
        name = accumulator.kind
    else:
        name = getattr(accumulator, named_by)
        rest.pop(named_by, None)
    return name, str(rest.pop("width", "")), rest


def _pair(weight: str, activation: str) -> str:
    """``e4m3`` or ``e2m1xe4m3``."""
    if weight == activation:
        return weight
    return f"{weight} x {activation}" if "x" in weight + activation else f"{weight}x{activation}"


def _changed(model: BaseModel) -> dict[str, Any]:
    """Fields that must be given, and those that are not at their default."""
    return {
        name: getattr(model, name)
        for name, field in type(model).model_fields.items()
        if field.is_required() or getattr(model, name) != field.get_default(call_default_factory=True)
    }


def _rest(fields: Mapping[str, Any]) -> list[str]:
    return [
        value if value in _SPELLED.get(name, ()) else name if value is True else f"{name}={_plain(value)}"
        for name, value in fields.items()
    ]


def _plain(value: Any) -> str:
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)


def measured_id(part: str, target: str) -> str:
    """``e4m3-k32-exact/osu018-8ns``: the id of what was measured of a unit or another part of a study."""
    return f"{part}/{target}"


_TOPICS = {"clock": "timing", "fastest": "fastest", "spread": "spread", "power": "power"}


def topic_of(target: str) -> str:
    """The topic of records of a target, which may go on behind a hyphen; ``area`` where cells are counted."""
    return _TOPICS.get(target.partition("-")[0], "area")
