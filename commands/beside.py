"""What ``bitmill generate`` writes of a family beside its Verilog: tables, and the constants that units of rows are told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..config.family import Table
from ..config.rows import ROW_KEYS, RowConfig
from ..golden.rows.families import ROWS
from ..sim.row_payload import control_widths, controls, pack
from ..system.files import to_json

CONSTANTS = "constants.json"


@dataclass(frozen=True)
class Beside:
    """Texts of files by name, and what the manifest says of them."""

    files: Mapping[str, str] = field(default_factory=dict)
    described: Mapping[str, Any] = field(default_factory=dict)


def _nothing(_config: Any) -> Beside:
    return Beside()


def _of_rows(config: RowConfig) -> Beside:
    """``constants.json`` and a hex file of each table, which ``$readmemh`` reads: a word for each line, segment or channel."""
    told = ROWS.of(config).told(config)
    tables = {
        "channels": (told.channels, config.channel_fields),
        "lines": (told.lines, config.line_fields),
        **{name: ({name: np.array(values)}, {name: bits}) for name, (bits, values) in config.tables.items()},
    }
    files: dict[str, str] = {}
    words: dict[str, dict[str, Any]] = {}
    for name, (values, fields) in tables.items():
        if not fields:
            continue
        packed, width = _packed(values, fields), sum(fields.values())
        files[f"{name}.hex"] = "".join(f"{word:0{-(-width // 4)}x}\n" for word in packed)
        words[name] = {"file": f"{name}.hex", "words": len(packed), "width": width, "fields": dict(fields)}
    # Of the ports that are told in one cycle, the word as it stands there.
    levels = {
        name: hex(value) for cycle in controls(config, told)[:1] for name, value in cycle.items() if name == "constants"
    }
    constants = {
        "unit": config.title,
        **{name: value for name in config.told_fields if (value := getattr(config, name)) is not None},
        **told.to_dict(),
        **({"ports": levels} if levels else {}),
    }
    files[CONSTANTS] = to_json(constants)
    return Beside(files, {"tables": words, "run_time_constants": {"file": CONSTANTS, "ports": control_widths(config)}})


def _packed(values: Mapping[str, Any], fields: Mapping[str, int]) -> list[int]:
    columns = np.broadcast_arrays(*(values[name] for name in fields))
    return [pack(row, fields.values()) for row in zip(*(column.tolist() for column in columns), strict=True)]


BESIDE: Table[Callable[[Any], Beside]] = Table(
    "written with tables",
    dict.fromkeys(ROW_KEYS, _of_rows),
    others=_nothing,
)
"""By family."""
