"""What there is in the records: contenders, sources and hardware, in the order of tables and pictures."""

from __future__ import annotations

from collections.abc import Iterable

from ...models.captured.rows import Unit
from ...studies.nonlinear.accuracy import accuracy_id
from ...studies.nonlinear.synthetic import LENGTHS
from ...studies.records import Record, Records
from ..libraries import USUAL

_PROFILE_WORDS = {"ivit": "I-ViT", "ibert": "I-BERT", "accurate": "bitmill's accurate"}
UNIT_TITLES: dict[str, str] = {"softmax": "softmax", "gelu": "GELU", "layernorm": "LayerNorm"}


def unit_title(unit: str) -> str:
    """What readers call it; hardware has units besides those that are judged."""
    return {**UNIT_TITLES, "requantize": "requantizer"}.get(unit, unit)


def titles(records: Records, unit: str) -> dict[str, str]:
    """Contender to title, of one unit."""
    return {record.config["contender"]: title_of(record.config["title"]) for record in whole(records, unit)}


def title_of(title: str) -> str:
    """A profile as readers call it: ``I-ViT (8-bit output)``."""
    name = next((name for name in _PROFILE_WORDS if title.startswith(name)), "")
    return _PROFILE_WORDS.get(name, "") + title.removeprefix(name)


def whole(records: Records, unit: str, kind: str | None = None) -> list[Record]:
    """Errors over all places of a source, of one unit and kind of rows or all."""
    return [
        record
        for record in records.of_kind("accuracy")
        if record.config["unit"] == unit and kind in (None, record.config["kind"]) and not is_place(record)
    ]


def is_place(record: Record) -> bool:
    """Whether errors are of one place among several."""
    config = record.config
    return record.id != accuracy_id(config["unit"], config["contender"], config["source"])


def sources(records: Iterable[Record]) -> list[str]:
    """The sources of errors, in their order."""
    return list(dict.fromkeys(record.config["source"] for record in records))


def scale_name(scale: float) -> str:
    """``1/16`` where it is one over an integer, else its digits."""
    return f"1/{1 / scale:g}" if (1 / scale).is_integer() else f"{scale:g}"


def source_title(source: str) -> str:
    """``t(3), scale 0.0625, L = 197`` and the like."""
    kind, *rest = source.split("/")
    length = f", L = {rest[-1].removeprefix('L')}" if rest[-1].startswith("L") else ""
    if kind == "t3":
        return f"Student's t(3), scale {scale_name(float(rest[0]))}{length}"
    if kind == "normal":
        return f"normal, sigma {rest[0]}{length}"
    if kind == "codes":
        return f"every code, scale {scale_name(float(rest[0]))}"
    return f"captured{length}"


def groups(records: Records, unit: Unit) -> dict[str, list[str]]:
    """Sources of a unit by what is not their length: scale, sigma, or captured; each list by rising length."""
    found: dict[str, list[str]] = {}
    for source in sources(whole(records, unit)):
        kind, *rest = source.split("/")
        if kind == "codes":
            continue
        found.setdefault(_without_length(kind, rest), []).append(source)
    return {name: sorted(listed, key=length_of) for name, listed in found.items()}


def _without_length(kind: str, rest: list[str]) -> str:
    if kind == "t3":
        return f"scale {scale_name(float(rest[0]))}"
    return f"sigma {rest[0]}" if kind == "normal" else "captured"


def length_of(source: str) -> int:
    """Row length that a source's key ends in."""
    return int(source.rpartition("/L")[2])


def worst(records: Records, unit: str, contender: str, metric: str, *, captured: bool) -> Record | None:
    """The record of a contender with the greatest metric, on captured rows or on made-up ones of the lengths that are swept."""
    found = [
        record
        for record in whole(records, unit)
        if record.config["contender"] == contender
        and (record.config["kind"] == "captured") == captured
        and (captured or record.config["length"] in LENGTHS)
    ]
    return max(found, key=lambda record: record.number(metric), default=None)


def hardware(records: Records, target: str | None = None) -> list[Record]:
    """Records of hardware, of one target or all."""
    return [record for record in records.of_kind("hardware") if target in (None, record.config["target"])]


def cells(records: Records, library: str = USUAL) -> list[Record]:
    """Records of hardware on a cell library."""
    return hardware(records, library)


def cell_libraries(records: Records) -> list[str]:
    """The cell libraries that hardware was measured on."""
    others = {record.config["target"] for record in hardware(records)} - {"generic", "ecp5", "clock", "cycles"}
    return sorted(others, key=lambda name: (name != USUAL, name))
