"""Yosys scripts that map a design onto a Liberty library: how multipliers and adders are built, and how abc maps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from .liberty import LIBRARY_FILE, FullAdder, Library
from .recipes import DESIGN_FILE, UP_TO_MULTIPLIERS

Multiplier = Literal["plain", "booth", "booth-lowpower", "noalumacc"]

MAPPED_FILE = "mapped.v"
CLOCK_GATE = "bitmill_clock_gate"
_UNLIMITED = 1 << 30

# Technology mapping and resynthesis take turns: what one mapping has found out about sharing, the next starts from. On one
# lane of a dot product this gives 10 % less area than abc's script for libraries does.
_MAP = "&get -n; &dch -f; &nf; &put"
_SMALL = f"strash; {f'{_MAP}; mfs2 -a -e; strash; dc2; ' * 6}{_MAP}; topo; buffer -c; upsize {{D}}; dnsize {{D}}"


@dataclass(frozen=True)
class Recipe:
    """One way to map a design.

    Attributes
    ----------
    multiplier
        Yosys' own multiplier, ``booth``, ``booth -lowpower``, or ``synth -noalumacc``, which builds adders one by one.
    ripple
        Widest adder that is a ripple of full adders; wider ones are Yosys' parallel-prefix adders.
    fast
        abc's own script, which maps for delay, instead of the one for area.
    merged
        Drop ``keep`` from the adders of the design, so that chained ones become one compressor tree.
    delay_factor
        What abc is told, relative to the period.
    """

    multiplier: Multiplier = "plain"
    ripple: int = _UNLIMITED
    fast: bool = False
    merged: bool = False
    delay_factor: float = 1.0

    @property
    def name(self) -> str:
        """``booth, ripple 16, fast``."""
        adders = {0: "prefix", _UNLIMITED: "ripple"}.get(self.ripple, f"ripple {self.ripple}")
        words = [*(["merged"] if self.merged else []), *(["fast"] if self.fast else [])]
        factor = [] if self.delay_factor == 1 else [f"-D {self.delay_factor:g}"]
        return ", ".join([self.multiplier, adders, *words, *factor])


def ladder(multiplier: Multiplier) -> tuple[Recipe, ...]:
    """Recipes from the smallest to the fastest: ripple adders first, then parallel-prefix ones for the wide sums."""
    if multiplier == "noalumacc":
        return Recipe(multiplier, 0), Recipe(multiplier, 0, fast=True)
    rungs = [Recipe(multiplier, width) for width in (_UNLIMITED, 24, 16, 12, 8, 0)]
    return *rungs, Recipe(multiplier, 12, fast=True), Recipe(multiplier, 0, fast=True)


def variants(recipe: Recipe) -> tuple[Recipe, ...]:
    """Small changes to the recipe that is best so far: other delays for abc, and adders merged."""
    return (
        replace(recipe, delay_factor=0.98),
        replace(recipe, delay_factor=1.02),
        replace(recipe, merged=True),
    )


def constraints(library: Library) -> str:
    """abc's constraint file: the inverter drives every input, four of them load every output."""
    return f"set_driving_cell {library.inverter.cell}\nset_load {library.load_ff:g}\n"


def files(library: Library) -> dict[str, str]:
    """What a script reads beside the design."""
    return {
        LIBRARY_FILE: library.text,
        "constraints": constraints(library),
        "abc": _SMALL + "\n",
        "full_adder.v": "" if library.full_adder is None else _full_adder_map(library.full_adder),
        "clock_gate.v": _clock_gate_map(library),
        "ripple.v": _RIPPLE,
        "resets.v": _RESETS,
    }


def script(recipe: Recipe, library: Library, top: str, *, period_ns: float, clock_gating: bool) -> str:
    """Commands that read ``DESIGN_FILE`` and write ``MAPPED_FILE`` and ``stat.json``."""
    options = {"booth": "-booth ", "noalumacc": "-noalumacc "}.get(recipe.multiplier, "")
    lines = [
        f"read_liberty -lib -ignore_miss_func {LIBRARY_FILE}",
        f"read_verilog {DESIGN_FILE}",
        f"hierarchy -check -top {top}",
        "proc",
    ]
    # Cells have no initial values, and a unit that needs them in spite of its reset shall fail.
    lines += ["setattr -unset init w:*"]
    lines += ["setattr -unset keep w:*"] * recipe.merged
    if recipe.multiplier == "booth-lowpower":
        lines += [UP_TO_MULTIPLIERS.format(top=top), "booth -lowpower"]
    lines += [f"synth -flatten -noabc {options}-top {top} -run begin:fine", "maccmap", "opt_expr", "opt_clean"]
    if recipe.ripple:
        lines += [f"techmap -map ripple.v t:$alu r:Y_WIDTH<={recipe.ripple} %i", "opt_expr", "opt_clean"]
    if library.full_adder is not None:
        lines += ["techmap -map full_adder.v t:$fa"]
    lines += [f"synth -noabc -top {top} -run fine:check"]
    if clock_gating:
        lines += _GATE_CLOCKS
    lines += ["dfflegalize -cell $_DFF_P_ x", "simplemap", "opt_expr", "opt_clean"]
    lines += [f"dfflibmap -liberty {LIBRARY_FILE}", "opt_clean"]
    picoseconds = max(1, round(1000 * period_ns * recipe.delay_factor))
    own = "" if recipe.fast else " -script abc"
    lines += [f"abc -liberty {LIBRARY_FILE} -constr constraints -D {picoseconds}{own}", "opt_clean -purge"]
    lines += ["setundef -zero", "opt_clean -purge"]
    lines += ["tee -q -o stat.json stat -json", f"write_verilog -noattr -noexpr -nohex -simple-lhs {MAPPED_FILE}"]
    return "\n".join(lines) + "\n"


# Registers of one enable share one gated clock. A reset that overrides the enable becomes part of both, so that it does
# not cost a register its enable.
_GATE_CLOCKS = [
    "simplemap",
    "opt_clean",
    "dfflegalize -cell $_DFF_P_ x -cell $_DFFE_PP_ x -cell $_SDFFE_PP0P_ x -cell $_SDFFE_PP1P_ x",
    "techmap -map resets.v",
    "simplemap",
    "opt_merge",
    "opt_clean",
    f"clockgate -pos {CLOCK_GATE} ce:clk:gclk -min_net_size 3",
    "techmap -map clock_gate.v",
]

_RESETS = r"""
(* techmap_celltype = "$_SDFFE_PP0P_" *)
module bitmill_reset0 (input D, C, R, E, output Q);
  \$_DFFE_PP_ register (.D(D & ~R), .C(C), .E(E | R), .Q(Q));
endmodule
(* techmap_celltype = "$_SDFFE_PP1P_" *)
module bitmill_reset1 (input D, C, R, E, output Q);
  \$_DFFE_PP_ register (.D(D | R), .C(C), .E(E | R), .Q(Q));
endmodule
"""

_RIPPLE = r"""
(* techmap_celltype = "$alu" *)
module bitmill_ripple (A, B, CI, BI, X, Y, CO);
  parameter A_SIGNED = 0;
  parameter B_SIGNED = 0;
  parameter A_WIDTH = 1;
  parameter B_WIDTH = 1;
  parameter Y_WIDTH = 1;
  input [A_WIDTH-1:0] A;
  input [B_WIDTH-1:0] B;
  input CI, BI;
  output [Y_WIDTH-1:0] X, Y, CO;
  wire [Y_WIDTH-1:0] a, b;
  \$pos #(.A_SIGNED(A_SIGNED), .A_WIDTH(A_WIDTH), .Y_WIDTH(Y_WIDTH)) extend_a (.A(A), .Y(a));
  \$pos #(.A_SIGNED(B_SIGNED), .A_WIDTH(B_WIDTH), .Y_WIDTH(Y_WIDTH)) extend_b (.A(B), .Y(b));
  wire [Y_WIDTH-1:0] addend = b ^ {Y_WIDTH{BI}};
  wire [Y_WIDTH:0] carry;
  assign carry[0] = CI;
  genvar i;
  generate for (i = 0; i < Y_WIDTH; i = i + 1) begin : bits
    \$fa #(.WIDTH(1)) full_adder (.A(a[i]), .B(addend[i]), .C(carry[i]), .X(carry[i+1]), .Y(Y[i]));
  end endgenerate
  assign X = a ^ addend;
  assign CO = carry[Y_WIDTH:1];
endmodule
"""


def _full_adder_map(adder: FullAdder) -> str:
    """Full adders become cells, but for those with a constant input, which are less than a cell."""
    a, b, c = adder.inputs
    masks = [f"_TECHMAP_CONSTMSK_{pin}_" for pin in "ABC"]
    parameters = "".join(f"  parameter [WIDTH-1:0] {mask} = 0;\n" for mask in masks)
    constant = " | ".join(masks)
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
      {adder.cell} cell (.{a}(A[i]), .{b}(B[i]), .{c}(C[i]), .{adder.carry}(X[i]), .{adder.sum}(Y[i]));
  end endgenerate
endmodule
"""


def can_gate_clocks(library: Library) -> bool:
    """Whether the library has what a clock gate is made of."""
    return library.latch is not None and library.and2 is not None


def _clock_gate_map(library: Library) -> str:
    """A latch that is open while the clock is low, and an AND: the enable may settle until the clock rises."""
    latch, and2, inverter = library.latch, library.and2, library.inverter
    if latch is None or and2 is None:
        return ""
    gate = "n" if latch.rising else "clk"
    invert = f"  {inverter.cell} invert (.{inverter.inputs[0]}(clk), .{inverter.output}(n));\n" if latch.rising else ""
    return f"""
module {CLOCK_GATE} (input ce, clk, output gclk);
  wire n, held;
{invert}  {latch.cell} hold (.{latch.data}(ce), .{latch.clock}({gate}), .{latch.output}(held));
  {and2.cell} gate (.{and2.inputs[0]}(clk), .{and2.inputs[1]}(held), .{and2.output}(gclk));
endmodule
"""
