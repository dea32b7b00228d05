"""Simulates a mapped netlist on a stimulus, without delays, and gives the value change dump of all pins of its cells."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ..system import tools
from ..system.errors import BitmillError
from ..system.places import private_folder
from .sta import NETLIST_FILE
from .wrap import CLOCK, Port, data_ports

RESET = "rst"
UNIT = "unit"
"""The scope of the netlist's top module in the trace."""
_HALF = 50
"""Half a clock period of the simulation, which has no delays."""
_RESET_CYCLES = 2
_TOP, _TRACE = "bitmill_played", "trace.vcd"

Stimulus = Mapping[str, Sequence[int]]
"""Input port to its values, one a cycle, all of one length; inputs that are not named are 0."""


def check_stimulus(stimulus: Stimulus, top: str, ports: Sequence[Port]) -> int:
    """How many cycles a stimulus has.

    Raises
    ------
    BitmillError
        If lengths differ or are less than 2, a port is no input, or a value does not fit its port.
    """
    widths = _widths(ports)
    lengths = {len(values) for values in stimulus.values()}
    if len(lengths) != 1 or lengths <= {0, 1}:
        raise BitmillError(f"stimulus must have values of one length of at least 2, not of {sorted(lengths)}")
    for name, values in stimulus.items():
        if name not in widths:
            raise BitmillError(f"stimulus must name inputs of {top}, {', '.join(widths)}, not {name!r}")
        if min(values) < 0 or max(values) >> widths[name]:
            raise BitmillError(f"stimulus of {name} must have {widths[name]} bits, not {min(values)} to {max(values)}")
    return lengths.pop()


def netlist_trace(netlist: str, top: str, ports: Sequence[Port], *, stimulus: Stimulus, models: str) -> str:
    """The value change dump, from a falling edge to a falling edge of the clock, of as many cycles as the stimulus has.

    A reset comes before, and eight cycles of the stimulus for registers without one.

    Parameters
    ----------
    netlist, top, ports, stimulus
        As for ``power.simulated_power``.
    models
        Verilog of the cells.

    Raises
    ------
    BitmillError
        As ``check_stimulus``, or if Icarus is missing or fails.
    """
    count, widths = check_stimulus(stimulus, top, ports), _widths(ports)
    rows = []
    for cycle in range(count):
        word, low = 0, 0
        for name, width in widths.items():
            word |= int(stimulus[name][cycle]) << low if name in stimulus else 0
            low += width
        rows.append(f"{word:x}")
    with private_folder("trace") as folder:
        files = {
            # A reset by both values of a register, that either gives zero, is a reset; a simulator's X stays X there.
            "cells.v": re.sub(r"^(\s*reg \w+);", r"\1 = 1'b0;", models, flags=re.MULTILINE),
            NETLIST_FILE: netlist,
            "bench.v": bench(top, ports, count),
            "stimulus.hex": "\n".join(rows),
        }
        for name, text in files.items():
            (folder / name).write_text(text + "\n", encoding="utf-8")
        compiler, player = tools.find_tool("iverilog"), tools.find_tool("vvp")
        command = [*compiler, "-g2012", "-s", _TOP, "-o", "unit.vvp", "bench.v", NETLIST_FILE, "cells.v"]
        tools.run_tool(command, cwd=folder, name="iverilog")
        tools.run_tool([*player, "-n", "unit.vvp"], cwd=folder, name="vvp")
        return (folder / _TRACE).read_text(encoding="utf-8")


def _widths(ports: Sequence[Port]) -> dict[str, int]:
    return {port.name: port.width for port in data_ports(ports, "input")}


def bench(top: str, ports: Sequence[Port], count: int) -> str:
    """Verilog that plays a word of all inputs a cycle, changed with the falling edge; the trace begins after the reset."""
    widths = _widths(ports)
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
  {top} {UNIT} ({", ".join(connections)});
  always #{_HALF} {CLOCK} = !{CLOCK};
  initial begin
    $readmemh("stimulus.hex", words);
    word = words[0];
    repeat ({_RESET_CYCLES}) @(negedge {CLOCK});
    resetting = 0;
    // Registers without a reset take their first numbers before anything is counted.
    for (cycle = 0; cycle < 8 && cycle < {count}; cycle = cycle + 1) begin word = words[cycle]; @(negedge {CLOCK}); end
    $dumpfile("{_TRACE}");
    $dumpvars(2, {UNIT});
    for (cycle = 0; cycle < {count}; cycle = cycle + 1) begin word = words[cycle]; @(negedge {CLOCK}); end
    $finish;
  end
endmodule
"""
