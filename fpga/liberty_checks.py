"""What of a Liberty file must be right before figures are made of it: numbers, units and tables."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

from ..system.errors import BitmillError
from .liberty_text import Group

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)
_UNIT = re.compile(r"([\d.]+(?:[eE][+-]?\d+)?)?\s*([fpnumk]?)(s|w|v|f|a|ohm)", re.IGNORECASE)
_PREFIXES = {"f": 1e-15, "p": 1e-12, "n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3}
_UNITS: Mapping[str, tuple[str, float, float, str]] = {
    "time_unit": ("s", 0.99e-12, 1.01e-9, "1ps, 10ps, 100ps or 1ns"),
    "voltage_unit": ("v", 0.99e-3, 1.01, "1mV, 10mV, 100mV or 1V"),
    "leakage_power_unit": ("w", 0.99e-15, 1.01, "a power of ten of watts, such as 1nW"),
}
"""How a unit ends, its bounds, and how messages say so."""
_OF_HEAD = (
    "nom_process", "nom_temperature", "nom_voltage", "input_threshold_pct_fall", "input_threshold_pct_rise",
    "output_threshold_pct_fall", "output_threshold_pct_rise", "slew_derate_from_library", "slew_lower_threshold_pct_fall",
    "slew_lower_threshold_pct_rise", "slew_upper_threshold_pct_fall", "slew_upper_threshold_pct_rise",
    "default_cell_leakage_power", "default_input_pin_cap", "default_output_pin_cap",
)  # fmt: skip
_AXES = ("index_1", "index_2", "index_3")


def number(text: str) -> float | None:
    """A finite number as Liberty writes it, or None: Python reads more as one, ``nan`` and ``1_000`` for example."""
    value = float(text) if _NUMBER.fullmatch(text.strip()) else math.nan
    return value if math.isfinite(value) else None


def in_si(text: str) -> float | None:
    """``10ps`` in seconds, ``1nW`` in watts; None if it is no such unit."""
    found = _UNIT.fullmatch(text.strip())
    if found is None or (found[1] and number(found[1]) is None):
        return None
    return float(found[1] or 1) * _PREFIXES.get(found[2].lower(), 1.0)


def check_head(source: str, library: Group) -> None:
    """Check the units and the numbers of a library's own.

    Raises
    ------
    BitmillError
        If one is not what it must be.
    """
    for word, (ending, least, most, accepted) in _UNITS.items():
        text = library.text(word)
        value = in_si(text) if text is not None and text.strip().lower().endswith(ending) else None
        if text is not None and (value is None or not least <= value <= most or not _is_power_of_ten(value)):
            raise BitmillError(f"liberty {source}: {word} must be {accepted}, not {text!r}")
    load = library.attributes.get("capacitive_load_unit")
    farads = None if load is None else in_si("".join(load))
    if load is not None and not (len(load) == 2 and load[1].strip().lower().endswith("f") and farads):
        raise BitmillError(
            f"liberty {source}: capacitive_load_unit must be a number of ff, pf, nf or uf, such as 1, pf, "
            f"not {', '.join(load)!r}"
        )
    _check_numbers(source, "", library, _OF_HEAD)
    for conditions in library.of("operating_conditions"):
        of = f" of operating conditions {conditions.name}"
        _check_numbers(source, of, conditions, ("process", "temperature", "voltage"))


def plain_units(head: Group) -> None:
    """Write units of time and capacitance as every tool reads them: abc looks for ``1ps`` or ``1ns``, ``ff`` or ``pf``."""
    time = head.text("time_unit")
    if time is not None and not re.fullmatch(r"10{0,2}(\.0+)? *[pn]s", time):
        head.attributes["time_unit"] = (f"{_shown((in_si(time) or 0.0) * 1e12)}ps",)
    load = head.attributes.get("capacitive_load_unit")
    if load is not None and not re.fullmatch(r"[\d.]+ *[fp]f", "".join(load), re.IGNORECASE):
        farads = in_si("".join(load)) or 0.0
        unit, scale = ("pf", 1e12) if farads >= 1e-12 else ("ff", 1e15)
        head.attributes["capacitive_load_unit"] = (_shown(farads * scale), unit)


def _shown(value: float) -> str:
    return f"{value:.10g}" if value < 1e9 else f"{value:.0f}"


def _is_power_of_ten(value: float) -> bool:
    exponent = math.log10(value)
    return abs(exponent - round(exponent)) < 1e-9


def check_cell(source: str, cell: Group) -> None:
    """Check the numbers of a cell and its pins that areas, loads and leakage are made of.

    Raises
    ------
    BitmillError
        If one is no finite number, or an area or a capacitance is negative.
    """
    _check_numbers(source, f" of {cell.name}", cell, ("area",), least=0.0)
    _check_numbers(source, f" of {cell.name}", cell, ("cell_leakage_power",))
    for group in cell.of("leakage_power"):
        _check_numbers(source, f" of {cell.name}'s leakage_power", group, ("value",))
    for pin in cell.of("pin"):
        of = f" of {cell.name}'s {', '.join(pin.arguments)}"
        capacitances = ("capacitance", "rise_capacitance", "fall_capacitance", "max_capacitance", "max_transition")
        _check_numbers(source, of, pin, capacitances, least=0.0)


def _check_numbers(source: str, of: str, group: Group, words: Sequence[str], least: float = -math.inf) -> None:
    for word in words:
        text = group.text(word)
        if text is None:
            continue
        value = number(text)
        if value is None or value < least:
            kind = "a number" if least < 0 else f"a number of at least {least:g}"
            raise BitmillError(f"liberty {source}: {word}{of} must be {kind}, not {text[:40]!r}")


def check_table(source: str, of: str, table: Group, templates: Mapping[str, Group]) -> None:
    """Check that a table has a number for every point of its axes, which are its own or its template's.

    Raises
    ------
    BitmillError
        If its template is missing, a number is none, an axis does not rise, or their counts differ.
    """
    name = table.name
    template = templates.get(name)
    if name and name != "scalar" and template is None:
        raise BitmillError(f"liberty {source}: {table.word}{of} must be of a template of the library, not {name!r}")
    points = 1
    for axis in _AXES:
        variable = f"variable_{axis[-1]}"
        index = finite_numbers(source, f"{table.word}{of}", table, axis) if axis in table.attributes else None
        if index is None and template is not None:
            index = finite_numbers(source, f"template {name}", template, axis) if axis in template.attributes else None
        if template is not None and variable in template.attributes and index is None:
            raise BitmillError(f"liberty {source}: {table.word}{of} must have an {axis}, not none")
        if index is None:
            continue
        if not index or any(after <= before for before, after in pairwise(index)):
            raise BitmillError(f"liberty {source}: {axis} of {table.word}{of} must rise, not be {list(index)!r}")
        points *= len(index)
    values = finite_numbers(source, f"{table.word}{of}", table, "values")
    if len(values) != points:
        raise BitmillError(
            f"liberty {source}: {table.word}{of} must have {points} values, as many as its axes have points, "
            f"not {len(values)}"
        )


def finite_numbers(source: str, of: str, group: Group, word: str) -> tuple[float, ...]:
    """A complex attribute of numbers, such as ``values``; none where it is left out.

    Raises
    ------
    BitmillError
        If one is no number, or not finite; ``of`` is what the message calls the group.
    """
    try:
        found = group.numbers(word)
    except ValueError:
        found = (math.nan,)
    if not all(map(math.isfinite, found)):
        shown = ", ".join(group.attributes[word])[:40]
        raise BitmillError(f"liberty {source}: {word} of {of} must be numbers, not {shown!r}")
    return found
