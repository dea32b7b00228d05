"""What hdl has for a family of units: how its component is made, and what an integrator is told of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .unit import Unit

LAST_STEP = "from the transfer of a last step to o_valid"
"""Where the latency of units that take steps begins and ends."""

PortWords = Mapping[str, Mapping[str, str]]
"""What each field of each payload is, by the port's name (``i_payload``) and the field's."""


def no_modules(_config: Any) -> tuple[str, ...]:
    """No module is worth mapping by itself."""
    return ()


def not_sliced(config: Any) -> Any:
    """The unit as it is: it has no smaller one of the same clock."""
    return config


def no_remarks(_config: Any, _unit: Any) -> tuple[str, ...]:
    """All is said."""
    return ()


def no_facts(_unit: Any) -> dict[str, Any]:
    """The configuration tells it all."""
    return {}


@dataclass(frozen=True, kw_only=True)
class HardwareFamily:
    """A row of ``hdl.families``.

    Attributes
    ----------
    component
        Makes the unit: ``component(config=..., module_prefix=...)``. With a prefix its repeated parts are instances of modules
        whose names begin so (see ``Unit.repeated``).
    streams
        First sentence of the header: which streams there are, and of what.
    words
        By the configuration, what the fields of the payloads are. Ports are listed in this order.
    latency
        Where the latency begins and ends.
    facts
        By the configuration, what else the manifest says: how much the unit takes, and what a result is worth.
    once_in_cells, once_on_fpga
        By the configuration, names of the parts (``lane``, ``pe``) that are worth mapping by themselves, onto standard cells and
        onto FPGAs, where they are counted for every instance: what there is many of, and most of the unit.
    slice
        By the configuration, a smaller unit of the same parts, by which the clock of a large one is measured; of small ones the
        configuration itself.
    remarks
        By configuration and unit, what else the header says, a paragraph each.
    unit_facts
        By the unit, what else the manifest says.
    keeps_brackets
        Whether names of signals keep their brackets; see ``emit.verilog.without_brackets``.
    """

    component: Callable[..., Unit]
    streams: str
    words: Callable[[Any], PortWords]
    facts: Callable[[Any], dict[str, Any]]
    latency: str = LAST_STEP
    once_in_cells: Callable[[Any], tuple[str, ...]] = no_modules
    once_on_fpga: Callable[[Any], tuple[str, ...]] = no_modules
    slice: Callable[[Any], Any] = not_sliced
    remarks: Callable[[Any, Any], tuple[str, ...]] = no_remarks
    unit_facts: Callable[[Any], dict[str, Any]] = no_facts
    keeps_brackets: bool = False
