"""One clean library out of one or several Liberty files: what a mapper may use, in a text that Yosys, abc and OpenSTA all read.

Left out are cells that are never mapped (``never_mapped``), energies (kept apart, cell by cell), noise and waveforms. Delays that
depend on other inputs' values become one, the worst: that is what abc and OpenSTA take of them, and a library of conditions is
twenty times as long. The library's own default wire load, where it has one (sky130, IHP), stays: OpenSTA adds it to a net's pins.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from ..system.errors import BitmillError
from .liberty_checks import check_cell, check_head, check_table, in_si, plain_units
from .liberty_text import Group, parse_groups, write_groups
from .liberty_use import CLOCK_GATE, gate_roles, has_delays, never_mapped, unusable, write_functions

# Words of a library, a cell, a pin and an arc that delays and functions depend on.
_HEAD = (
    "delay_model", "time_unit", "voltage_unit", "current_unit", "pulling_resistance_unit", "leakage_power_unit",
    "capacitive_load_unit",
    "input_threshold_pct_fall", "input_threshold_pct_rise", "output_threshold_pct_fall", "output_threshold_pct_rise",
    "slew_derate_from_library", "slew_lower_threshold_pct_fall", "slew_lower_threshold_pct_rise", "slew_upper_threshold_pct_fall",
    "slew_upper_threshold_pct_rise", "nom_process", "nom_temperature", "nom_voltage", "default_cell_leakage_power",
    "default_fanout_load", "default_inout_pin_cap", "default_input_pin_cap", "default_output_pin_cap", "default_max_transition",
    "default_wire_load", "default_wire_load_area", "default_wire_load_capacitance", "default_wire_load_mode",
    "default_wire_load_resistance", "default_wire_load_selection",
)  # fmt: skip
_CELL = ("area", "cell_leakage_power", CLOCK_GATE)
_PIN = (
    "direction", "function", "capacitance", "rise_capacitance", "fall_capacitance", "max_capacitance", "max_transition", "clock",
    "clock_gate_clock_pin", "clock_gate_enable_pin", "clock_gate_test_pin", "clock_gate_out_pin",
)  # fmt: skip
_ARC = ("related_pin", "timing_sense", "timing_type")
_STATE = (
    "next_state", "clocked_on", "data_in", "enable", "clear", "preset", "clear_preset_var1", "clear_preset_var2",
)  # fmt: skip
_ARCS = frozenset(
    {
        "", "combinational", "combinational_rise", "combinational_fall", "rising_edge", "falling_edge", "clear", "preset",
        "setup_rising", "setup_falling", "hold_rising", "hold_falling", "recovery_rising", "recovery_falling", "removal_rising",
        "removal_falling",
    }
)  # fmt: skip
_TABLES = (
    "cell_rise", "cell_fall", "rise_transition", "fall_transition", "rise_constraint", "fall_constraint", "rise_propagation",
    "fall_propagation", "intrinsic_rise", "intrinsic_fall",
)  # fmt: skip
_SIMPLE_ARC = ("intrinsic_rise", "intrinsic_fall", "rise_resistance", "fall_resistance")


def clean_library(texts: Mapping[str, str], *, dont_use: Sequence[str] = ()) -> dict[str, Any]:
    """One library of the cells of all files, as JSON data.

    Parameters
    ----------
    texts
        What messages call a file, to its Liberty text; the first one's header is the library's.
    dont_use
        Patterns of cells that are not mapped, beside those that say so themselves.

    Returns
    -------
    dict
        ``text`` for the tools; ``power``, cell to Liberty text of its pins' energies and leakage, the header under ``""``;
        ``gates``, integrated clock gates to their areas and the roles of their pins; ``left_out``, cell to why it is not mapped.

    Raises
    ------
    BitmillError
        If a text is no library, two are of different corners or units, or two have a cell of one name with other contents.
    """
    libraries = {source: parse_groups(text, source=source) for source, text in texts.items()}
    first = next(iter(libraries))
    for source, library in libraries.items():
        check_head(source, library)
        _check_same_corner((first, libraries[first]), (source, library))
    head = _of_words(libraries[first], _HEAD)
    _nominal(head, libraries[first])
    plain_units(head)
    out, templates = head, _Templates()
    power = {"": write_groups(_power_head(libraries.values()))}
    gates: dict[str, dict[str, Any]] = {}
    left_out: dict[str, str] = {}
    seen: dict[str, tuple[str, Group]] = {}
    cells: list[Group] = []
    for source, library in libraries.items():
        renamed = templates.of(library)
        for cell in library.of("cell"):
            if cell.name in seen:
                if seen[cell.name][1] != cell:
                    where = (
                        "be there once or twice the same"
                        if seen[cell.name][0] == source
                        else f"be as in {seen[cell.name][0]}"
                    )
                    raise BitmillError(f"liberty {source}: cell {cell.name} must {where}, not of other contents")
                continue
            seen[cell.name] = (source, cell)
            roles = gate_roles(cell)
            listed = any(fnmatch.fnmatchcase(cell.name, pattern) for pattern in dont_use)
            why = "in the list of cells not to use" if listed else never_mapped(cell)
            # Kits say dont_use of every clock gate (IHP), because mappers of logic shall not take one: it is not such a use.
            if (roles is None and why is not None) or listed:
                left_out[cell.name] = str(why)
                continue
            check_cell(source, cell)
            # Also of cells that are not mapped for want of an area: a netlist from elsewhere may have them.
            power[cell.name] = write_groups(_power_cell(cell))
            slim = _slim_cell(cell, renamed, partial(check_table, source, templates=templates.known))
            functions = write_functions(source, cell, slim)
            why = unusable(slim, functions)
            if why is not None:
                left_out[cell.name] = why
                continue
            if roles is not None:
                gates[cell.name] = {"area": cell.number("area"), "pins": roles}
            cells.append(slim)
    # Where no cell has delays the library can still be read, but not mapped: see ``standard_cells``.
    if any(map(has_delays, cells)):
        left_out |= {cell.name: "an output without delays" for cell in cells if not has_delays(cell)}
        cells = [cell for cell in cells if cell.name not in left_out]
        gates = {cell: found for cell, found in gates.items() if cell not in left_out}
    out.groups.extend([*libraries[first].of("wire_load", "wire_load_selection"), *templates.groups, *cells])
    return {"text": write_groups(out), "power": power, "gates": gates, "left_out": left_out}


def _of_words(group: Group, words: Iterable[str]) -> Group:
    """The group without its groups, with attributes of some words."""
    kept = {word: group.attributes[word] for word in words if word in group.attributes}
    return Group(group.word, group.arguments, kept)


def _nominal(head: Group, library: Group) -> None:
    """Give the header the nominal conditions, which some libraries state in a group of operating conditions alone."""
    for word, value in corner(library).items():
        if value is not None and word in ("nom_process", "nom_temperature", "nom_voltage"):
            head.attributes.setdefault(word, (f"{value:g}",))


def corner(library: Group) -> dict[str, float | None]:
    """What delays and energies of a file are for: process, temperature, voltage, thresholds, and the units, in SI."""
    conditions = {group.name: group for group in library.of("operating_conditions")}
    chosen = conditions.get(library.text("default_operating_conditions") or "") or next(iter(conditions.values()), None)
    found: dict[str, float | None] = {}
    for word in ("process", "temperature", "voltage"):
        here = chosen is not None and word in chosen.attributes
        stated = f"nom_{word}" in library.attributes
        found[f"nom_{word}"] = (
            library.number(f"nom_{word}") if stated else chosen.number(word) if here and chosen else None
        )
    for word in ("time_unit", "voltage_unit", "leakage_power_unit"):
        text = library.text(word)
        found[word] = None if text is None else in_si(text)
    for word, default in _THRESHOLDS.items():
        found[word] = library.number(word, default)
    load = library.attributes.get("capacitive_load_unit")
    found["capacitive_load_unit"] = None if load is None or len(load) != 2 else in_si(f"{load[0]}{load[1]}")
    return found


_THRESHOLDS = {
    "slew_derate_from_library": 1.0,
    **{f"{pin}_threshold_pct_{edge}": 50.0 for pin in ("input", "output") for edge in ("rise", "fall")},
    **{f"slew_lower_threshold_pct_{edge}": 20.0 for edge in ("rise", "fall")},
    **{f"slew_upper_threshold_pct_{edge}": 80.0 for edge in ("rise", "fall")},
}
"""How delays and slews are to be read, and Liberty's own defaults."""


def _check_same_corner(first: tuple[str, Group], other: tuple[str, Group]) -> None:
    here, there = corner(first[1]), corner(other[1])
    for word, value in here.items():
        if there[word] != value:
            shown = ["none" if one is None else f"{one:g}" for one in (value, there[word])]
            raise BitmillError(f"liberty {other[0]}: {word} must be {shown[0]} as in {first[0]}, not {shown[1]}")


class _Templates:
    """Tables' templates of all files: a name that stands for something else in a later file becomes another name."""

    def __init__(self) -> None:
        self.groups: list[Group] = []
        self.known: dict[str, Group] = {}

    def of(self, library: Group) -> Callable[[str], str]:
        names: dict[str, str] = {}
        for template in library.of("lu_table_template"):
            name, known = template.name, self.known.get(template.name)
            while known is not None and known.attributes != template.attributes:
                name += "_"
                known = self.known.get(name)
            names[template.name] = name
            if known is None:
                self.known[name] = Group(template.word, (name,), template.attributes)
                self.groups.append(self.known[name])
        return lambda name: names.get(name, name)


def _slim_cell(cell: Group, renamed: Callable[[str], str], check: Callable[[str, Group], None]) -> Group:
    slim = _of_words(cell, _CELL)
    for state in cell.of("ff", "latch"):
        slim.groups.append(_of_words(state, _STATE))
    for pin in cell.of("pin"):
        if pin.text("direction") == "internal":
            continue
        for name in pin.arguments:
            plain = _of_words(pin, _PIN)
            kept = Group("pin", (name,), plain.attributes)
            kept.groups.extend(_arcs(pin, renamed, partial(check, f" of {cell.name}'s {name}")))
            slim.groups.append(kept)
    return slim


def _arcs(pin: Group, renamed: Callable[[str], str], check: Callable[[Group], None]) -> list[Group]:
    """The pin's arcs, one from each related pin where conditions differ alone."""
    found: dict[tuple[str, ...], Group] = {}
    for arc in pin.of("timing"):
        kind = arc.text("timing_type") or ""
        if kind not in _ARCS:
            continue
        for related in (arc.text("related_pin") or "").split():
            key = (related, arc.text("timing_sense") or "", kind)
            whole = found.setdefault(key, _of_words(arc, (*_ARC, *_SIMPLE_ARC)))
            whole.attributes["related_pin"] = (related,)
            for table in arc.of(*_TABLES):
                named = Group(table.word, tuple(map(renamed, table.arguments)), table.attributes)
                check(named)
                _worst(whole.groups, named)
    return list(found.values())


def _worst(tables: list[Group], table: Group) -> None:
    """Add a table, or raise the entries of the one that is there; of other axes, the one with the larger entry stays."""
    for place, other in enumerate(tables):
        if other.word != table.word:
            continue
        if other.attributes == table.attributes:
            return
        old, new = other.numbers("values"), table.numbers("values")
        same = other.arguments == table.arguments and all(
            other.numbers(axis) == table.numbers(axis) for axis in ("index_1", "index_2", "index_3")
        )
        if same and len(old) == len(new):
            rows = len(other.attributes["values"])
            values = [f"{max(pair):.7g}" for pair in zip(old, new, strict=True)]
            width = len(values) // rows
            texts = tuple(", ".join(values[row * width : (row + 1) * width]) for row in range(rows))
            tables[place] = Group(other.word, other.arguments, {**other.attributes, "values": texts})
        elif max(new, default=0.0) > max(old, default=0.0):
            tables[place] = table
        return
    tables.append(table)


def _power_head(libraries: Iterable[Group]) -> Group:
    """Units and templates that energies need. A template's name stands for its axes alone; entries have their own."""
    libraries = list(libraries)
    head = _of_words(libraries[0], _HEAD)
    _nominal(head, libraries[0])
    names: set[str] = set()
    for library in libraries:
        for template in library.of("power_lut_template"):
            if template.name not in names:
                names.add(template.name)
                head.groups.append(template)
    return head


def _power_cell(cell: Group) -> Group:
    """Leakage and energies. What a supply gives flows back to ground: figures of ground pins are the same once more."""
    grounds = {pin.name for pin in cell.of("pg_pin") if "ground" in (pin.text("pg_type") or "")}

    def of_supplies(group: Group, word: str) -> list[Group]:
        found = list(group.of(word))
        return [one for one in found if one.text("related_pg_pin") not in grounds] or found

    kept = _of_words(cell, ("cell_leakage_power",))
    kept.groups.extend(of_supplies(cell, "leakage_power"))
    for pin in cell.of("pin"):
        for name in pin.arguments:
            words = ("direction", "capacitance", "rise_capacitance", "fall_capacitance")
            plain = Group("pin", (name,), _of_words(pin, words).attributes)
            plain.groups.extend(of_supplies(pin, "internal_power"))
            kept.groups.append(plain)
    return kept
