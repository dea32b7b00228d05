"""Where a unit's energy goes: its parts, mapped one by one, beside the power of the unit mapped as one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from .activity import netlist_cells
from .breakdown import DEFAULT_GROUPS, OTHER, category_of
from .liberty import Library
from .netlist_trace import Stimulus
from .power import Power, simulated_power
from .sta import plain_netlist
from .standard_cells import Flow, StandardCells, map_standard_cells
from .standard_recipes import recipe_named
from .wrap import ports_of

REGISTERS = "registers"
_MERGED = {"decode": "multiply", "reduce": "accumulate"}
POWER_GROUPS: Mapping[str, str] = MappingProxyType(
    {name: _MERGED.get(category, category) for name, category in DEFAULT_GROUPS.items()}
)
"""Instance name of a part to its category: decoders count to the multiplier, the adder tree to the accumulator."""

POWER_PARTS = (*dict.fromkeys(POWER_GROUPS.values()), REGISTERS, OTHER)
"""Categories in the order of the data path; registers are all flip-flops of the unit with their clock pins."""

SPLIT = (
    "registers and the other cells' total are those of the unit mapped as one; the total is split in the shares of the same unit "
    "mapped with the borders of its parts kept"
)
"""How the power of parts comes about."""


@dataclass(frozen=True)
class PartsPower:
    """Power of a unit and of its parts.

    Attributes
    ----------
    mapped
        The unit mapped as one.
    power
        Its power: the truth.
    kept
        Its power with the borders of its parts kept, whose shares are applied.
    parts
        Category to watts, of ``POWER_PARTS``; they add up to ``power``.
    """

    mapped: StandardCells
    power: Power
    kept: Power
    parts: Mapping[str, float]


def parts_power(
    verilog: str,
    top: str,
    library: Library,
    *,
    period_ns: float,
    stimulus: Stimulus,
    once: Sequence[str] = (),
    groups: Mapping[str, str] = POWER_GROUPS,
) -> PartsPower:
    """Map a unit without clock gating at a period, simulate it on a stimulus, and split what it draws among its parts.

    Mapping as one optimizes across the borders of the parts and forgets them. So the unit is mapped a second time with the
    same recipe, the modules of ``groups`` one by one; the power of its combinational cells gives the shares in which that of
    the unit mapped as one is split. Flip-flops are told apart in either.

    Parameters
    ----------
    verilog, top, library, period_ns, once
        As for ``map_standard_cells``.
    stimulus
        As for ``simulated_power``.
    groups
        Last name component of a module, without its number, to category.

    Raises
    ------
    BitmillError
        As ``map_standard_cells`` and ``simulated_power``.
    """
    mapped = map_standard_cells(verilog, top, library, period_ns=period_ns, clock_gating=False, once=once)
    recipe, ports = recipe_named(mapped.best.recipe), ports_of(verilog, top)
    kept_modules = _modules(verilog, groups)

    def netlist_of(modules: Sequence[str], *, named: bool) -> str:
        flow = Flow(
            verilog=verilog,
            top=top,
            library=library,
            period_ns=period_ns,
            clock_gating=False,
            once=modules,
            named=named,
        )
        return flow.netlist(recipe)

    def drawn(netlist: str) -> Power:
        return simulated_power(netlist, top, ports, library, period_ns=period_ns, stimulus=stimulus)

    power = drawn(netlist_of(once, named=False))
    kept_netlist = netlist_of(kept_modules, named=True)
    kept = drawn(kept_netlist)
    shares = dict.fromkeys(POWER_PARTS, 0.0)
    for name, cell in netlist_cells(plain_netlist(kept_netlist), top).items():
        if cell.library_cell not in library.registers:
            shares[instance_category(name, groups)] += kept.cells[name].total
    whole = sum(shares.values())
    parts = {category: power.combinational * share / whole if whole else 0.0 for category, share in shares.items()}
    parts[REGISTERS] = power.sequential
    return PartsPower(mapped, power, kept, parts)


def instance_category(name: str, groups: Mapping[str, str]) -> str:
    """Category of a cell by the path in its name, ``lane0.multiply._7_``; the innermost component that is known decides."""
    category = OTHER
    for component in name.split(".")[:-1]:
        category = category_of(component, groups, category)
    return category


def _modules(verilog: str, groups: Mapping[str, str]) -> list[str]:
    """Modules of a Verilog text that belong to a category by their own name, in order."""
    names = re.findall(r"^module\s+(?:\\(\S+)|(\w+))", verilog, re.MULTILINE)
    return [name for pair in names for name in pair if name and category_of(name, groups, "")]
