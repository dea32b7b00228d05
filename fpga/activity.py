"""How the pins of a netlist's cells move: read from a value change dump (VCD) that must be of that netlist."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..system.errors import BitmillError
from . import cache
from .recipes import DESIGN_FILE
from .synthesis import check_top
from .wrap import CLOCK

_NAMED = 3
"""Pins or cells that a message names before it counts the rest."""


@dataclass(frozen=True)
class PinActivity:
    """How a pin moves: toggles per cycle, and the share of the time that it is 1."""

    toggles: float
    high: float


@dataclass(frozen=True)
class NetlistCell:
    """An instance of a library cell: its type, and what each connected pin is connected to (a net's number, or a constant)."""

    library_cell: str
    pins: Mapping[str, str]


def netlist_cells(netlist: str, top: str) -> dict[str, NetlistCell]:
    """Instance name to cell of a flat Verilog netlist. Cached.

    Raises
    ------
    BitmillError
        If Yosys is missing or rejects the netlist.
    """
    script = f"read_verilog {DESIGN_FILE}\nhierarchy -top {check_top(top)}\nwrite_json cells.json\n"
    written = cache.yosys_cached(script, files={DESIGN_FILE: netlist}, outputs=["cells.json"])["cells.json"]
    cells = json.loads(written)["modules"][top]["cells"]
    return {
        name: NetlistCell(cell["type"], {pin: str(bits[0]) for pin, bits in cell["connections"].items() if bits})
        for name, cell in cells.items()
    }


def pin_activity(
    trace: str, *, cells: Mapping[str, NetlistCell], unit: str, cycles: int, source: str = "trace"
) -> dict[str, PinActivity]:
    """Activity of ``INSTANCE/PIN`` of every connected pin of every cell, over all of a trace.

    Values that change more than once at a time are counted as often as the trace writes them; simulators write the last.

    Parameters
    ----------
    trace
        Text of a value change dump that holds the unit's clock, ``clk``, and all pins of its cells.
    cells
        The netlist, as ``netlist_cells`` reads it.
    unit
        The scope that is the netlist's top module.
    cycles
        Clock cycles that the trace must hold, from a falling edge to a falling edge or from a rising one to a rising one.
    source
        What messages call the trace.

    Raises
    ------
    BitmillError
        If the trace is cut off, has other cells or pins than the netlist or another number of cycles, or leaves a pin unknown.
    """
    head, mark, body = trace.partition("$enddefinitions")
    if not mark:
        raise BitmillError(f"{source}: must be a whole VCD, not one whose definitions do not end")
    declared = _Declared.read(head, unit, source)
    names = declared.of(cells, source)
    counts = _counted(body, declared, names, source)
    _check_cycles(counts.edges, cycles, source)
    return {
        pin: PinActivity(counts.toggles[code] / cycles, counts.high[code] / counts.length)
        for code, whose in names.items()
        for pin in whose
    }


@dataclass(frozen=True)
class _Declared:
    """The definitions of a trace: all identifiers, the clock's, and of each cell the variables of its scope."""

    codes: frozenset[str]
    clock: str
    cells: Mapping[str, Mapping[str, str]]

    @classmethod
    def read(cls, head: str, unit: str, source: str) -> _Declared:
        scopes: list[str] = []
        codes: set[str] = set()
        clock: list[str] = []
        cells: dict[str, dict[str, str]] = {}
        for kind, rest in re.findall(r"\$(scope|upscope|var)\b(.*?)\$end", head, re.DOTALL):
            words = rest.split()
            if kind == "upscope":
                scopes = scopes[:-1]
                continue
            if kind == "scope":
                scopes.append(words[1].removeprefix("\\"))
                if unit in scopes[-2:-1]:
                    cells.setdefault(scopes[-1], {})
                continue
            code, name = words[2], words[3].removeprefix("\\")
            codes.add(code)
            if scopes[-1:] == [unit] and name == CLOCK:
                clock.append(code)
            if unit in scopes[-2:-1]:
                cells[scopes[-1]][name] = code
        if len(clock) != 1:
            raise BitmillError(
                f"{source}: must have one scope {unit!r} with the clock {CLOCK!r} of the netlist, not {len(clock)}"
            )
        return cls(frozenset(codes), clock[0], cells)

    def of(self, cells: Mapping[str, NetlistCell], source: str) -> dict[str, list[str]]:
        """Every identifier with the netlist's pins that it stands for; both sides must have the same cells."""
        lacking = [
            f"{name}/{pin}"
            for name, cell in cells.items()
            for pin in sorted(cell.pins)
            if pin not in self.cells.get(name, {})
        ]
        if lacking:
            raise BitmillError(f"{source}: must have every pin of the netlist, not lack {_some(lacking)}")
        foreign = [name for name in self.cells if name not in cells]
        if foreign:
            raise BitmillError(
                f"{source}: must have the netlist's cells only, not also {_some(foreign)}, which the netlist lacks"
            )
        found: dict[str, list[str]] = {}
        for name, cell in cells.items():
            for pin in sorted(cell.pins):
                found.setdefault(self.cells[name][pin], []).append(f"{name}/{pin}")
        return found


@dataclass(frozen=True)
class _Counts:
    """Toggles and time at 1 by identifier, the edges of the clock, and the length of the trace."""

    toggles: Mapping[str, int]
    high: Mapping[str, int]
    edges: tuple[int, int]
    length: int


def _counted(body: str, declared: _Declared, names: Mapping[str, list[str]], source: str) -> _Counts:
    wanted = {*names, declared.clock}
    toggles: dict[str, int] = dict.fromkeys(wanted, 0)
    high: dict[str, int] = dict.fromkeys(wanted, 0)
    rising = 0
    value: dict[str, str] = {}
    changed: dict[str, int] = {}
    start, now = None, 0
    for number, line in enumerate(body.splitlines()[1:], start=1):
        bit, code = line[:1], line[1:].strip()
        if bit == "#" and code.isdigit():
            now = int(code)
            start = now if start is None else start
        elif bit in "01xXzZ" and code in declared.codes:
            if code not in wanted:
                continue
            before = value.get(code)
            if before in ("0", "1") and bit in "01" and before != bit:
                toggles[code] += 1
                rising += code == declared.clock and bit == "1"
            if before == "1":
                high[code] += now - changed[code]
            value[code], changed[code] = bit, now
        elif not _harmless(line, declared.codes):
            raise BitmillError(
                f"{source}: must be a whole VCD, not one cut off or damaged at line {number} after its "
                f"definitions: {line!r}"
            )
    unknown = sorted(pin for code, whose in names.items() for pin in whose if value.get(code) not in ("0", "1"))
    if unknown:
        raise BitmillError(f"{source}: must leave every pin 0 or 1, not {_some(unknown)} unknown")
    for code, bit in value.items():
        high[code] += (now - changed[code]) * (bit == "1")
    return _Counts(toggles, high, (rising, toggles[declared.clock] - rising), max(now - (start or 0), 1))


def _harmless(line: str, codes: frozenset[str]) -> bool:
    """Whether a line is whole though it changes no single bit: a vector, a real number, a keyword, nothing."""
    words = line.split()
    if not words or words[0].startswith("$"):
        return True
    return words[0][0] in "bBrR" and len(words) == 2 and words[1] in codes


def _check_cycles(edges: tuple[int, int], cycles: int, source: str) -> None:
    if set(edges) != {cycles}:
        rising, falling = edges
        raise BitmillError(
            f"{source}: must have {cycles} cycles of {CLOCK}, not {rising} rising and {falling} falling edges; "
            "it is cut off or of another run"
        )


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    rest = f" and {len(listed) - _NAMED} more" if len(listed) > _NAMED else ""
    return ", ".join(listed[:_NAMED]) + rest
