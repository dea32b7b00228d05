"""What a library's cells spend when their pins toggle: Liberty's own energies, without a simulator's assumptions."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ..system.errors import BitmillError
from .liberty import Library
from .liberty_clean import in_si
from .liberty_text import Group, parse_groups

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
        group.name: tuple(group.text(f"variable_{place}") for place in (1, 2, 3) if group.text(f"variable_{place}"))
        for group in library.of("power_lut_template")
    }

    def read(cell: Group) -> CellEnergy:
        return CellEnergy(
            leakage=cell.number("cell_leakage_power") * watts,
            pins={pin.name: _pin(pin, templates, farads, name) for pin in cell.of("pin")},
        )

    voltage = library.number("nom_voltage") * volts
    if voltage <= 0 or not any("internal_power" in text for text in texts.values()):
        raise BitmillError(
            f"liberty {name}: must have a voltage and power tables for energies, not only areas and delays"
        )
    return Energies(voltage, farads, farads * volts**2, _Cells(texts, read, name))


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
