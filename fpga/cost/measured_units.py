"""Files of measured units, a draw of the space each: what the models were fitted on, and what they are judged by."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...config import MacConfig
from ...system.errors import BitmillError

TARGETS = ("generic", "ecp5")
"""Targets of the models."""

FITTED = "fitted.json"
"""Name of the file of units that the models were fitted on."""

HELD_OUT = "held-out.json"
"""Name of the file of units that were drawn with another seed, and that no model was fitted on."""

SCHEMA = 1
_METRICS = ("logic", "registers")


Cells = tuple[float, float, str]
"""Logic, registers, which are gate equivalents too on a cell library, and the name of the recipe."""


@dataclass(frozen=True)
class Measured:
    """A unit of a draw and what synthesis gave.

    Attributes
    ----------
    seed, index
        Its place in the draw.
    config
        The configuration as plain data.
    cells
        By target: logic, registers and the name of the recipe.
    error
        Why there are no cells; None if there are.
    """

    seed: int
    index: int
    config: dict[str, Any]
    cells: dict[str, Cells]
    error: str | None = None


@dataclass(frozen=True)
class Units:
    """Units of draws with what synthesis gave.

    Attributes
    ----------
    about
        How they were drawn and measured, in words.
    tools
        Versions of what measured them.
    measured
        In order.
    targets
        Those that units were synthesized for: of the models of gates and LUTs, or a cell library.
    """

    about: str
    tools: Mapping[str, str]
    measured: tuple[Measured, ...]
    targets: tuple[str, ...] = TARGETS

    @property
    def synthesized(self) -> tuple[Measured, ...]:
        """Those that have cells."""
        return tuple(found for found in self.measured if found.error is None)

    def to_json(self) -> str:
        """The text of the file, a line per unit."""
        lines = (
            json.dumps([
                found.seed, found.index, found.config,
                *([found.error] if found.error else (found.cells[target] for target in self.targets)),
            ], separators=(",", ":"))
            for found in self.measured
        )  # fmt: skip
        head = json.dumps(
            {"schema": SCHEMA, "about": self.about, "tools": dict(self.tools), "targets": self.targets}, indent=1
        )
        return f'{head[:-2]},\n "units": [\n' + ",\n".join(lines) + "\n]}\n"

    @classmethod
    def load(cls, path: Path) -> Units:
        """Read what ``to_json`` wrote.

        Raises
        ------
        BitmillError
            If the file cannot be read or holds something else.
        """
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            if document["schema"] != SCHEMA:
                raise ValueError(f"schema must be {SCHEMA}, not {document['schema']!r}")
            targets = tuple(document["targets"])
            units = tuple(_measured(row, targets) for row in document["units"])
            return cls(document["about"], document["tools"], units, targets)
        except OSError as error:
            raise BitmillError(f"{path}: cannot read the measured units: {error.strerror}") from None
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise BitmillError(f"{path}: not a file of measured units of bitmill: {error}") from None


def _measured(row: list[Any], targets: tuple[str, ...]) -> Measured:
    seed, index, config, *rest = row
    if isinstance(rest[0], str):
        return Measured(seed, index, config, {}, rest[0])
    cells = {
        target: (logic, registers, recipe) for target, (logic, registers, recipe) in zip(targets, rest, strict=True)
    }
    return Measured(seed, index, config, cells)


@dataclass(frozen=True)
class Sample:
    """A unit and what one metric of one target was."""

    config: MacConfig
    value: float


def samples(measured: Iterable[Measured], target: str, metric: str) -> list[Sample]:
    """The synthesized units with one of their numbers."""
    place = _METRICS.index(metric)
    return [
        Sample(MacConfig.from_dict(found.config), float((found.cells[target][0], found.cells[target][1])[place]))
        for found in measured
        if found.error is None
    ]
