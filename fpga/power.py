"""Power of a mapped netlist by OpenSTA, from how often its inputs toggle."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from .. import tools
from ..errors import BitmillError
from . import cache
from .liberty import LIBRARY_FILE, Library
from .sta import NETLIST_FILE, plain_netlist, run_sta
from .wrap import CLOCK

_GROUPS = ("Sequential", "Combinational")
_NUMBER = r"\s+([\d.]+e[+-]\d+)"


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
    """

    sequential: float
    combinational: float
    period_ns: float

    @property
    def energy_pj(self) -> float:
        """Energy of a cycle in pJ."""
        return (self.sequential + self.combinational) * self.period_ns * 1e3


def vectorless_power(
    netlist: str,
    top: str,
    library: Library,
    *,
    period_ns: float,
    toggles: Mapping[str, float],
    high: Mapping[str, float],
) -> Power:
    """Power before layout: toggle rates of the inputs, which OpenSTA carries on through the cells. Cached.

    Without wires, glitches, the clock tree, and correlation between nets. A netlist whose clocks are gated has clock nets
    that no layout has buffered yet; map it without for a figure that means something.

    Parameters
    ----------
    netlist, top
        Verilog of library cells, and its top module; its clock is ``clk``.
    library
        The cells' library, with power tables.
    period_ns
        The clock period.
    toggles
        Input port to toggles of each of its bits per cycle; other inputs stand still.
    high
        Input port to the share of the time that its bits are 1, where it is not a half or, for those that stand still, 0.

    Raises
    ------
    BitmillError
        If a rate is out of range, a port is not there, or OpenSTA is missing or fails.
    """
    for name, rate in (*toggles.items(), *high.items()):
        if not 0 <= rate <= 1:
            raise BitmillError(f"toggles and high must be 0 to 1, not {rate!r} for {name}")
    if not 0 < period_ns < float("inf"):
        raise BitmillError(f"period must be a positive number of ns, not {period_ns!r}")
    command = tools.find_tool("sta")
    script = _script(top, period_ns, toggles, high)
    text = plain_netlist(netlist)
    inputs = {"netlist": text, "library": library.sha256, "sta": tools.opensta_version(), "script": script}
    watts = cache.cached("power", inputs, lambda: _parsed(run_sta(command, script, text, library)))
    return Power(*watts, period_ns=period_ns)


def _script(top: str, period_ns: float, toggles: Mapping[str, float], high: Mapping[str, float]) -> str:
    lines = [
        f"read_liberty {LIBRARY_FILE}",
        f"read_verilog {NETLIST_FILE}",
        f"link_design {top}",
        "set_cmd_units -time ns",
        f"create_clock -name {CLOCK} -period {period_ns:g} [get_ports {CLOCK}]",
        "set_power_activity -input -activity 0 -duty 0",
    ]
    for name in {**toggles, **high}:
        rate = toggles.get(name, 0.0)
        duty = high.get(name, 0.5 if rate else 0.0)
        lines += [
            f"set ports [get_ports {{{name} {name}[*]}}]",
            f'if {{[llength $ports] == 0}} {{ puts "Error: no port {name}" }}',
            f"set_power_activity -input_ports $ports -activity {rate:g} -duty {duty:g}",
        ]
    return "\n".join([*lines, "report_power", ""])


def _parsed(log: str) -> list[float]:
    found = [re.search(rf"^{group}{_NUMBER}{_NUMBER}{_NUMBER}{_NUMBER}", log, re.MULTILINE) for group in _GROUPS]
    if not all(found):
        raise BitmillError(f"sta: printed no power (log: {tools.keep_log('power', log)})")
    return [float(row[4]) for row in found if row is not None]
