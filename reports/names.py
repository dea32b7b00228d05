"""What readers call units and schemes: the field's words in place of the ids that records have."""

from __future__ import annotations

from collections.abc import Iterable

from ..config import FORMULATIONS, MacConfig
from ..config.mac import NO_SCALE
from ..config.pipeline import PLACES, STAGES
from ..studies.ids import label_of
from ..studies.int_vs_fp.study import TIMES, Pair
from ..studies.records import Record
from ..studies.sweep.chosen import CHOSEN
from ..studies.sweep.task import unit_of
from .choice import listed

_SCHEME_WORDS = {"bitmod": "BitMoD", "asym": "asymmetric", "ant4": "ANT", "olive4": "OliVe", "up": "rounded up"}
_FIRST = ("weight", "activation", "unit", "lanes", "rows", "cols", "scale", "accumulator", "pipeline", "formats")
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
    words.append("exact sum" if (label := label_of(config.accumulator)) == "exact" else label)
    if config.pipeline != len(STAGES):
        places = [place for place in PLACES if config.registers(place)]
        words.append(f"registers after {listed(places)}" if places else "no registers inside")
    for name, field in type(config).model_fields.items():
        value, plain = getattr(config, name), name.replace("_", " ")
        if name not in _FIRST and value != field.get_default(call_default_factory=True):
            row = FORMULATIONS.get(name, {}).get(value)
            words.append((row and row.title) or (plain if value is True else f"{plain} {value}"))
    return tuple(words)


def unit_title(record: Record) -> str:
    """``E4M3, 8 lanes, exact sum``, in the formulation that it was measured in."""
    return ", ".join(unit_words(unit_of(record).model_copy(update=record.flow.get(CHOSEN, {}))))


def unit_names(records: Iterable[Record]) -> tuple[dict[str, str], str]:
    """Parts to names without what all have in common, and that: ``({"int8-k8-exact": "INT8"}, "8 lanes, exact sum")``."""
    found = {record.part: unit_words(unit_of(record)) for record in records}
    every = list(found.values())
    common = [word for word in (every[0] if every else ()) if all(word in words for words in every)]
    # A unit alone, or one that differs in a word that others lack, keeps its formats.
    names = {part: ", ".join(w for w in words if w not in common) or words[0] for part, words in found.items()}
    return names, ", ".join(word for word in common if word not in names.values())


def sentence(words: str) -> str:
    """With a great letter at the beginning."""
    return words[:1].upper() + words[1:]
