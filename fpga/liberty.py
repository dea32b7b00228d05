"""A standard-cell library, of one or several Liberty files: the areas, and the cells that a flow must know by their function."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ..system.errors import BitmillError
from ..system.sources import source_digest
from . import cache
from .liberty_cell import AND2, BUFFER, INVERTER, NAND2, Adder, Cell, Gate, Storage
from .liberty_checks import in_si
from .liberty_clean import clean_library
from .liberty_files import read_texts
from .liberty_text import library_name

DEFAULT_LIBRARY = Path("/usr/share/qflow/tech/osu018/osu018_stdcells.lib")
"""Where Debian's package ``qflow-tech-osu018`` puts its library: 180 nm, 32 cells, freely distributable."""

LIBRARY_FILE = "cells.lib"
"""What scripts call the library; it is one of their files, so that results are cached by its text."""


@dataclass(frozen=True)
class ClockGate:
    """An integrated clock gate for rising edges: its pins; ``test`` is tied low."""

    cell: str
    clock: str
    enable: str
    out: str
    test: str | None = None


@dataclass(frozen=True)
class Library:
    """What a flow needs of a library.

    Attributes
    ----------
    name, text
        The library's own name, and the Liberty text that tools read: cells that may be mapped, their functions, areas and delays.
    areas
        Cell to area, in the library's unit. A register without an area (osu018's latch) has that of the flip-flop.
    registers
        Cells that hold state.
    nand2, inverter, flip_flop
        The smallest two-input NAND (the gate equivalent), inverter and D flip-flop; one for rising edges if there is any.
    and2, latch, full_adder, half_adder, clock_gate
        The smallest of their kind, or None where the library has none.
    load_ff
        Four times the inverter's input, femtofarads: what an output is taken to drive.
    key
        What records call it: the short name of a known library, such as ``sky130``, or its own name.
    sources_sha256
        Digest of its files as people have them.
    power
        Cell to Liberty text of what its pins' toggles cost; the units under ``""``.
    left_out
        Cells that are not mapped, and why.
    square_microns
        Square micrometres of a unit of area.
    node_nm
        The process in nanometres, where it is known.
    gate_adders
        Whether full adders of gates are tried beside the library's cell.
    sizing
        How recipes for area size cells: ``buffered`` or ``sized``, where buffers make units slower.
    has_buffer
        Whether there is a buffer, which abc maps nothing without.
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
    full_adder: Adder | None
    load_ff: float
    half_adder: Adder | None = None
    clock_gate: ClockGate | None = None
    key: str = ""
    sources_sha256: str = ""
    power: Mapping[str, str] = field(default_factory=dict, repr=False)
    left_out: Mapping[str, str] = field(default_factory=dict, repr=False)
    square_microns: float = 1.0
    node_nm: int | None = None
    gate_adders: bool = True
    sizing: str = "buffered"
    has_buffer: bool = True

    @cached_property
    def sha256(self) -> str:
        """Digest of the files, which names the library in a record."""
        return self.sources_sha256 or self.text_sha256

    @cached_property
    def text_sha256(self) -> str:
        """Digest of what tools read."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def gate_area(self) -> float:
        """Area of one gate equivalent."""
        return self.areas[self.nand2.cell]


@dataclass(frozen=True)
class Kind:
    """What is known of a library beside its files: as ``Library`` has it; ``as_it_is`` gives its one text to tools unchanged."""

    key: str = ""
    dont_use: tuple[str, ...] = ()
    square_microns: float = 1.0
    node_nm: int | None = None
    as_it_is: bool = False
    gate_adders: bool = True
    sizing: str = "buffered"


def read_library(*paths: Path | str, kind: Kind | None = None) -> Library:
    """Read a library of one or several Liberty files, plain or compressed; the default is Debian's osu018.

    Raises
    ------
    BitmillError
        If a file cannot be read, is not Liberty, is of another corner than the first, or the cells lack a NAND2, an inverter or a
        flip-flop.
    """
    if not paths and not DEFAULT_LIBRARY.exists():
        raise BitmillError(
            "missing library osu018: install it with `apt-get install qflow-tech-osu018`, or name one with --cells"
        )
    given = [Path(path) for path in paths] or [DEFAULT_LIBRARY]
    if not paths and kind is None:
        from .libraries import kind_named

        kind = kind_named("osu018")
    return parse_library(read_texts(given), kind=kind)


def parse_library(text: str | Mapping[str, str], *, source: str = "library", kind: Kind | None = None) -> Library:
    """A library from its text, or from what messages call its files to their texts; ``source`` is what they call one alone.

    Raises
    ------
    BitmillError
        As ``read_library``.
    """
    texts = {source: text} if isinstance(text, str) else dict(text)
    names: dict[str, str] = {}
    for called, one in texts.items():
        names[called] = library_name(one, source=called)
    # Whatever the order in which files are given, they are one library, and the same.
    texts = {called: texts[called] for called in sorted(texts, key=lambda called: names[called])}
    first = next(iter(texts))
    name, source = names[first], first if len(texts) == 1 else f"{first} and {len(texts) - 1} more"
    if kind is None:
        from .libraries import kind_of

        kind = kind_of(name)
    cleaned = _cleaned(texts, kind)
    tools_text = texts[first] if kind.as_it_is else str(cleaned["text"])
    try:
        script = f"read_liberty -ignore_miss_func {LIBRARY_FILE}\nwrite_json cells.json\n"
        described = cache.yosys_cached(script, files={LIBRARY_FILE: tools_text}, outputs=["cells.json"])["cells.json"]
    except BitmillError as error:
        of_cell = re.search(r"identifier at `(.*)' in (\S+?)\.", str(error))
        if of_cell is not None:
            raise BitmillError(
                f"liberty {source}: functions of {of_cell[2]} must be of its pins and ! ' & * | + ^, "
                f"not go on with {of_cell[1]!r}"
            ) from None
        raise BitmillError(
            f"liberty {source}: must be a Liberty file that Yosys reads, not this one: {error}"
        ) from None
    cells = {cell.removeprefix("\\"): Cell(row) for cell, row in json.loads(described)["modules"].items()}
    digests = [hashlib.sha256(one.encode()).hexdigest() for one in texts.values()]
    whole = digests[0] if len(digests) == 1 else hashlib.sha256(" ".join(sorted(digests)).encode()).hexdigest()
    return _library(source, name, tools_text, cells, cleaned, kind, whole)


def _cleaned(texts: Mapping[str, str], kind: Kind) -> dict[str, Any]:
    """``clean_library`` through the cache: large libraries take seconds."""
    inputs = {
        "texts": [hashlib.sha256(text.encode()).hexdigest() for text in texts.values()],
        # Messages name files; a library that was read once has none of them.
        "dont_use": list(kind.dont_use),
        "source": source_digest(__name__),
    }
    return cache.cached("liberty", inputs, lambda: clean_library(texts, dont_use=kind.dont_use))


def _library(
    source: str,
    name: str,
    text: str,
    cells: Mapping[str, Cell],
    cleaned: Mapping[str, Any],
    kind: Kind,
    sha256: str,
) -> Library:
    def smallest(found: Mapping[str, Any], what: str | None = None) -> Any:
        if not found and what:
            unused = [f"{cell}: {why}" for cell, why in list(cleaned["left_out"].items())[:4]]
            beside = f" ({', '.join(unused)})" if unused else ""
            raise BitmillError(
                f"liberty {source}: must have {what}, not only {', '.join(list(cells)[:8]) or 'no cell'}{beside}"
            )
        return found[min(found, key=lambda cell: (cells[cell].area, cell))] if found else None

    def gate(table: int, inputs: int, what: str | None = None) -> Any:
        return smallest(
            {
                cell: Gate(cell, row.inputs, row.outputs[0])
                for cell, row in cells.items()
                if row.area > 0
                and len(row.inputs) == inputs
                and len(row.outputs) == 1
                and row.tables == {row.outputs[0]: table}
            },
            what,
        )

    def adder(inputs: int) -> Any:
        return smallest({cell: found for cell, row in cells.items() if (found := row.adder(cell, inputs))})

    gates: Mapping[str, Any] = cleaned["gates"]
    gate_areas = {cell: found["area"] for cell, found in gates.items() if found["area"] > 0}
    clock_gate = min(gate_areas, key=lambda cell: (gate_areas[cell], cell), default=None)
    stored = {cell: found for cell, row in cells.items() if cell not in gates and (found := row.storage(cell))}
    nand2 = gate(NAND2, 2, "a two-input NAND gate with an area")
    inverter = gate(INVERTER, 1, "an inverter with an area")

    def register(kind: str, avoid: Callable[[Storage], bool], what: str | None = None) -> Any:
        """The smallest with the inverters that it takes, then the one with the fewest pins to tie."""
        found = {cell: use for cell, (base, use) in stored.items() if base == kind}

        def cost(cell: str) -> tuple[bool, float, int, str]:
            use = found[cell]
            inverters = use.inverted + avoid(use)
            return not cells[cell].area, cells[cell].area + inverters * cells[inverter.cell].area, len(use.tied), cell

        smallest(found, what)
        return found[min(found, key=cost)] if found else None

    # A clock is inverted once for many flip-flops, but then it is another clock than that of rising edges.
    rising = any(base == "DFF" and use.rising for base, use in stored.values())
    if rising:
        stored = {cell: (base, use) for cell, (base, use) in stored.items() if base != "DFF" or use.rising}
    flip_flop = register("DFF", lambda _: False, "a D flip-flop")
    registers = frozenset([*(cell for cell, row in cells.items() if row.is_register), *gate_areas])
    areas = {cell: row.area or cells[flip_flop.cell].area * (cell in registers) for cell, row in cells.items()}
    areas |= gate_areas
    return Library(
        name=name,
        text=text,
        areas=areas,
        registers=registers,
        nand2=nand2,
        inverter=inverter,
        flip_flop=flip_flop,
        and2=gate(AND2, 2),
        latch=register("DLATCH", lambda use: use.rising),
        full_adder=adder(3),
        half_adder=adder(2),
        clock_gate=ClockGate(clock_gate, **gates[clock_gate]["pins"]) if clock_gate else None,
        load_ff=round(4 * cells[inverter.cell].capacitance(inverter.inputs[0]) * _femtofarads(source, text), 3),
        key=kind.key or name,
        sources_sha256=sha256,
        power=cleaned["power"],
        left_out=cleaned["left_out"],
        square_microns=kind.square_microns,
        node_nm=kind.node_nm,
        gate_adders=kind.gate_adders,
        sizing=kind.sizing,
        has_buffer=gate(BUFFER, 1) is not None,
    )


def _femtofarads(source: str, text: str) -> float:
    unit = re.search(r"capacitive_load_unit\s*\(\s*\"?([\d.]+)\"?\s*,\s*\"?(\w+)\"?\s*\)", text)
    farads = None if unit is None else in_si(unit[1] + unit[2])
    if farads is None:
        raise BitmillError(f"liberty {source}: capacitive_load_unit must be given in ff, pf or nf, not left out")
    return farads * 1e15
