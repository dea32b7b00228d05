"""Verilog wrappers that put a unit between registers, for timing and for devices with too few pins."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ..system.errors import BitmillError
from . import cache, recipes
from .synthesis import check_top

CLOCK = "clk"
WRAPPER = "bitmill_wrapped"


@dataclass(frozen=True)
class Port:
    """One port of a top module; ``width`` in bits."""

    name: str
    direction: Literal["input", "output"]
    width: int


def ports_of(verilog: str, top: str) -> tuple[Port, ...]:
    """The ports of a top module, in order, as Yosys reads them. Cached.

    Raises
    ------
    BitmillError
        If Yosys rejects the design, a port is bidirectional, or the design has no input or no output besides the clock.
    """
    script = (
        f"read_verilog {recipes.DESIGN_FILE}\nhierarchy -check -top {check_top(top)}\nblackbox\nwrite_json ports.json\n"
    )
    outputs = cache.yosys_cached(script, files={recipes.DESIGN_FILE: verilog}, outputs=["ports.json"])
    described = json.loads(outputs["ports.json"])["modules"][top]["ports"]
    ports = tuple(Port(name, port["direction"], len(port["bits"])) for name, port in described.items())
    for port in ports:
        if port.direction not in ("input", "output"):
            raise BitmillError(f"port {port.name} of {top} must be an input or an output, not {port.direction}")
        if port.name == CLOCK and (port.direction, port.width) != ("input", 1):
            raise BitmillError(f"port {CLOCK} of {top} must be a one-bit input, not {port.width}-bit {port.direction}")
    if not data_ports(ports, "input") or not data_ports(ports, "output"):
        raise BitmillError(f"{top} must have an input and an output besides {CLOCK}")
    return ports


def data_ports(ports: Sequence[Port], direction: str) -> list[Port]:
    """The ports of one direction without the clock."""
    return [port for port in ports if port.direction == direction and port.name != CLOCK]


def total_width(ports: Sequence[Port]) -> int:
    """Bits of all ports together."""
    return sum(port.width for port in ports)


def _escaped(name: str) -> str:
    """A Verilog escaped identifier, which ends at its space."""
    return f"\\{name} "


def _instance(top: str, ports: Sequence[Port], inputs: str, outputs: str) -> list[str]:
    """The unit, with its data inputs and outputs each as one vector, first port at the least significant bit."""
    connections = [f".{CLOCK}({CLOCK})"] if any(port.name == CLOCK for port in ports) else []
    for direction, vector in (("input", inputs), ("output", outputs)):
        low = 0
        for port in data_ports(ports, direction):
            connections.append(f".{_escaped(port.name)}({vector}[{low} +: {port.width}])")
            low += port.width
    return [f"  {top} unit (", *(f"    {line}," for line in connections[:-1]), f"    {connections[-1]}", "  );"]


def wrap_registers(verilog: str, top: str) -> str:
    """The design with a wrapper, module ``WRAPPER``, that registers every input and output.

    Its ports are ``clk``, ``data_in`` and ``data_out``: all data ports of the unit, the first at the least
    significant bit. Then every path of the unit starts and ends at a register, and Fmax is that of the unit and not
    of its surroundings.
    """
    ports = ports_of(verilog, top)
    wide_in, wide_out = total_width(data_ports(ports, "input")), total_width(data_ports(ports, "output"))
    lines = [
        f"module {WRAPPER} (",
        f"  input {CLOCK}, input [{wide_in - 1}:0] data_in, output reg [{wide_out - 1}:0] data_out",
        ");",
        f"  reg [{wide_in - 1}:0] inputs;",
        f"  wire [{wide_out - 1}:0] outputs;",
        *_instance(top, ports, "inputs", "outputs"),
        f"  always @(posedge {CLOCK}) begin inputs <= data_in; data_out <= outputs; end",
        "endmodule",
    ]
    return verilog + "\n" + "\n".join(lines) + "\n"


def wrap_shift_chain(verilog: str, top: str) -> str:
    """The design with a wrapper, module ``WRAPPER``, of four pins, for devices with fewer pins than ports.

    Ports: ``clk``, ``load``, ``shift_in``, ``shift_out``. The inputs are a shift register, least significant bit
    first in. The outputs are registered, then copied into a second shift register while ``load`` is high, which else
    moves towards ``shift_out``, least significant bit first. No path of the chain is longer than one LUT.
    """
    ports = ports_of(verilog, top)
    wide_in, wide_out = total_width(data_ports(ports, "input")), total_width(data_ports(ports, "output"))
    # A chain has at least two stages, so that the slices below are never empty.
    stages_in, stages_out = max(2, wide_in), max(2, wide_out)
    lines = [
        f"module {WRAPPER} (input {CLOCK}, input load, input shift_in, output shift_out);",
        f"  reg [{stages_in - 1}:0] inputs;",
        f"  wire [{wide_out - 1}:0] outputs;",
        f"  reg [{wide_out - 1}:0] results;",
        f"  reg [{stages_out - 1}:0] chain;",
        *_instance(top, ports, "inputs", "outputs"),
        "  assign shift_out = chain[0];",
        f"  always @(posedge {CLOCK}) begin",
        f"    inputs <= {{shift_in, inputs[{stages_in - 1}:1]}};",
        "    results <= outputs;",
        f"    chain <= load ? results : {{1'b0, chain[{stages_out - 1}:1]}};",
        "  end",
        "endmodule",
    ]
    return verilog + "\n" + "\n".join(lines) + "\n"
