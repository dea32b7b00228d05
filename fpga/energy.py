"""What a library's cells spend when their pins toggle: Liberty's own energies, without a simulator's assumptions."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..system.errors import BitmillError
from .liberty import Library
from .liberty_checks import finite_numbers, in_si
from .liberty_text import Group, parse_groups

_Templates = Mapping[str, tuple[tuple[str, tuple[float, ...]], ...]]
"""Name of a template to its axes: variable and default index."""
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
    """Energies of a pin's ``internal_power`` groups of one cause, under all their conditions.

    Attributes
    ----------
    related
        The input that causes them, or None for the pin itself.
    rises, falls
        Tables of every condition, which are taken for equally frequent; none is an energy of zero.
    holds_switching
        Whether they hold what charging the load takes as well, though Liberty says otherwise: IHP's registers with two outputs.
    """

    related: str | None
    rises: tuple[Table, ...]
    falls: tuple[Table, ...]
    holds_switching: bool = False

    def at(self, *, load: float, rise_slew: float, fall_slew: float) -> float:
        """Mean of a rise and a fall at a load and the cause's slews, in the library's units."""
        rise, fall = _mean(self.rises, load, rise_slew), _mean(self.falls, load, fall_slew)
        return (rise + fall) / 2


def _mean(tables: Sequence[Table], load: float, slew: float) -> float:
    return sum(table.at(load=load, slew=slew) for table in tables) / len(tables) if tables else 0.0


@dataclass(frozen=True)
class PinEnergy:
    """A pin: whether the cell drives it, its capacitance in farads, and its internal energies."""

    output: bool
    capacitance: float
    internal: tuple[Internal, ...]


@dataclass(frozen=True)
class CellEnergy:
    """A cell: its leakage in watts, None where the library states none, and its pins."""

    leakage: float | None
    pins: Mapping[str, PinEnergy]

    @property
    def has_internal(self) -> bool:
        """Whether the library states any internal energy of it."""
        return any(pin.internal for pin in self.pins.values())


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


class _Cells(Mapping[str, CellEnergy]):
    """Cells by name, read when they are asked for: a netlist has a few kinds of the hundreds in a library."""

    def __init__(self, texts: Mapping[str, str], read: Callable[[Group], CellEnergy], name: str) -> None:
        self._texts, self._read, self._name = texts, read, name
        self._known: dict[str, CellEnergy] = {}

    def __getitem__(self, cell: str) -> CellEnergy:
        if cell not in self._known:
            if not cell:
                raise KeyError(cell)
            text = f"library (cells) {{ {self._texts[cell]} }}"
            self._known[cell] = self._read(parse_groups(text, source=self._name).groups[0])
        return self._known[cell]

    def __iter__(self) -> Iterator[str]:
        return (cell for cell in self._texts if cell)

    def __len__(self) -> int:
        return len(self._texts) - 1


def energies(library: Library) -> Energies:
    """The energies of a library.

    Raises
    ------
    BitmillError
        If its text cannot be read, it has no power tables, or their axes are none of load and slew.
    """
    found = _of_library(library)
    if found.voltage <= 0 or not any("internal_power" in text for text in library.power.values()):
        raise BitmillError(
            f"liberty {library.name}: must have a voltage and power tables for energies, not only areas and delays"
        )
    return found


def leakage(library: Library, cells: Mapping[str, int]) -> tuple[float, tuple[str, ...]]:
    """Watts of cells that do nothing, and the kinds of which the library states none, counted as zero.

    Parameters
    ----------
    library
        The cells' library.
    cells
        Cell to how many there are.
    """
    known = _of_library(library).cells
    stated = {cell: known[cell].leakage if cell in known else None for cell in cells}
    watts = sum(count * (stated[cell] or 0.0) for cell, count in cells.items())
    return watts, tuple(sorted(cell for cell, value in stated.items() if value is None))


def _of_library(library: Library) -> Energies:
    key = library.text_sha256 + library.sha256
    if key not in _known:
        _known[key] = _of_texts(library.power, library.name)
    return _known[key]


_known: dict[str, Energies] = {}


def _of_texts(texts: Mapping[str, str], name: str) -> Energies:
    library = parse_groups(texts[""], source=name)
    capacitance = library.attributes.get("capacitive_load_unit", ("1", "pf"))
    farads = in_si("".join(capacitance)) or 1e-12
    watts = in_si(library.text("leakage_power_unit") or "1nW") or 1e-9
    volts = in_si(library.text("voltage_unit") or "1V") or 1.0
    templates = {
        group.name: tuple(
            (str(group.text(f"variable_{place}")), finite_numbers(name, group.word, group, f"index_{place}"))
            for place in (1, 2, 3)
            if group.text(f"variable_{place}")
        )
        for group in library.of("power_lut_template")
    }

    stated = library.text("default_cell_leakage_power")
    # A default of zero says nothing of a cell.
    default = float(stated) * watts if stated and float(stated) else None
    voltage = library.number("nom_voltage") * volts

    def read(cell: Group) -> CellEnergy:
        leakage = _leakage(cell)
        reading = _Reading(templates, farads, voltage**2 / 2 / volts**2, name)
        return CellEnergy(
            leakage=default if leakage is None else leakage * watts,
            pins={pin.name: reading.pin(pin) for pin in cell.of("pin")},
        )

    return Energies(voltage, farads, farads * volts**2, _Cells(texts, read, name))


def _leakage(cell: Group) -> float | None:
    """Stated for the cell, or else the mean over conditions, added up over supplies; in the library's unit."""
    if "cell_leakage_power" in cell.attributes:
        return cell.number("cell_leakage_power")
    of_supply: dict[str, list[Group]] = {}
    for group in cell.of("leakage_power"):
        of_supply.setdefault(group.text("related_pg_pin") or "", []).append(group)
    if not of_supply:
        return None
    means = []
    for groups in of_supply.values():
        values = [group.number("value") for group in _conditional(groups)]
        means.append(sum(values) / len(values))
    return sum(means)


def _conditional(groups: Sequence[Group]) -> list[Group]:
    """Those under a condition; the others, which are for all other conditions, where there is none."""
    return [group for group in groups if "when" in group.attributes] or list(groups)


@dataclass(frozen=True)
class _Reading:
    """What reading a pin's energies takes: axes of templates, the unit of capacitance, and what a unit of it takes to charge."""

    templates: _Templates
    farads: float
    charge: float
    name: str

    def pin(self, pin: Group) -> PinEnergy:
        causes: dict[tuple[str | None, str], list[Group]] = {}
        for group in pin.of("internal_power"):
            for related in (group.text("related_pin") or "").split() or [None]:
                causes.setdefault((related, group.text("related_pg_pin") or ""), []).append(group)
        internal = []
        for (related, _), groups in causes.items():
            chosen = _conditional(groups)
            rises, falls = (
                tuple(
                    _table(table, self.templates, self.name)
                    for group in chosen
                    for table in group.groups
                    if table.word in (kind, "power")
                )
                for kind in ("rise_power", "fall_power")
            )
            if rises or falls:
                found = Internal(related, rises, falls)
                internal.append(Internal(related, rises, falls, self._holds_switching(found)))
        return PinEnergy(pin.text("direction") == "output", _capacitance(pin) * self.farads, tuple(internal))

    def _holds_switching(self, found: Internal) -> bool:
        """Whether the mean of a rise and a fall grows with the load as fast as ``C V^2 / 2`` does.

        Each alone may: sky130 counts the charge to the rise and takes it off the fall.
        """
        loads = [index for table in (*found.rises, *found.falls) for axis, index in table.axes if axis == _LOAD]
        slews = [index for table in (*found.rises, *found.falls) for axis, index in table.axes if axis == _SLEW]
        if not loads or len(loads[0]) < 2:
            return False
        slew = slews[0][len(slews[0]) // 2] if slews else 0.0
        low, high = (found.at(load=load, rise_slew=slew, fall_slew=slew) for load in (loads[0][0], loads[0][-1]))
        return (high - low) / (loads[0][-1] - loads[0][0]) > _HOLDS * self.charge


_HOLDS = 0.75
"""Share of the energy to charge a load from which on a table is taken to hold it: found are 0 and 1, and .5 of resets."""


def _capacitance(pin: Group) -> float:
    """Mean of what a rise and a fall have to charge."""
    plain = pin.number("capacitance")
    return (pin.number("rise_capacitance", plain) + pin.number("fall_capacitance", plain)) / 2


def _table(group: Group, templates: _Templates, name: str) -> Table:
    axes = []
    for place, (variable, index) in enumerate(templates.get(group.name, ()), start=1):
        if variable not in (_LOAD, _SLEW):
            raise BitmillError(f"liberty {name}: power tables must be over {_LOAD} and {_SLEW}, not {variable!r}")
        axes.append((variable, finite_numbers(name, group.word, group, f"index_{place}") or index))
    values, points = finite_numbers(name, group.word, group, "values"), math.prod(len(index) for _, index in axes)
    if not points or len(values) != points:
        raise BitmillError(
            f"liberty {name}: {group.word} of template {group.name} must have {points or 'some'} values, not {len(values)}"
        )
    return Table(tuple(axes), values)
