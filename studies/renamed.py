"""Records of schema 1 as they are called now: the one time that ids changed, by the map in ``renamed.json``."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

MAP = Path(__file__).with_name("renamed.json")


@cache
def _maps() -> Mapping[str, Any]:
    return json.loads(MAP.read_text(encoding="utf-8"))


def renamed(study: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """A record of a file of schema 1, with the id, topic and names of metrics that it has now."""
    names = _maps().get(study, {})
    topic = row["kind"]
    metrics = {**names.get("metrics", {}), **names.get("metrics of", {}).get(topic, {})}
    return {
        **row,
        "id": renamed_id(study, row["id"]),
        "kind": names.get("topics", {}).get(topic, topic),
        "flow": {name: _SOURCES.get(name, _same)(study, value) for name, value in row["flow"].items()},
        "metrics": {metrics.get(name, name): entry for name, entry in row["metrics"].items()},
    }


def renamed_id(study: str, old: str) -> str:
    """What a record is called now that was called ``old``."""
    names = _maps().get(study, {})
    for pattern, now in names.get("ids", ()):
        old, found = re.subn(pattern, now, old)
        if found:
            break
    parts = names.get("parts", {})
    return "/".join(parts.get(part, part) for part in old.split("/"))


def _same(_study: str, value: Any) -> Any:
    return value


def _record(_study: str, text: str) -> str:
    """``reports/results/bench/records.json: ID``, where a measurement was taken from."""
    where, _, old = text.partition(": ")
    return f"{where}: {renamed_id(Path(where).parent.name, old)}"


def _derived_from(study: str, sources: list[str]) -> list[str]:
    """``ID`` or ``ID: metric``."""
    split = (source.partition(": ") for source in sources)
    return [f"{renamed_id(study, old)}{colon}{metric}" for old, colon, metric in split]


_SOURCES = {"record": _record, "derived_from": _derived_from}
"""Entries of a record's flow that name other records."""
