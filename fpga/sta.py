"""Static timing by OpenSTA: the shortest clock period of a mapped netlist whose ports are registered."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..system import tools
from ..system.errors import BitmillError
from ..system.places import private_folder
from ..system.sources import source_digest
from . import cache
from .liberty import LIBRARY_FILE, Library
from .standard_maps import tied_pins, verilog_name
from .wrap import CLOCK, Port

_TOP = "bitmill_timed"
NETLIST_FILE = "netlist.v"

# The period is moved by its own slack until nothing is left over. Paths of a whole period end that at once, paths of half
# a period, into a clock gate, halve the rest each time.
_SCRIPT = """\
read_liberty {library}
read_verilog {netlist}
link_design {top}
set_cmd_units -time ns
set period {start}
for {{set step 0}} {{$step < 30}} {{incr step}} {{
  create_clock -name {clock} -period $period [get_ports {clock}]
  set paths [find_timing_paths -path_delay max]
  if {{[llength $paths] == 0}} {{ break }}
  set worst 1e9
  foreach path $paths {{
    set slack [get_property $path slack]
    if {{$slack < $worst}} {{ set worst $slack }}
  }}
  if {{abs($worst) < 0.0005}} {{ break }}
  set period [expr {{$period - $worst}}]
}}
if {{[llength $paths] == 0}} {{ puts "bitmill no path" }} else {{ puts "bitmill period $period" }}
"""
_START_NS = 100.0


def shortest_period(netlist: str, top: str, ports: Sequence[Port], library: Library) -> float:
    """The shortest clock period in ns, before layout, with an ideal clock. Cached.

    Nets are loaded by pins, and by the library's own default wire load where it has one: sky130 does (3 % of an INT8 MAC's
    period) and IHP SG13G2 (31 %); ASAP7 and osu018 have none.

    Every port of the unit but the clock is driven by a flip-flop and drives one, so that all paths go from register to
    register. Clock gates are checked as well.

    Parameters
    ----------
    netlist, top
        Verilog of library cells, and its top module.
    ports
        The unit's ports before mapping, ``wrap.ports_of``.
    library
        The cells' library.

    Raises
    ------
    BitmillError
        If OpenSTA is missing, fails, prints an error (it exits with 0 then), or finds no path.
    """
    command = tools.find_tool("sta")
    text = plain_netlist(netlist) + _registered(top, ports, library)
    inputs = {
        "netlist": text,
        "library": library.text_sha256,
        "sta": tools.opensta_version(),
        "script": _SCRIPT,
        "source": source_digest(__name__),
    }
    return cache.cached("sta", inputs, lambda: _run(command, text, library))


def _run(command: list[str], netlist: str, library: Library) -> float:
    script = _SCRIPT.format(library=LIBRARY_FILE, netlist=NETLIST_FILE, top=_TOP, clock=CLOCK, start=_START_NS)
    log = run_sta(command, script, netlist, library)
    found = re.search(r"^bitmill period ([\d.]+)", log, re.MULTILINE)
    if found is None:
        raise BitmillError(f"sta: found no path between registers (log: {tools.keep_log('sta', log)})")
    return round(float(found[1]), 3)


def run_sta(command: list[str], script: str, netlist: str, library: Library) -> str:
    """What OpenSTA prints when it runs a script beside ``NETLIST_FILE`` and ``LIBRARY_FILE``.

    Raises
    ------
    BitmillError
        If it fails, or prints an error: it exits with 0 then.
    """
    with private_folder("sta") as folder:
        for name, text in ((LIBRARY_FILE, library.text), (NETLIST_FILE, netlist), ("run.tcl", script)):
            (folder / name).write_text(text, encoding="utf-8")
        log = tools.run_tool([*command, "-no_init", "-exit", "run.tcl"], cwd=folder, name="sta")
    errors = [line for line in log.splitlines() if line.startswith("Error")]
    if errors:
        raise BitmillError(f"sta: {errors[0]} (log: {tools.keep_log('sta', log)})")
    return log


def _escaped(name: str) -> str:
    """A Verilog escaped identifier, which ends at its space."""
    return f"\\{name} "


def plain_netlist(netlist: str) -> str:
    """OpenSTA 2.0 rejects ``signed``, which means nothing between cells."""
    return re.sub(r"\bsigned\b", "", netlist)


def _registered(top: str, ports: Sequence[Port], library: Library) -> str:
    """A module around the unit with the library's flip-flop at every bit of every port."""
    flip_flop, inverter = library.flip_flop, library.inverter
    clock = CLOCK if flip_flop.rising else "bitmill_falling"
    cell, clock_pin, data_pin, output_pin = map(
        verilog_name, (flip_flop.cell, flip_flop.clock, flip_flop.data, flip_flop.output)
    )
    wires = [port for port in ports if port.name != CLOCK]
    lines = [
        f"module {_TOP} ({CLOCK}, {', '.join(_escaped(port.name + '$pin') for port in wires)});",
        f"  input {CLOCK};",
    ]
    for port in wires:
        vector = f"[{port.width - 1}:0]"
        lines.append(f"  {port.direction} {vector} {_escaped(port.name + '$pin')};")
        lines.append(f"  wire {vector} {_escaped(port.name)};")
    if not flip_flop.rising:
        lines.append(f"  wire {clock};")
        turned, given, taken = map(verilog_name, (inverter.cell, inverter.inputs[0], inverter.output))
        lines.append(f"  {turned} bitmill_invert (.{given}({CLOCK}), .{taken}({clock}));")
    connections = [f".{CLOCK}({CLOCK})"] if len(wires) < len(ports) else []
    connections += [f".{_escaped(port.name)}({_escaped(port.name)})" for port in wires]
    lines.append(f"  {top} unit ({', '.join(connections)});")
    for port in wires:
        for bit in range(port.width):
            outside, inside = (f"{_escaped(port.name + suffix)}[{bit}]" for suffix in ("$pin", ""))
            data, output = (outside, inside) if port.direction == "input" else (inside, outside)
            lines.append(
                f"  {cell} {_escaped(f'{port.name}${bit}')}(.{clock_pin}({clock}), .{data_pin}({data}), "
                f".{output_pin}({output}){tied_pins(flip_flop)});"
            )
    return "\n".join([*lines, "endmodule", ""])
