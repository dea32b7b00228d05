"""Verilog that Yosys maps adders, registers and clock gates with: a library's own cells, their unused pins tied."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..system.keywords import VERILOG
from .liberty import Library
from .liberty_cell import Adder, Storage

CLOCK_GATE = "bitmill_clock_gate"


def full_adder_map(adder: Adder) -> str:
    """Full adders become cells, but for those with a constant input, which are less than a cell."""
    a, b, c = adder.inputs
    masks = [f"_TECHMAP_CONSTMSK_{pin}_" for pin in "ABC"]
    parameters = "".join(f"  parameter [WIDTH-1:0] {mask} = 0;\n" for mask in masks)
    constant = " | ".join(masks)
    carry, total = ("x" if adder.carry_inverted else "X[i]"), ("y" if adder.sum_inverted else "Y[i]")
    pins = {a: "A[i]", b: "B[i]", c: "C[i]", adder.carry: carry, adder.sum: total}
    cell = _instance(adder.cell, "cell", pins).strip()
    inverted = [(adder.carry_inverted, "x", "X"), (adder.sum_inverted, "y", "Y")]
    if adder.carry_inverted or adder.sum_inverted:
        wires = "".join(
            f"\n      wire {net}; \\$_NOT_ invert_{net} (.A({net}), .Y({pin}[i]));" for of, net, pin in inverted if of
        )
        cell = f"begin : inverted{wires}\n      {cell}\n    end"
    return f"""
(* techmap_celltype = "$fa" *)
module bitmill_full_adder (A, B, C, X, Y);
  parameter WIDTH = 1;
{parameters}  input [WIDTH-1:0] A, B, C;
  output [WIDTH-1:0] X, Y;
  wire _TECHMAP_FAIL_ = WIDTH == 1 && (({constant}) != 0);
  genvar i;
  generate for (i = 0; i < WIDTH; i = i + 1) begin : bits
    if ((({constant}) >> i) & 1)
      \\$fa #(.WIDTH(1)) some (.A(A[i]), .B(B[i]), .C(C[i]), .X(X[i]), .Y(Y[i]));
    else
      {cell}
  end endgenerate
endmodule
"""


def tied_pins(storage: Storage) -> str:
    """Connections of the pins that are not used."""
    return "".join(f", .{verilog_name(pin)}(1'b{value})" for pin, value in storage.tied)


def flip_flop_map(library: Library) -> str:
    """Plain flip-flops become the library's, with an inverter where its clock or its output is the other way round."""
    found = library.flip_flop
    clock, output = ("C" if found.rising else "c"), ("q" if found.inverted else "Q")
    lines = ["  wire c; \\$_NOT_ falling (.A(C), .Y(c));"] * (not found.rising)
    lines += ["  wire q; \\$_NOT_ invert (.A(q), .Y(Q));"] * found.inverted
    pins = {found.data: "D", found.clock: clock, found.output: output, **_tied(found)}
    lines += [_instance(found.cell, "cell", pins).rstrip()]
    return "\n".join(["module \\$_DFF_P_ (input C, D, output Q);", *lines, "endmodule", ""])


def can_gate_clocks(library: Library) -> bool:
    """Whether the library has what a clock gate is made of."""
    return library.clock_gate is not None or (library.latch is not None and library.and2 is not None)


def clock_gate_map(library: Library) -> str:
    """The library's own clock gate, or else a latch that is open while the clock is low, and an AND.

    In both the enable may settle until the clock rises.
    """
    gate, latch, and2, inverter = library.clock_gate, library.latch, library.and2, library.inverter
    if gate is not None:
        test = {gate.test: "1'b0"} if gate.test else {}
        body = _instance(gate.cell, "gate", {gate.clock: "clk", gate.enable: "ce", gate.out: "gclk", **test})
        return f"\nmodule {CLOCK_GATE} (input ce, clk, output gclk);\n{body}endmodule\n"
    if latch is None or and2 is None:
        return ""
    enable, out = ("n" if latch.rising else "clk"), ("low" if latch.inverted else "held")
    invert = (
        _instance(inverter.cell, "invert", {inverter.inputs[0]: "clk", inverter.output: "n"}) if latch.rising else ""
    )
    more = (
        _instance(inverter.cell, "turn", {inverter.inputs[0]: "low", inverter.output: "held"}) if latch.inverted else ""
    )
    hold = _instance(latch.cell, "hold", {latch.data: "ce", latch.clock: enable, latch.output: out, **_tied(latch)})
    both = _instance(and2.cell, "gate", {and2.inputs[0]: "clk", and2.inputs[1]: "held", and2.output: "gclk"})
    wires = "n, low, held" if latch.inverted else "n, held"
    return f"""
module {CLOCK_GATE} (input ce, clk, output gclk);
  wire {wires};
{invert}{hold}{more}{both}endmodule
"""


def verilog_name(name: str) -> str:
    """A cell's or a pin's name as Verilog has it: escaped where it is a keyword or no identifier."""
    plain = re.fullmatch(r"[A-Za-z_][\w$]*", name, re.ASCII) and name not in VERILOG
    return name if plain else f"\\{name} "


def _instance(cell: str, name: str, pins: Mapping[str, str]) -> str:
    connections = ", ".join(f".{verilog_name(pin)}({net})" for pin, net in pins.items())
    return f"  {verilog_name(cell)} {name} ({connections});\n"


def _tied(storage: Storage) -> dict[str, str]:
    return {pin: f"1'b{value}" for pin, value in storage.tied}
