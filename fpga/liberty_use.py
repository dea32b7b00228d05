"""Which cells of a library a mapper may use, and their functions as every tool reads them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..system.errors import BitmillError
from ..system.keywords import VERILOG
from .liberty_function import MOST_OPERATORS, Function, FunctionError, read_function
from .liberty_text import Group

_TRUE = (
    "dont_use", "is_filler_cell", "is_decap_cell", "is_tap_cell", "is_isolation_cell", "is_clock_isolation_cell",
    "is_level_shifter", "is_macro_cell", "is_memory_cell", "is_pll_cell", "pad_cell", "auxiliary_pad_cell", "always_on",
)  # fmt: skip
_ANY = (
    "antenna_diode_type", "level_shifter_type", "power_cell_type", "power_gating_cell", "retention_cell", "switch_cell_type",
)  # fmt: skip
_GROUPS = ("bundle", "bus", "ff_bank", "latch_bank", "memory", "statetable", "test_cell")
CLOCK_GATE = "clock_gating_integrated_cell"
NO_AREA = "no area"
_LONGEST = 200
"""Characters of a name: abc fails with longer ones."""
_OF_STATES = ("next_state", "clocked_on", "data_in", "enable", "clear", "preset")


def never_mapped(cell: Group) -> str | None:
    """Why a mapper never uses a cell, or None: it has no function, holds more than a bit, or is for layout, test or power."""
    for word in _TRUE:
        if cell.is_true(word):
            return word
    for word in (*_ANY, CLOCK_GATE):
        if word in cell.attributes:
            return word
    for group in cell.of(*_GROUPS):
        return group.word
    pins = list(cell.of("pin"))
    directions = {pin.text("direction") for pin in pins}
    if not directions <= {"input", "output"}:
        return f"a pin that is {sorted(map(str, directions - {'input', 'output'}))[0]}"
    for pin in pins:
        for word in ("three_state", "is_isolation_cell", "isolation_cell_enable_pin", "always_on"):
            if word in pin.attributes and pin.text(word) != "false":
                return word
    outputs = [pin for pin in pins if pin.text("direction") == "output"]
    if not outputs:
        return "no output"
    if "input" not in directions:
        return "no input"
    for pin in outputs:
        function = (pin.text("function") or "").strip("() ")
        if function in ("", "0", "1"):
            return "an output without a function" if not function else "a constant output"
    return None


def gate_roles(cell: Group) -> dict[str, str] | None:
    """Pins of an integrated clock gate for rising edges whose enable may settle until then; None for others."""
    kind = cell.text(CLOCK_GATE) or ""
    if not re.fullmatch(r"latch_posedge(_precontrol|_postcontrol)?", kind) or cell.is_true("always_on"):
        return None
    roles: dict[str, str] = {}
    for pin in cell.of("pin"):
        for word in ("clock", "enable", "test", "out"):
            if pin.is_true(f"clock_gate_{word}_pin"):
                roles[word] = pin.name
    outputs = [pin for pin in cell.of("pin") if pin.text("direction") == "output"]
    if [pin.name for pin in outputs] != [roles.get("out")] or not _rests_low(outputs[0], roles.get("clock", "")):
        return None
    inputs = {pin.name for pin in cell.of("pin") if pin.text("direction") == "input"}
    wanted = {roles.get("clock"), roles.get("enable"), *([roles["test"]] if "test" in roles else [])}
    return roles if wanted == inputs and "out" in roles else None


def _rests_low(out: Group, clock: str) -> bool:
    """Whether what is stated of a gate's output, if anything, is 0 while the clock is."""
    text = out.text("state_function") or out.text("function")
    if text is None:
        return True
    try:
        function = read_function(text)
    except FunctionError:
        return False
    if function.values is None or clock not in function.names or function.constant:
        return False
    weight = function.names.index(clock)
    return not any(function.values >> place & 1 for place in range(1 << len(function.names)) if not place >> weight & 1)


def write_functions(source: str, cell: Group, slim: Group) -> list[Function]:
    """Write a slim cell's functions so that every tool binds them alike; what they are.

    Raises
    ------
    BitmillError
        If one is no function of the cell's pins and states.
    """
    states = list(slim.of("ff", "latch"))
    names = {name for group in (*cell.of("pin"), *states) for name in group.arguments}
    words = [(pin, "function") for pin in slim.of("pin")] + [(state, word) for state in states for word in _OF_STATES]
    functions: list[Function] = []
    for group, word in words:
        text = group.text(word)
        if text is None:
            continue
        try:
            functions.append(read_function(text, names))
        except FunctionError as error:
            raise BitmillError(
                f"liberty {source}: functions of {cell.name} must be of its pins and ! ' & * | + ^, not go on with {str(error)!r}"
            ) from None
        group.attributes[word] = (functions[-1].text,)
    return functions


def unusable(slim: Group, functions: Sequence[Function]) -> str | None:
    """Why a cell is not mapped whose functions are known, or None.

    Without an area figures would be wrong. Registers may be without: they have the area of the smallest flip-flop.
    """
    if any(re.search(r"[^!-~]", group.name) for group in (slim, *slim.of("pin"))):
        return "a name with a blank or a letter beyond ASCII"
    if any(len(group.name) > _LONGEST for group in (slim, *slim.of("pin"))):
        return f"a name of more than {_LONGEST} characters"
    if any(function.operators > MOST_OPERATORS for function in functions):
        return f"a function of more than {MOST_OPERATORS} operators"
    if any(function.constant for function in functions):
        return "a constant function"
    if next(slim.of("ff", "latch"), None) is not None or CLOCK_GATE in slim.attributes:
        return None
    inputs = {pin.name for pin in slim.of("pin") if pin.text("direction") == "input"}
    # abc writes networks of gates without escaping names, and fails when it reads them again.
    if VERILOG.intersection([slim.name, *(pin.name for pin in slim.of("pin"))]):
        return "a name that is a keyword of Verilog"
    if not all(inputs.issuperset(function.names) for function in functions):
        return "an output that is a function of another"
    return None if slim.number("area") > 0 else NO_AREA


def has_delays(slim: Group) -> bool:
    """Whether every output of a slim cell has delays: the tools take one without for infinitely fast, or fail."""
    return all(
        any(
            arc.groups or "intrinsic_rise" in arc.attributes or "intrinsic_fall" in arc.attributes
            for arc in pin.of("timing")
        )
        for pin in slim.of("pin")
        if pin.text("direction") == "output"
    )
