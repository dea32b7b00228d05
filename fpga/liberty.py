"""A Liberty cell library, read by Yosys: the areas, and the cells that a flow must know by their function."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ..system.errors import BitmillError
from ..system.files import read_bytes
from . import cache

DEFAULT_LIBRARY = Path("/usr/share/qflow/tech/osu018/osu018_stdcells.lib")
"""Where Debian's package ``qflow-tech-osu018`` puts its library: 180 nm, 32 cells, freely distributable."""

LIBERTY_BYTES = 1 << 28
"""Longest library that is read; those of whole foundry kits are tens of megabytes."""

LIBRARY_FILE = "cells.lib"
"""What scripts call the library; it is one of their files, so that results are cached by its text."""

_FEMTOFARADS = {"ff": 1.0, "pf": 1000.0, "nf": 1e6}
_GATES = {
    "$_NOT_": lambda a: 1 - a,
    "$_BUF_": lambda a: a,
    "$_AND_": lambda a, b: a & b,
    "$_OR_": lambda a, b: a | b,
    "$_XOR_": lambda a, b: a ^ b,
}
# Truth tables, least significant bit for all inputs 0. All are symmetric, so the order of the inputs does not matter.
_INVERTER, _NAND2, _AND2, _XOR3, _MAJORITY = 0b01, 0b0111, 0b1000, 0b1001_0110, 0b1110_1000


@dataclass(frozen=True)
class Gate:
    """A combinational cell of one output: its name and pins."""

    cell: str
    inputs: tuple[str, ...]
    output: str


@dataclass(frozen=True)
class FullAdder:
    """A cell with three interchangeable inputs, their sum and their carry."""

    cell: str
    inputs: tuple[str, str, str]
    sum: str
    carry: str


@dataclass(frozen=True)
class Storage:
    """A flip-flop or a latch without set and reset; ``rising``: clocked by the rising edge, or open while high."""

    cell: str
    data: str
    clock: str
    output: str
    rising: bool


@dataclass(frozen=True)
class Library:
    """What a flow needs of a library.

    Attributes
    ----------
    name, text
        The library's own name, and its Liberty text.
    areas
        Cell to area, in the library's unit. A register without an area (osu018's latch) has that of the flip-flop.
    registers
        Cells that hold state.
    nand2, inverter, flip_flop
        The smallest two-input NAND (the gate equivalent), inverter and plain rising-edge D flip-flop.
    and2, latch, full_adder
        The smallest of their kind, or None where the library has none.
    load_ff
        Four times the inverter's input, femtofarads: what an output is taken to drive.
    """

    name: str
    text: str
    areas: Mapping[str, float]
    registers: frozenset[str]
    nand2: Gate
    inverter: Gate
    flip_flop: Storage
    and2: Gate | None
    latch: Storage | None
    full_adder: FullAdder | None
    load_ff: float

    @cached_property
    def sha256(self) -> str:
        """Digest of the text, which names the library in a record."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def gate_area(self) -> float:
        """Area of one gate equivalent."""
        return self.areas[self.nand2.cell]


def read_library(path: Path | str | None = None) -> Library:
    """Read a Liberty file; the default is Debian's osu018.

    Raises
    ------
    BitmillError
        If the file cannot be read, is not Liberty, or lacks a NAND2, an inverter or a flip-flop.
    """
    where = DEFAULT_LIBRARY if path is None else Path(path)
    if path is None and not where.exists():
        raise BitmillError(
            "missing library osu018: install it with `apt-get install qflow-tech-osu018`, or name one with --liberty"
        )
    try:
        text = read_bytes(where, "a Liberty file", limit=LIBERTY_BYTES).decode("utf-8", "replace")
    except BitmillError as error:
        raise BitmillError(f"liberty {error}") from None
    return parse_library(text, source=str(where))


def parse_library(text: str, *, source: str = "library") -> Library:
    """A library from its text; ``source`` is what messages call it.

    Raises
    ------
    BitmillError
        As ``read_library``.
    """
    name = re.search(r"\blibrary\s*\(\s*\"?([^\")\s]+)", text)
    if name is None:
        raise BitmillError(f"liberty {source}: must be a Liberty file, not text without a library group")
    try:
        script = f"read_liberty -ignore_miss_func {LIBRARY_FILE}\nwrite_json cells.json\n"
        described = cache.yosys_cached(script, files={LIBRARY_FILE: text}, outputs=["cells.json"])["cells.json"]
    except BitmillError as error:
        raise BitmillError(
            f"liberty {source}: must be a Liberty file that Yosys reads, not this one: {error}"
        ) from None
    cells = {cell.removeprefix("\\"): _Cell(row) for cell, row in json.loads(described)["modules"].items()}
    return _library(source, name[1], text, cells)


def cell_models(library: Library) -> str:
    """Verilog of what every cell does, from the functions of the Liberty file, to simulate netlists with. Cached.

    Raises
    ------
    BitmillError
        If Yosys is missing or fails.
    """
    script = f"read_liberty -ignore_miss_func {LIBRARY_FILE}\nopt_clean\nwrite_verilog -noattr models.v\n"
    return cache.yosys_cached(script, files={LIBRARY_FILE: library.text}, outputs=["models.v"])["models.v"]


def _library(source: str, name: str, text: str, cells: Mapping[str, _Cell]) -> Library:
    def smallest(found: Mapping[str, Any], what: str | None = None) -> Any:
        if not found and what:
            raise BitmillError(
                f"liberty {source}: must have {what}, not only {', '.join(list(cells)[:8]) or 'no cell'}"
            )
        return found[min(found, key=lambda cell: (cells[cell].area, cell))] if found else None

    def gate(table: int, inputs: int, what: str | None = None) -> Any:
        return smallest(
            {
                cell: Gate(cell, row.inputs, row.outputs[0])
                for cell, row in cells.items()
                if row.area > 0 and len(row.inputs) == inputs and row.tables == {row.outputs[0]: table}
            },
            what,
        )

    stored = {cell: row.storage(cell) for cell, row in cells.items()}
    flip_flops = {
        cell: found[1] for cell, found in stored.items() if found and found[0] == "$_DFF_" and found[1].rising
    }
    latches = {cell: found[1] for cell, found in stored.items() if found and found[0] == "$_DLATCH_"}
    adders = {cell: adder for cell, row in cells.items() if (adder := row.full_adder(cell))}
    nand2 = gate(_NAND2, 2, "a two-input NAND gate with an area")
    inverter = gate(_INVERTER, 1, "an inverter with an area")
    flip_flop = smallest(flip_flops, "a rising-edge D flip-flop without set and reset")
    registers = frozenset(cell for cell, row in cells.items() if row.is_register)
    areas = {cell: row.area or cells[flip_flop.cell].area * (cell in registers) for cell, row in cells.items()}
    return Library(
        name=name,
        text=text,
        areas=areas,
        registers=registers,
        nand2=nand2,
        inverter=inverter,
        flip_flop=flip_flop,
        and2=gate(_AND2, 2),
        latch=smallest(latches),
        full_adder=smallest(adders),
        load_ff=round(4 * cells[inverter.cell].capacitance(inverter.inputs[0]) * _femtofarads(source, text), 3),
    )


def _femtofarads(source: str, text: str) -> float:
    unit = re.search(r"capacitive_load_unit\s*\(\s*\"?([\d.]+)\"?\s*,\s*\"?(\w+)\"?\s*\)", text)
    if unit is None or unit[2].lower() not in _FEMTOFARADS:
        raise BitmillError(f"liberty {source}: capacitive_load_unit must be given in ff, pf or nf, not left out")
    return float(unit[1]) * _FEMTOFARADS[unit[2].lower()]


class _Cell:
    """One cell as Yosys wrote it: gates and registers between named pins."""

    def __init__(self, row: Mapping[str, Any]) -> None:
        ports = row["ports"]
        self.inputs = tuple(name for name, port in ports.items() if port["direction"] == "input")
        self.outputs = tuple(name for name, port in ports.items() if port["direction"] == "output")
        self.area = float(row["attributes"].get("area", 0))
        self._bits = {name: port["bits"][0] for name, port in ports.items()}
        self._nets = row["netnames"]
        self._gates = [(cell["type"], cell["connections"]) for cell in row["cells"].values()]
        self._drivers = {
            pins[output][0]: (kind, pins) for kind, pins in self._gates for output in ("Y", "Q") if output in pins
        }

    @property
    def is_register(self) -> bool:
        return any(re.match(r"\$_(DFF|DLATCH|SR|ALDFF|SDFF)", kind) for kind, _ in self._gates)

    def capacitance(self, pin: str) -> float:
        return float(self._nets[pin]["attributes"].get("capacitance", 0))

    @cached_property
    def tables(self) -> Mapping[str, int]:
        """Output pin to truth table; empty where the cell is no function of few inputs."""
        known = all(kind in _GATES for kind, _ in self._gates)
        driven = all(self._bits[output] in self._drivers for output in self.outputs)
        if not (known and driven and 0 < len(self.inputs) <= 3 and self.outputs):
            return {}
        return {output: self._table(output) for output in self.outputs}

    def _table(self, output: str) -> int:
        table = 0
        for index, values in enumerate(itertools.product((0, 1), repeat=len(self.inputs))):
            given = {self._bits[name]: value for name, value in zip(self.inputs, values, strict=True)}
            table |= self._value(self._bits[output], given) << index
        return table

    def _value(self, bit: int | str, given: Mapping[int, int]) -> int:
        if isinstance(bit, str):
            return int(bit == "1")
        if bit in given:
            return given[bit]
        kind, pins = self._drivers[bit]
        return _GATES[kind](*(self._value(pins[pin][0], given) for pin in ("A", "B") if pin in pins))

    def full_adder(self, cell: str) -> FullAdder | None:
        if len(self.inputs) != 3 or self.area <= 0 or set(self.tables.values()) != {_XOR3, _MAJORITY}:
            return None
        by_table = {table: output for output, table in self.tables.items()}
        a, b, c = self.inputs
        return FullAdder(cell, (a, b, c), sum=by_table[_XOR3], carry=by_table[_MAJORITY])

    def storage(self, cell: str) -> tuple[str, Storage] | None:
        """``$_DFF_`` or ``$_DLATCH_`` and the pins, for a register whose only inputs are data and clock."""
        pins_of = {self._bits[name]: name for name in self.inputs}
        for output in self.outputs:
            kind, pins = self._drivers.get(self._bits[output], ("", {}))
            base = re.match(r"\$_(DFF|DLATCH)_(?=[PN]_)", kind)
            if base is None:
                continue
            clock, rising = (pins.get("C") or pins["E"])[0], kind.endswith("P_")
            while self._drivers.get(clock, ("",))[0] == "$_NOT_":
                clock, rising = self._drivers[clock][1]["A"][0], not rising
            if {clock, pins["D"][0]} == set(pins_of):
                return base[0], Storage(cell, pins_of[pins["D"][0]], pins_of[clock], output, rising)
        return None
