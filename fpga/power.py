"""Power of a mapped netlist: toggles of every pin from simulating it on operands, weighed with the library's own energies."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..system import tools
from ..system.errors import BitmillError
from ..system.sources import source_digest
from . import cache
from .activity import NetlistCell, PinActivity, netlist_cells, pin_activity
from .cell_models import cell_models
from .energy import CellEnergy, Energies, energies
from .liberty import LIBRARY_FILE, Library
from .netlist_trace import UNIT, Stimulus, bench, check_stimulus, netlist_trace
from .sta import NETLIST_FILE, plain_netlist, run_sta
from .wrap import Port

LEFT_OUT = (
    "before layout: no wires, so nets are loaded by pins alone; no clock tree, clock pins of flip-flops only; no glitches, the "
    "netlist is simulated without delays; nothing outside the unit"
)
"""What the power of a netlist leaves out."""

WEIGHED = (
    "netlist simulated without delays; every toggle weighed with the library's own switching and internal energies, at slews by "
    "OpenSTA"
)
"""How the power of a netlist comes about."""

_DIGITS = 6


@dataclass(frozen=True)
class CellPower:
    """Watts of one cell.

    Attributes
    ----------
    internal
        Spent inside the cell when its pins toggle.
    switching
        To charge what its outputs drive.
    leakage
        Always.
    """

    internal: float
    switching: float
    leakage: float

    @property
    def total(self) -> float:
        """All three together."""
        return self.internal + self.switching + self.leakage


@dataclass(frozen=True)
class Power:
    """Watts of a unit at its clock: internal, switching and leakage power together.

    Attributes
    ----------
    sequential
        Of flip-flops, their clock pins included.
    combinational
        Of all other cells.
    period_ns
        The clock period.
    cells
        Of every instance.
    energy_left_out
        What the library does not say of the netlist's cells and is counted as zero, in sentences.
    """

    sequential: float
    combinational: float
    period_ns: float
    cells: Mapping[str, CellPower]
    energy_left_out: tuple[str, ...] = ()

    @property
    def leakage(self) -> float:
        """The part of the power that is there without a clock, in watts."""
        return sum(cell.leakage for cell in self.cells.values())

    @property
    def leakage_nw(self) -> float:
        """The same in nW."""
        return self.leakage * 1e9

    @property
    def energy_fj(self) -> float:
        """Energy of a cycle in fJ."""
        return self.energy_pj * 1e3

    @property
    def energy_pj(self) -> float:
        """Energy of a cycle in pJ."""
        return self.picojoules(self.sequential + self.combinational)

    def picojoules(self, watts: float) -> float:
        """Energy of a cycle in pJ at that power."""
        return watts * self.period_ns * 1e3


def simulated_power(
    netlist: str,
    top: str,
    ports: Sequence[Port],
    library: Library,
    *,
    period_ns: float,
    stimulus: Stimulus,
    models: Path | None = None,
) -> Power:
    """Power before layout while a netlist works on a stimulus. Cached.

    The netlist is simulated without delays, so that there are no glitches. A toggle of an output costs ``C V^2 / 2`` for the pins
    it drives, and the mean of the rise's and the fall's internal energy at its load and its inputs' slews; where several
    inputs may cause it, each counts as often as it toggles. A toggle of an input costs what the library says of that pin alone,
    such as a flip-flop's clock. OpenSTA gives the slews. Its own power is not taken: version 2.0 adds the energies of a rise and
    a fall for every single toggle, and overwrites toggles behind input ports with an estimate from probabilities.

    Without wires and the clock tree: ``LEFT_OUT``. A netlist whose clocks are gated has clock nets that no layout has buffered
    yet, which makes its flip-flops look dear; map it without.

    Parameters
    ----------
    netlist, top
        Verilog of library cells, and its top module; its clock is ``clk``, its reset, if any, ``rst``.
    ports
        The unit's ports before mapping, ``wrap.ports_of``.
    library
        The cells' library, with power tables.
    period_ns
        The clock period.
    stimulus
        Input port to its values, one a cycle, all of one length; other inputs are 0. A reset comes before, not counted.
    models
        Verilog of the library's cells; of their Liberty functions if left out.

    Raises
    ------
    BitmillError
        If an argument is out of range, a port is not there, the simulation leaves a pin unknown, or a tool is missing or fails.
    """
    _check_period(period_ns)
    cycles = check_stimulus(stimulus, top, ports)
    text, models_text = plain_netlist(netlist), cell_models(library) if models is None else read_models(models)
    inputs = {
        "netlist": text, "models": models_text, "library": [library.sha256, library.text_sha256], "period": period_ns,
        "stimulus": {name: list(map(int, values)) for name, values in stimulus.items()},
        "sta": tools.opensta_version(), "script": _slew_script(top), "bench": bench(top, ports, 0),
        "source": source_digest(__name__),
    }  # fmt: skip

    def measure() -> dict[str, Any]:
        trace = netlist_trace(text, top, ports, stimulus=stimulus, models=models_text)
        cells = netlist_cells(text, top)
        activity = pin_activity(trace, cells=cells, unit=UNIT, cycles=cycles, source="simulation")
        return _weighed(text, top, library, period_ns, cells, activity)

    return _power(cache.cached("power", inputs, measure), period_ns)


def traced_power(
    netlist: str, top: str, library: Library, *, period_ns: float, trace: Path, unit: str, cycles: int
) -> Power:
    """Power before layout while a netlist did what a value change dump of yours says.

    Parameters
    ----------
    netlist, top, library, period_ns
        As for ``simulated_power``.
    trace
        A VCD file that holds the pins of all cells, such as ``$dumpvars(2, unit)`` writes.
    unit
        The scope in it that is the netlist's top module: the name of its instance.
    cycles
        Clock cycles that the file holds.

    Raises
    ------
    BitmillError
        If an argument is out of range, the file cannot be read or is cut off, it has other cells or pins than the netlist or
        another number of cycles, it leaves a pin unknown, or OpenSTA is missing or fails.
    """
    _check_period(period_ns)
    if cycles < 1:
        raise BitmillError(f"cycles must be at least 1, not {cycles!r}")
    try:
        dump = trace.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise BitmillError(f"trace {trace}: cannot be read: {error.strerror}") from None
    text = plain_netlist(netlist)
    cells = netlist_cells(text, top)
    activity = pin_activity(dump, cells=cells, unit=unit, cycles=cycles, source=f"trace {trace}")
    return _power(_weighed(text, top, library, period_ns, cells, activity), period_ns)


def read_models(path: Path) -> str:
    """Verilog of a library's cells.

    Raises
    ------
    BitmillError
        If there is no such file.
    """
    if not path.is_file():
        raise BitmillError(f"models must be a file of Verilog cells, not {path}")
    return path.read_text(encoding="utf-8", errors="replace")


def _check_period(period_ns: float) -> None:
    if not 0 < period_ns < float("inf"):
        raise BitmillError(f"period must be a positive number of ns, not {period_ns!r}")


def _weighed(
    netlist: str,
    top: str,
    library: Library,
    period_ns: float,
    cells: Mapping[str, NetlistCell],
    activity: Mapping[str, PinActivity],
) -> dict[str, Any]:
    """Watts of registers, of other cells, and of every cell, as JSON data."""
    known = energies(library)
    foreign = sorted({cell.library_cell for cell in cells.values()} - set(known.cells))
    if foreign:
        raise BitmillError(f"netlist {top} must be of cells of {library.name}, not have {', '.join(foreign)}")
    kinds = {cell.library_cell for cell in cells.values()}
    loads: dict[str, float] = {}
    for cell in cells.values():
        for pin, net in cell.pins.items():
            loads[net] = loads.get(net, 0.0) + known.cells[cell.library_cell].pins[pin].capacitance
    slews = pin_slews(netlist, top, library)
    toggling = _Toggling(known, loads, slews, activity, period_ns * 1e-9, library.registers)
    watts = {name: toggling.watts(name, cell) for name, cell in cells.items()}
    groups = [
        sum(sum(of) for name, of in watts.items() if (cells[name].library_cell in library.registers) is register)
        for register in (True, False)
    ]
    return {"groups": groups, "cells": watts, "left_out": _left_out(known, kinds, library.name)}


def _left_out(known: Energies, kinds: Iterable[str], name: str) -> list[str]:
    lacking = {
        "leakage": [kind for kind in sorted(kinds) if known.cells[kind].leakage is None],
        "internal energies": [kind for kind in sorted(kinds) if not known.cells[kind].has_internal],
    }
    return [f"{name} states no {what} of {', '.join(of)}: counted as zero" for what, of in lacking.items() if of]


@dataclass(frozen=True)
class _Toggling:
    """What decides the power of a cell: energies, loads of nets in farads, slews and activity of pins, seconds a cycle."""

    energies: Energies
    loads: Mapping[str, float]
    slews: Mapping[str, tuple[float, float]]
    activity: Mapping[str, PinActivity]
    period: float
    registers: frozenset[str]

    def watts(self, name: str, cell: NetlistCell) -> tuple[float, float, float]:
        """Internal, switching and leakage power of an instance."""
        of_kind = self.energies.cells[cell.library_cell]
        internal = switching = 0.0
        for pin, net in cell.pins.items():
            rate = self._toggles(name, pin) / self.period
            if not rate:
                continue
            if of_kind.pins[pin].output:
                switching += self.loads[net] * self.energies.voltage**2 / 2 * rate
            internal += self._internal(name, cell, of_kind, pin) * rate
        for pin, rate in self._open_outputs(name, cell, of_kind):
            internal += self._internal(name, cell, of_kind, pin) * rate
        return internal, switching, of_kind.leakage or 0.0

    def _open_outputs(self, name: str, cell: NetlistCell, of_kind: CellEnergy) -> Iterator[tuple[str, float]]:
        """Outputs of a register that drive nothing, and how often they toggle: as often as the one that does."""
        if cell.library_cell not in self.registers:
            return
        outputs = [pin for pin, energy in of_kind.pins.items() if energy.output]
        rates = [self._toggles(name, pin) / self.period for pin in outputs if pin in cell.pins]
        yield from ((pin, max(rates)) for pin in outputs if pin not in cell.pins and rates and max(rates))

    def _internal(self, name: str, cell: NetlistCell, of_kind: CellEnergy, pin: str) -> float:
        """Joules in the cell for a toggle of a pin: half of them rise, half fall."""
        groups = [group for group in of_kind.pins[pin].internal if group.related in (None, *cell.pins)]
        load = self.loads[cell.pins[pin]] if of_kind.pins[pin].output and pin in cell.pins else 0.0
        weights = [1.0 if group.related is None else self._toggles(name, group.related) for group in groups]
        whole = sum(weights) if any(group.related for group in groups) else 1.0
        total = 0.0
        for group, weight in zip(groups, weights, strict=True):
            cause = f"{name}/{group.related or pin}"
            if cause not in self.slews:
                raise BitmillError(f"sta: printed no slew of {cause}, which toggles")
            rise, fall = self.slews[cause]
            load_units = load / self.energies.farads
            energy = group.at(load=load_units, rise_slew=rise, fall_slew=fall) * self.energies.joules
            if group.holds_switching:
                energy -= load * self.energies.voltage**2 / 2
            total += energy * weight / (whole or 1.0)
        return total

    def _toggles(self, name: str, pin: str) -> float:
        return self.activity[f"{name}/{pin}"].toggles


def pin_slews(netlist: str, top: str, library: Library) -> dict[str, tuple[float, float]]:
    """Slew of a rise and a fall of every ``INSTANCE/PIN`` in the library's unit of time, by OpenSTA; ideal at ports.

    Raises
    ------
    BitmillError
        If OpenSTA is missing, fails, or prints no slews.
    """
    log = run_sta(tools.find_tool("sta"), _slew_script(top), netlist, library)
    number = r"(-?[\d.]+(?:e[+-]\d+)?)"
    found = re.findall(rf"^(\S+) \^ {number}:{number} v {number}:{number}$", log, re.MULTILINE)
    if not found:
        raise BitmillError(f"sta: printed no slews (log: {tools.keep_log('slews', log)})")
    return {pin: (float(rise), float(fall)) for pin, _, rise, _, fall in found}


def _slew_script(top: str) -> str:
    return f"""\
read_liberty {LIBRARY_FILE}
read_verilog {NETLIST_FILE}
link_design {top}
set sta_report_default_digits {_DIGITS}
foreach pin [get_pins *] {{ report_slews $pin }}
"""


def _power(found: Mapping[str, Any], period_ns: float) -> Power:
    cells = {name: CellPower(*watts) for name, watts in found["cells"].items()}
    return Power(*found["groups"], period_ns=period_ns, cells=cells, energy_left_out=tuple(found["left_out"]))
