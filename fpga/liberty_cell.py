"""What one cell of a library does, found in the gates and registers that Yosys makes of its Liberty functions."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

_GATES = {
    "$_NOT_": lambda a: 1 - a,
    "$_BUF_": lambda a: a,
    "$_AND_": lambda a, b: a & b,
    "$_OR_": lambda a, b: a | b,
    "$_XOR_": lambda a, b: a ^ b,
    "$_NAND_": lambda a, b: 1 - (a & b),
    "$_NOR_": lambda a, b: 1 - (a | b),
    "$_XNOR_": lambda a, b: 1 - (a ^ b),
    "$_ANDNOT_": lambda a, b: a & (1 - b),
    "$_ORNOT_": lambda a, b: a | (1 - b),
}
# Truth tables, least significant bit for all inputs 0. All are symmetric, so the order of the inputs does not matter.
INVERTER, BUFFER, NAND2, AND2 = 0b01, 0b10, 0b0111, 0b1000
XOR2 = 0b0110
XOR3, MAJORITY = 0b1001_0110, 0b1110_1000
_MOST_INPUTS = 6
"""Of a register's next state or a gate whose function is looked at."""


@dataclass(frozen=True)
class Gate:
    """A combinational cell of one output: its name and pins."""

    cell: str
    inputs: tuple[str, ...]
    output: str


@dataclass(frozen=True)
class Adder:
    """A cell with two or three interchangeable inputs, their sum and their carry, either perhaps inverted."""

    cell: str
    inputs: tuple[str, ...]
    sum: str
    carry: str
    sum_inverted: bool = False
    carry_inverted: bool = False


@dataclass(frozen=True)
class Storage:
    """A flip-flop or a latch.

    Attributes
    ----------
    rising
        Clocked by the rising edge, or open while high.
    inverted
        Whether ``output`` is the inverse of what was stored.
    tied
        Pins that are not used, such as resets, and the constants that make them so.
    """

    cell: str
    data: str
    clock: str
    output: str
    rising: bool
    inverted: bool = False
    tied: tuple[tuple[str, int], ...] = ()

    @property
    def plain(self) -> bool:
        """Whether it is a rising-edge flip-flop of data, clock and output alone."""
        return self.rising and not self.inverted and not self.tied


class Cell:
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
        """Whether it holds state."""
        return any(re.match(r"\$_(DFF|DLATCH|SR|ALDFF|SDFF)", kind) for kind, _ in self._gates)

    def capacitance(self, pin: str) -> float:
        """Of an input, in the library's unit."""
        return float(self._nets[pin]["attributes"].get("capacitance", 0))

    @cached_property
    def tables(self) -> Mapping[str, int]:
        """Output pin to truth table; empty where the cell is no function of few inputs."""
        known = all(kind in _GATES for kind, _ in self._gates)
        driven = all(
            self._bits[output] in self._drivers or self._bits[output] in self._input_bits for output in self.outputs
        )
        if not (known and driven and 0 < len(self.inputs) <= 3 and self.outputs):
            return {}
        return {output: self._table(self._bits[output], self.inputs) for output in self.outputs}

    @cached_property
    def _input_bits(self) -> Mapping[int | str, str]:
        return {self._bits[name]: name for name in self.inputs}

    def _table(
        self,
        bit: int | str,
        inputs: tuple[str, ...],
        fixed: Mapping[str, int] | None = None,
        held: int = 0,
    ) -> int:
        table = 0
        for index, values in enumerate(itertools.product((0, 1), repeat=len(inputs))):
            named = {**(fixed or {}), **dict(zip(inputs, values, strict=True))}
            given = {**dict.fromkeys(self._states, held), **{self._bits[name]: value for name, value in named.items()}}
            table |= self._value(bit, given) << index
        return table

    def _value(self, bit: int | str, given: Mapping[int | str, int]) -> int:
        if bit in given:
            return given[bit]
        if isinstance(bit, str):
            return int(bit == "1")
        kind, pins = self._drivers[bit]
        return _GATES[kind](*(self._value(pins[pin][0], given) for pin in ("A", "B") if pin in pins))

    @cached_property
    def _states(self) -> frozenset[int | str]:
        """What registers hold: Yosys has two of them, for the state and for its inverse, which follow each other."""
        return frozenset(bit for bit, (kind, _) in self._drivers.items() if kind not in _GATES)

    def _reads(self, bit: int | str) -> set[str] | None:
        """The inputs that a bit is a function of, or None where it is not one of gates, inputs and the state alone."""
        if isinstance(bit, str) or bit in self._states:
            return set()
        if bit in self._input_bits:
            return {self._input_bits[bit]}
        kind, pins = self._drivers.get(bit, ("", {}))
        if kind not in _GATES:
            return None
        found: set[str] = set()
        for pin in ("A", "B"):
            below = self._reads(pins[pin][0]) if pin in pins else set()
            if below is None:
                return None
            found |= below
        return found

    def adder(self, cell: str, inputs: int) -> Adder | None:
        """A full (3) or half (2) adder, if the cell is one."""
        if len(self.inputs) != inputs or len(self.outputs) != 2 or self.area <= 0 or len(self.tables) != 2:
            return None
        ones = (1 << (1 << inputs)) - 1
        sums, carries = {2: (XOR2, AND2), 3: (XOR3, MAJORITY)}[inputs]
        of = {
            (role, inverted): output
            for output, table in self.tables.items()
            for role, wanted in (("sum", sums), ("carry", carries))
            for inverted in (False, True)
            if table == (wanted ^ ones if inverted else wanted)
        }
        found = {role: (output, inverted) for (role, inverted), output in of.items()}
        if len(of) != 2 or len(found) != 2:
            return None
        (total, total_inverted), (carry, carry_inverted) = found["sum"], found["carry"]
        return Adder(cell, self.inputs, total, carry, sum_inverted=total_inverted, carry_inverted=carry_inverted)

    def storage(self, cell: str) -> tuple[str, Storage] | None:
        """``DFF`` or ``DLATCH`` and how to use the cell as a plain one; None where that cannot be.

        Sets and resets, be they asynchronous or in the function of the next state, enables and scan inputs are tied so that
        they do nothing. Of several ways the first without an inversion is taken, then one without ties.
        """
        found = [way for output in self.outputs for way in self._ways(cell, output)]
        return min(found, key=lambda way: (way[1].inverted, len(way[1].tied)), default=None)

    def _ways(self, cell: str, output: str) -> Iterator[tuple[str, Storage]]:
        bit, inverted = self._through_inverters(self._bits[output])
        kind, pins = self._drivers.get(bit, ("", {}))
        base = re.fullmatch(r"\$_(DFF|DLATCH)(SR)?_([PN]+)[01]?_", kind)
        if base is None:
            return
        letters = ("C" if base[1] == "DFF" else "E") + ("SR" if base[2] else "R")
        high = {letter: polarity == "P" for letter, polarity in zip(letters, base[3], strict=False)}
        clock_bit, flipped = self._through_inverters(pins[letters[0]][0])
        clock = self._input_bits.get(clock_bit)
        if clock is None:
            return
        rising = high.pop(letters[0]) != flipped
        ties = self._inactive({pins[letter][0]: int(not level) for letter, level in high.items()}, clock)
        if ties is None:
            return
        for data, turned, more in self._data(pins["D"][0], clock, ties):
            tied = tuple(sorted((ties | more).items()))
            yield base[1], Storage(cell, data, clock, output, rising, inverted != turned, tied)

    def _inactive(self, controls: Mapping[int | str, int], clock: str) -> dict[str, int] | None:
        """Constants of the pins that sets and resets are functions of, under which these have given values."""
        read = [self._reads(bit) for bit in controls]
        if any(one is None or clock in one for one in read):
            return None
        pins = tuple(sorted(set().union(*(one or () for one in read))))
        for values in itertools.product((0, 1), repeat=min(len(pins), _MOST_INPUTS)):
            ties: dict[str, int] = dict(zip(pins, values, strict=False))
            if all(self._table(bit, (), ties) == wanted for bit, wanted in controls.items()):
                return ties
        return None

    def _data(self, bit: int | str, clock: str, ties: Mapping[str, int]) -> Iterator[tuple[str, bool, dict[str, int]]]:
        """Inputs that can be what is stored: the pin, whether it is stored inverted, and the constants of those beside it."""
        reads = self._reads(bit)
        if reads is None or clock in reads or set(self.inputs) - {clock} - set(ties) - reads:
            return
        free = sorted(reads - set(ties))
        if len(free) > _MOST_INPUTS:
            return
        for data in free:
            beside = [pin for pin in free if pin != data]
            for values in itertools.product((0, 1), repeat=len(beside)):
                more: dict[str, int] = dict(zip(beside, values, strict=True))
                # What the register holds is no input: the next state must be the same for both.
                tables = {self._table(bit, (data,), {**ties, **more}, held) for held in (0, 1)}
                if tables in ({0b10}, {0b01}):
                    yield data, tables == {0b01}, more
                    break

    def _through_inverters(self, bit: int | str) -> tuple[int | str, bool]:
        flipped = False
        while not isinstance(bit, str) and self._drivers.get(bit, ("",))[0] in ("$_NOT_", "$_BUF_"):
            kind, pins = self._drivers[bit]
            bit, flipped = pins["A"][0], flipped != (kind == "$_NOT_")
        return bit, flipped
