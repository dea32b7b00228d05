"""What readers call units and schemes: the field's words in place of the ids that records have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..config import MacConfig
from ..config.mac import NO_SCALE
from ..studies.ids import label_of
from ..studies.int_vs_fp.study import TIMES, Pair
from ..studies.records import Record
from ..studies.sweep.task import unit_of

_SCHEME_WORDS = {"bitmod": "BitMoD", "asym": "asymmetric", "ant4": "ANT", "olive4": "OliVe", "up": "rounded up"}
_SAID: Mapping[str, Mapping[Any, str]] = {
    "pipeline": {0: "no registers inside", 1: "registers after the multiplier", 2: "registers after the aligner"},
    "multiplier": {"operator": "synthesizer's multiplier", "columns": "columns of all lanes"},
}
"""Values of fields in words; others are said as ``barrel aligner`` or ``k_max 64``."""
_FIRST = ("weight", "activation", "unit", "lanes", "rows", "cols", "scale", "accumulator", "formats")
"""Fields that are said before all others."""


def scheme_title(name: str) -> str:
    """``BitMoD FP4``, ``INT4 asymmetric``, ``MXFP6 E3M2``."""
    return " ".join(_SCHEME_WORDS.get(part, part.upper()) for part in name.split("-"))


def unit_words(config: MacConfig) -> tuple[str, ...]:
    """``("E4M3", "8 lanes", "exact sum")``: what tells a unit of multiply-accumulates from others, formats first."""
    pair = Pair(config.weight, config.activation).label
    words = [pair if config.scale == NO_SCALE else f"{pair}, {config.scale} scales"]
    words += [f"{config.rows}{TIMES}{config.cols} array"] if config.by_rows else []
    words.append(f"{config.lanes} lane{'s' * (config.lanes > 1)}")
    label = label_of(config.accumulator)
    words.append("exact sum" if label == "exact" else label)
    for name, field in type(config).model_fields.items():
        value = getattr(config, name)
        if name not in _FIRST and value != field.get_default(call_default_factory=True):
            plain = name.replace("_", " ")
            usual = name if value is True else f"{value} {plain}" if str(value).isalpha() else f"{plain} {value}"
            words.append(_SAID.get(name, {}).get(value, usual))
    return tuple(words)


def unit_title(record: Record) -> str:
    """``E4M3, 8 lanes, exact sum``."""
    return ", ".join(unit_words(unit_of(record)))


def unit_names(records: Iterable[Record]) -> tuple[dict[str, str], str]:
    """Parts to names without what all have in common, and that: ``({"int8-k8-exact": "INT8"}, "8 lanes, exact sum")``."""
    found = {record.part: unit_words(unit_of(record)) for record in records}
    every = list(found.values())
    common = [word for word in (every[0] if every else ()) if all(word in words for words in every)]
    # A unit alone, or one that differs in a word that others lack, keeps its formats.
    names = {part: ", ".join(w for w in words if w not in common) or words[0] for part, words in found.items()}
    return names, ", ".join(word for word in common if word not in names.values())
