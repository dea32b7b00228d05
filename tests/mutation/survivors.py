"""Survivors and why: ``survivors.toml`` has one entry per mutant that no test kills."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bitmill.system.errors import BitmillError

from .campaign import Trial

FILE = Path(__file__).with_name("survivors.toml")
KINDS = ("equivalent", "accepted")


@dataclass(frozen=True)
class Survivor:
    """Why a mutant may live: ``equivalent`` ones compute the same, ``accepted`` ones do not and no test sees it."""

    id: str
    change: str
    kind: Literal["equivalent", "accepted"]
    reason: str


def explained(path: Path = FILE) -> dict[str, Survivor]:
    """The entries by id.

    Raises
    ------
    BitmillError
        If an entry is incomplete, of an unknown kind, or there twice.
    """
    found: dict[str, Survivor] = {}
    for row in tomllib.loads(path.read_text(encoding="utf-8")).get("survivor", []):
        try:
            survivor = Survivor(**row)
        except TypeError as error:
            raise BitmillError(f"{path.name}: survivor must have id, change, kind and reason, not {row!r}") from error
        if survivor.kind not in KINDS:
            raise BitmillError(f"{path.name}: kind must be one of {', '.join(KINDS)}, not {survivor.kind!r}")
        if survivor.id in found:
            raise BitmillError(f"{path.name}: survivor must be there once, not {survivor.id!r} twice")
        found[survivor.id] = survivor
    return found


def unexplained(trials: Iterable[Trial], known: Mapping[str, Survivor]) -> list[Trial]:
    """The survivors without an entry."""
    return [trial for trial in trials if trial.verdict.verdict == "survived" and trial.mutant.id not in known]


def template(trial: Trial) -> str:
    """An entry for ``survivors.toml`` to be completed."""
    mutant = trial.mutant
    change = f"{mutant.before} -> {mutant.after}"
    place = f"# {mutant.path}:{mutant.line}"
    return f'{place}\n[[survivor]]\nid = "{mutant.id}"\nchange = {json.dumps(change)}\nkind = ""\nreason = ""\n'
