"""What a library's cells spend when their pins toggle: Liberty's own energies, without a simulator's assumptions."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from ..system.errors import BitmillError
from .liberty import Library
from .liberty_text import Group, parse_groups

_PREFIXES = {"f": 1e-15, "p": 1e-12, "n": 1e-9, "u": 1e-6, "m": 1e-3}
_LOAD, _SLEW = "total_output_net_capacitance", "input_transition_time"


@dataclass(frozen=True)
class Table:
    """A power table: energy in the library's unit over up to two axes, linear between entries and beyond the ends."""

    axes: tuple[tuple[str, tuple[float, ...]], ...]
    values: tuple[float, ...]

    def at(self, *, load: float, slew: float) -> float:
        """The entry at a load and a slew in the library's units."""
        return self._at(0, 0, {_LOAD: load, _SLEW: slew})

    def _at(self, axis: int, offset: int, where: Mapping[str, float]) -> float:
        if axis == len(self.axes):
            return self.values[offset]
        name, index = self.axes[axis]
        stride = 1
        for _, other in self.axes[axis + 1 :]:
            stride *= len(other)
        if len(index) == 1:
            return self._at(axis + 1, offset, where)
        low = min(max(bisect_right(index, where[name]) - 1, 0), len(index) - 2)
        share = (where[name] - index[low]) / (index[low + 1] - index[low])
        below, above = (self._at(axis + 1, offset + (low + step) * stride, where) for step in (0, 1))
        return below + share * (above - below)


@dataclass(frozen=True)
class Internal:
    """Energies of an ``internal_power`` group of a pin: ``related`` is the input that causes them, or None for the pin itself."""

    related: str | None
    rise: Table
    fall: Table


@dataclass(frozen=True)
class PinEnergy:
    """A pin: whether the cell drives it, its capacitance in farads, and its internal energies."""

    output: bool
    capacitance: float
    internal: tuple[Internal, ...]


@dataclass(frozen=True)
class CellEnergy:
    """A cell: its leakage in watts, and its pins."""

    leakage: float
    pins: Mapping[str, PinEnergy]


@dataclass(frozen=True)
class Energies:
    """Of a library's cells.

    Attributes
    ----------
    voltage
        Of the supply, volts.
    farads
        The library's unit of capacitance, in which tables are looked up.
    joules
        The unit of the tables: that of capacitance times volts squared.
    cells
        By name.
    """

    voltage: float
    farads: float
    joules: float
    cells: Mapping[str, CellEnergy]


@cache
def _of_text(text: str, name: str) -> Energies:
    library = parse_groups(text, source=name)
    capacitance = library.attributes.get("capacitive_load_unit", ("1", "pf"))
    farads = float(capacitance[0]) * _prefix(capacitance[1])
    watts = _unit(library.text("leakage_power_unit") or "1nW")
    volts = _unit(library.text("voltage_unit") or "1V")
    templates = {
        group.arguments[0]: tuple(
            group.text(f"variable_{place}") for place in (1, 2, 3) if group.text(f"variable_{place}")
        )
        for group in library.of("power_lut_template")
    }
    cells = {
        group.arguments[0]: CellEnergy(
            leakage=group.number("cell_leakage_power") * watts,
            pins={pin.arguments[0]: _pin(pin, templates, farads, name) for pin in group.of("pin")},
        )
        for group in library.of("cell")
    }
    voltage = library.number("nom_voltage") * volts
    if voltage <= 0 or not any(pin.internal for cell in cells.values() for pin in cell.pins.values()):
        raise BitmillError(
            f"liberty {name}: must have a voltage and power tables for energies, not only areas and delays"
        )
    return Energies(voltage, farads, farads * volts**2, cells)


def energies(library: Library) -> Energies:
    """The energies of a library.

    Raises
    ------
    BitmillError
        If its text cannot be read, it has no power tables, or their axes are none of load and slew.
    """
    return _of_text(library.text, library.name)


def _pin(pin: Group, templates: Mapping[str, tuple[str | None, ...]], farads: float, name: str) -> PinEnergy:
    internal = []
    for group in pin.of("internal_power"):
        tables = {table.word: _table(table, templates, name) for table in group.groups}
        rise, fall = (tables.get(kind) or tables.get("power") for kind in ("rise_power", "fall_power"))
        if rise is not None and fall is not None:
            related = (group.text("related_pin") or "").split()
            internal += [Internal(one, rise, fall) for one in related or [None]]
    return PinEnergy(pin.text("direction") == "output", _capacitance(pin) * farads, tuple(internal))


def _capacitance(pin: Group) -> float:
    """Mean of what a rise and a fall have to charge."""
    plain = pin.number("capacitance")
    return (pin.number("rise_capacitance", plain) + pin.number("fall_capacitance", plain)) / 2


def _table(group: Group, templates: Mapping[str, tuple[str | None, ...]], name: str) -> Table:
    variables = templates.get(group.arguments[0] if group.arguments else "", ())
    axes = []
    for place, variable in enumerate(variables, start=1):
        if variable not in (_LOAD, _SLEW):
            raise BitmillError(f"liberty {name}: power tables must be over {_LOAD} and {_SLEW}, not {variable!r}")
        axes.append((variable, group.numbers(f"index_{place}")))
    return Table(tuple(axes), group.numbers("values"))


def _unit(text: str) -> float:
    """``1nW`` in watts."""
    found = re.fullmatch(r"([\d.]*)\s*(\w+)", text)
    return float(found[1] or 1) * _prefix(found[2]) if found else 1.0


def _prefix(unit: str) -> float:
    return _PREFIXES.get(unit[:1], 1.0) if len(unit) > 1 else 1.0
