"""Power of a mapped netlist: toggles of every pin from simulating it on operands, weighed by OpenSTA with the library."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from .. import tools
from ..errors import BitmillError
from . import cache
from .liberty import DEFAULT_LIBRARY, LIBRARY_FILE, Library
from .sta import NETLIST_FILE, plain_netlist, run_sta
from .wrap import CLOCK, Port

RESET = "rst"
_GROUPS = ("Sequential", "Combinational")
_NUMBER = r"\s+([\d.]+e[+-]\d+)"
_HALF = 50
"""Half a clock period of the simulation, which has no delays."""
_RESET_CYCLES = 2
_TOP, _UNIT, _TRACE = "bitmill_played", "unit", "trace.vcd"


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


@dataclass(frozen=True)
class PinActivity:
    """How a pin moves: toggles per cycle, and the share of the time that it is 1."""

    toggles: float
    high: float


def simulated_power(
    netlist: str,
    top: str,
    ports: Sequence[Port],
    library: Library,
    *,
    period_ns: float,
    stimulus: Mapping[str, Sequence[int]],
    models: Path | None = None,
) -> Power:
    """Power before layout while a netlist works on a stimulus. Cached.

    The netlist is simulated without delays, so that there are no glitches; toggles of every pin of every cell go to OpenSTA.
    Without wires and the clock tree. A netlist whose clocks are gated has clock nets that no layout has buffered yet, which
    makes its flip-flops look dear; map it without.

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
        Verilog of the library's cells; osu018's if left out.

    Raises
    ------
    BitmillError
        If an argument is out of range, a port is not there, the simulation leaves a pin unknown, or a tool is missing or fails.
    """
    if not 0 < period_ns < float("inf"):
        raise BitmillError(f"period must be a positive number of ns, not {period_ns!r}")
    widths = {port.name: port.width for port in ports if port.direction == "input" and port.name != CLOCK}
    lengths = {len(values) for values in stimulus.values()}
    if len(lengths) != 1 or lengths <= {0, 1}:
        raise BitmillError(f"stimulus must have values of one length of at least 2, not of {sorted(lengths)}")
    for name, values in stimulus.items():
        if name not in widths:
            raise BitmillError(f"stimulus must name inputs of {top}, {', '.join(widths)}, not {name!r}")
        if min(values) < 0 or max(values) >> widths[name]:
            raise BitmillError(f"stimulus of {name} must have {widths[name]} bits, not {min(values)} to {max(values)}")
    source = DEFAULT_LIBRARY.with_suffix(".v") if models is None else models
    if not source.is_file():
        raise BitmillError(f"models must be a file of Verilog cells, not {source}")
    text, cells = plain_netlist(netlist), source.read_text(encoding="utf-8", errors="replace")
    inputs = {
        "netlist": text, "models": cells, "library": library.sha256, "period": period_ns,
        "stimulus": {name: list(map(int, values)) for name, values in stimulus.items()},
        "sta": tools.opensta_version(), "script": _script(top, period_ns, {}), "bench": _bench(top, widths, 0),
    }  # fmt: skip

    def measure() -> list[float]:
        activity = _simulated(text, top, widths, stimulus, cells)
        script = _script(top, period_ns, activity, _port_activity(widths, stimulus))
        return _parsed(run_sta(tools.find_tool("sta"), script, text, library))

    return Power(*cache.cached("power", inputs, measure), period_ns=period_ns)


def _simulated(
    netlist: str, top: str, widths: Mapping[str, int], stimulus: Mapping[str, Sequence[int]], cells: str
) -> dict[str, PinActivity]:
    count = len(next(iter(stimulus.values())))
    rows = []
    for cycle in range(count):
        word, low = 0, 0
        for name, width in widths.items():
            word |= int(stimulus[name][cycle]) << low if name in stimulus else 0
            low += width
        rows.append(f"{word:x}")
    with tempfile.TemporaryDirectory(prefix="bitmill-") as directory:
        folder = Path(directory)
        files = {
            "cells.v": cells,
            NETLIST_FILE: netlist,
            "bench.v": _bench(top, widths, count),
            "stimulus.hex": "\n".join(rows),
        }
        for name, text in files.items():
            (folder / name).write_text(text + "\n", encoding="utf-8")
        compiler, player = tools.find_tool("iverilog"), tools.find_tool("vvp")
        command = [*compiler, "-g2012", "-s", _TOP, "-o", "unit.vvp", "bench.v", NETLIST_FILE, "cells.v"]
        tools.run_tool(command, cwd=folder, name="iverilog")
        tools.run_tool([*player, "-n", "unit.vvp"], cwd=folder, name="vvp")
        modules = re.findall(r"^module \w+ *\(([^)]*)\)", cells, re.MULTILINE)
        pins = {pin.strip() for ports in modules for pin in ports.split(",")}
        return pin_activity((folder / _TRACE).read_text(encoding="utf-8"), pins=pins, cycles=count)


def _bench(top: str, widths: Mapping[str, int], count: int) -> str:
    """Plays a word of all inputs a cycle, changed with the falling edge; the trace begins after the reset."""
    total, low, connections = sum(widths.values()), 0, [f".{CLOCK}({CLOCK})"]
    for name, width in widths.items():
        value = f"word[{low + width - 1}:{low}]"
        connections.append(f".{name}({f'({value} | resetting)' if name == RESET else value})")
        low += width
    return f"""\
`timescale 1ns/1ps
module {_TOP};
  reg {CLOCK} = 0, resetting = 1;
  reg [{total - 1}:0] words [0:{max(count, 1) - 1}];
  reg [{total - 1}:0] word = 0;
  integer cycle;
  {top} {_UNIT} ({", ".join(connections)});
  always #{_HALF} {CLOCK} = !{CLOCK};
  initial begin
    $readmemh("stimulus.hex", words);
    word = words[0];
    repeat ({_RESET_CYCLES}) @(negedge {CLOCK});
    resetting = 0;
    // Registers without a reset take their first numbers before anything is counted.
    for (cycle = 0; cycle < 8 && cycle < {count}; cycle = cycle + 1) begin word = words[cycle]; @(negedge {CLOCK}); end
    $dumpfile("{_TRACE}");
    $dumpvars(2, {_UNIT});
    for (cycle = 0; cycle < {count}; cycle = cycle + 1) begin word = words[cycle]; @(negedge {CLOCK}); end
    $finish;
  end
endmodule
"""


def pin_activity(trace: str, *, pins: Collection[str], cycles: int) -> dict[str, PinActivity]:
    """Activity of ``INSTANCE/PIN`` of every cell from a value change dump of so many cycles; ``pins`` are the names of pins.

    Raises
    ------
    BitmillError
        If a pin is ever unknown.
    """
    head, _, body = trace.partition("$enddefinitions")
    names = _variables(head, pins)
    toggles: dict[str, int] = dict.fromkeys(names, 0)
    high: dict[str, int] = dict.fromkeys(names, 0)
    value: dict[str, str] = {}
    changed: dict[str, int] = {}
    start, now = None, 0
    for line in body.splitlines():
        if line.startswith("#"):
            now = int(line[1:])
            start = now if start is None else start
        elif line[:1] in "01xz" and line[1:] in names:
            code, bit = line[1:], line[0]
            if value.get(code) in ("0", "1") and bit in "01" and value[code] != bit:
                toggles[code] += 1
            if value.get(code) == "1":
                high[code] += now - changed[code]
            value[code], changed[code] = bit, now
    unknown = sorted(pin for code, whose in names.items() for pin in whose if value.get(code) not in ("0", "1"))
    if unknown:
        raise BitmillError(f"simulation must leave every pin 0 or 1, not {unknown[0]} unknown")
    length = max(now - (start or 0), 1)
    for code, bit in value.items():
        high[code] += (now - changed[code]) * (bit == "1")
    return {
        pin: PinActivity(toggles[code] / cycles, high[code] / length) for code, whose in names.items() for pin in whose
    }


def _variables(head: str, pins: Collection[str]) -> dict[str, list[str]]:
    """Every identifier of the trace with the pins that it stands for."""
    found: dict[str, list[str]] = {}
    scopes: list[str] = []
    for line in head.splitlines():
        words = line.split()
        if words[:1] == ["$scope"]:
            scopes.append(words[2])
        elif words[:1] == ["$upscope"]:
            scopes.pop()
        elif words[:1] == ["$var"] and len(scopes) > 1 and scopes[-1] != _UNIT and words[4] in pins:
            found.setdefault(words[3], []).append(f"{scopes[-1]}/{words[4]}")
    return found


def _port_activity(
    widths: Mapping[str, int], stimulus: Mapping[str, Sequence[int]]
) -> Iterator[tuple[str, PinActivity]]:
    """Activity of every bit of every input that has a stimulus."""
    for name, values in stimulus.items():
        for bit in range(widths[name]):
            stream = [int(value) >> bit & 1 for value in values]
            toggles = sum(before != after for before, after in pairwise(stream)) / len(stream)
            pin = name if widths[name] == 1 else f"{name}[{bit}]"
            yield pin, PinActivity(toggles, sum(stream) / len(stream))


def _script(
    top: str, period_ns: float, activity: Mapping[str, PinActivity], ports: Iterable[tuple[str, PinActivity]] = ()
) -> str:
    lines = [
        f"read_liberty {LIBRARY_FILE}",
        f"read_verilog {NETLIST_FILE}",
        f"link_design {top}",
        "set_cmd_units -time ns",
        f"create_clock -name {CLOCK} -period {period_ns:g} [get_ports {CLOCK}]",
    ]
    lines += ["set_power_activity -input -activity 0 -duty 0"]
    lines += [
        f"set_power_activity -input_ports [get_ports {{{name}}}] -activity {port.toggles:.6g} -duty {port.high:.6g}"
        for name, port in ports
    ]
    # `set_power_activity -pins` of OpenSTA 2.0 reads a variable that it never set; this is the command below it.
    lines += [
        f"::sta::set_power_pin_activity [get_pins {{{name}}}] {pin.toggles:.6g} {pin.high:.6g}"
        for name, pin in activity.items()
    ]
    return "\n".join([*lines, "report_power", ""])


def _parsed(log: str) -> list[float]:
    found = [re.search(rf"^{group}{_NUMBER}{_NUMBER}{_NUMBER}{_NUMBER}", log, re.MULTILINE) for group in _GROUPS]
    if not all(found):
        raise BitmillError(f"sta: printed no power (log: {tools.keep_log('power', log)})")
    return [float(row[4]) for row in found if row is not None]
