"""Yosys scripts that map a design onto a Liberty library: how multipliers and adders are built, and how abc maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from ..system.abc_memory import BEST_FILE, RESUME
from .liberty import LIBRARY_FILE, Library
from .recipes import DESIGN_FILE
from .standard_maps import CLOCK_GATE, clock_gate_map, flip_flop_map, full_adder_map

Multiplier = Literal["plain", "booth", "booth-lowpower", "noalumacc"]
Effort = Literal["small", "medium", "tight", "fast"]

MAPPED_FILE = "mapped.v"
_UNLIMITED = 1 << 30

# abc searches from several starting points. In each, technology mapping and resynthesis take turns: what one mapping has
# found out about sharing, the next starts from. The smallest network of all is kept, and passed on through Verilog because
# abc would hand Yosys timing lines that it cannot read. On one lane of a dot product this gives 10 to 15 % less area than
# abc's own script for libraries.
_STARTS = ("", "dch; if -K 4 -a; mfs2 -a -e; strash", "&get -n; &syn3; &syn4; &put", "&get -n; &fraig -x; &put; dc2")
_CHOICES = ("&dch -f", "&dch", "")


def _rounds(choices: str) -> str:
    mapping = "; ".join(filter(None, ["&get -n", choices, "&nf -R 1000", "&put", "save -a"]))
    return f"{f'{mapping}; mfs2 -a -e; strash; dc2; ' * 5}{mapping}"


_SEARCH = "; ".join(
    [
        "strash; write_blif start.blif",
        *(
            "; ".join(filter(None, ["read_blif start.blif; strash", start, _rounds(choices)]))
            for start, choices in [*((start, _CHOICES[0]) for start in _STARTS), *(("", way) for way in _CHOICES[1:])]
        ),
        f"load; write_verilog {BEST_FILE}; {RESUME}",
    ]
)
# How a mapped network is sized, by a library's way. Buffers where a net has more than 32 readers, and gentle slews: abc's own
# limits, 10 readers and 100 ps, are those of a process much faster than 180 nm, and cost 5 %. On ASAP7 the same command makes
# units slower by half for no area (dot product of 32 INT4 lanes: 2.03 ns with it, 1.40 without; INT8 MAC 2.00 and 1.43), and its
# own limits cost 20 gates. OpenSTA judges the result with the slews that it has.
_SIZES: Mapping[str, str] = {
    "buffered": "buffer -N 32 -S 1000 -G 1000; upsize {D}; dnsize {D}",
    "sized": "upsize {D}; dnsize {D}",
}
_MAP = "&get -n; &dch -f; &nf; &put"
_TURNS = f"{f'{_MAP}; mfs2 -a -e; strash; dc2; ' * 6}{_MAP}"
_SCRIPTS: Mapping[Effort, str] = {
    "small": f"{_SEARCH}; topo; {{SIZE}}",
    # The same turns, each mapped for delay; the last network is taken, not the smallest, which has no fast carries left.
    "medium": f"strash; {_TURNS}; topo; {{SIZE}}",
    "tight": f"strash; {_TURNS}; topo; buffer; upsize {{D}}; dnsize {{D}}",
    # No resynthesis: it takes parallel prefixes for waste.
    "fast": f"strash; {_MAP}; mfs2 -a -e; strash; {_MAP}; topo; buffer; upsize {{D}}; dnsize {{D}}",
}


@dataclass(frozen=True)
class Recipe:
    """One way to map a design.

    Attributes
    ----------
    multiplier
        Yosys' own multiplier, ``booth``, ``booth -lowpower``, or ``synth -noalumacc``, which builds adders one by one.
    ripple
        Widest adder that is a ripple of full adders; wider ones are Yosys' parallel-prefix adders.
    effort
        What abc goes for: ``small`` area, then ever more delay: ``medium``, ``tight`` (buffered to abc's own limits), ``fast``.
    merged
        Drop ``keep`` from the adders of the design, so that chained ones become one compressor tree.
    delay_factor
        What abc is told, relative to the period.
    gates
        Full adders are gates that abc maps, not the library's cell: sky130's takes a third less area and twice the time.
    """

    multiplier: Multiplier = "plain"
    ripple: int = _UNLIMITED
    effort: Effort = "small"
    merged: bool = False
    delay_factor: float = 1.0
    gates: bool = False

    @property
    def name(self) -> str:
        """``booth, ripple 12, fast, -D 0.98``."""
        adders = {0: "prefix", _UNLIMITED: "ripple"}.get(self.ripple, f"ripple {self.ripple}")
        factor = [] if self.delay_factor == 1 else [f"-D {self.delay_factor:g}"]
        kinds = [*["gates"] * self.gates, *["merged"] * self.merged]
        return ", ".join([self.multiplier, adders, self.effort, *kinds, *factor])


def ladder(multiplier: Multiplier, *, gates: bool = False) -> tuple[Recipe, ...]:
    """Recipes from the smallest to the fastest: ripple adders first, then parallel-prefix ones for the wider sums.

    ``gates``: with those whose full adders are gates, for libraries where these are the faster ones.
    """
    rungs: dict[Effort, tuple[int, ...]] = {
        "small": (_UNLIMITED, 48, 40, 24, 12),
        "medium": (24, 12, 8, 0),
        "tight": (12, 0),
        "fast": (12, 0),
    }
    if multiplier == "noalumacc":
        rungs = dict.fromkeys(rungs, (0,))
    found = [Recipe(multiplier, width, effort) for effort, widths in rungs.items() for width in widths]
    if gates and multiplier != "noalumacc":
        found += [Recipe(multiplier, width, effort, gates=True) for width, effort in _OF_GATES]
    return tuple(found)


_OF_GATES: tuple[tuple[int, Effort], ...] = ((_UNLIMITED, "small"), (24, "medium"), (12, "tight"))


def variants(recipe: Recipe, *, gates: bool = False) -> tuple[Recipe, ...]:
    """Small changes to the recipe that is best so far: adders merged, half the delay for abc, and full adders the other way."""
    other = (replace(recipe, gates=not recipe.gates),) * gates
    return replace(recipe, merged=True), replace(recipe, delay_factor=0.5), *other


def recipe_named(name: str) -> Recipe:
    """The recipe of ``ladder`` or ``variants`` with that name.

    Raises
    ------
    ValueError
        If there is none.
    """
    for multiplier in get_args(Multiplier):
        for recipe in ladder(multiplier, gates=True):
            for found in (recipe, *variants(recipe, gates=True)):
                if found.name == name:
                    return found
    raise ValueError(f"recipe must be one that designs are mapped with, not {name!r}")


def constraints(library: Library) -> str:
    """abc's constraint file: the inverter drives every input, four of them load every output."""
    return f"set_driving_cell {library.inverter.cell}\nset_load {library.load_ff:g}\n"


def _picoseconds(recipe: Recipe, period_ns: float) -> int:
    return max(1, round(1000 * period_ns * recipe.delay_factor))


def files(recipe: Recipe, library: Library, *, period_ns: float) -> dict[str, str]:
    """What a script reads beside the design."""
    # Yosys fills in {D} in scripts of its own only.
    abc = _SCRIPTS[recipe.effort].replace("{SIZE}", _SIZES[library.sizing])
    abc = abc.replace("{D}", f"-D {_picoseconds(recipe, period_ns)}")
    return {
        LIBRARY_FILE: library.text,
        "constraints": constraints(library),
        "abc": abc + "\n",
        "full_adder.v": "" if library.full_adder is None else full_adder_map(library.full_adder),
        "clock_gate.v": clock_gate_map(library),
        **({} if library.flip_flop.plain else {"flip_flop.v": flip_flop_map(library)}),
        "ripple.v": _RIPPLE,
    }


def script(
    recipe: Recipe,
    library: Library,
    top: str,
    *,
    period_ns: float,
    clock_gating: bool,
    once: Sequence[str] = (),
    named: bool = False,
) -> str:
    """Commands that read ``DESIGN_FILE`` and write ``MAPPED_FILE`` and ``stat.json``.

    Parameters
    ----------
    recipe, library, top, period_ns, clock_gating
        As for ``standard_cells.Flow``.
    once
        Modules that are mapped by themselves before the netlist is flattened: mapping searches small circuits better.
    named
        Whether their cells keep the path of their module in their names.
    """
    lines = [f"read_liberty -lib -ignore_miss_func {LIBRARY_FILE}", f"read_verilog {DESIGN_FILE}"]
    lines += [f"setattr -mod -set keep_hierarchy 1 {module}" for module in once]
    lines += [f"hierarchy -check -top {top}", "proc", "flatten"]
    # Cells have no initial values, and a unit that needs them in spite of its reset shall fail.
    lines += ["setattr -unset init w:*"]
    lines += ["setattr -unset keep w:*"] * recipe.merged
    lines += [*_COARSE, *_MULTIPLIERS[recipe.multiplier], "maccmap", "opt -nosdff"]
    if recipe.ripple:
        lines += [f"techmap -map ripple.v t:$alu r:Y_WIDTH<={recipe.ripple} %i", "opt_expr", "opt_clean"]
    if library.full_adder is not None and not recipe.gates:
        lines += ["techmap -map full_adder.v t:$fa"]
    lines += _FINE
    picoseconds = _picoseconds(recipe, period_ns)
    to_cells = f"abc -liberty {LIBRARY_FILE} -constr constraints -D {picoseconds} -script abc"
    to_registers = ["dfflegalize -cell $_DFF_P_ x", "simplemap", "opt_expr", "opt_clean"]
    # Flip-flops are cells before their surroundings are mapped: abc orders a module's inputs differently then, and keeps
    # prefix adders that it otherwise turns into ripples.
    lines += _ENABLES if clock_gating else to_registers
    for module in once:
        lines += [f"{to_cells} {module}", f"setattr -mod -unset keep_hierarchy {module}"]
    # Verilog numbers cells without a name of their own, whatever module they come from.
    lines += ["rename -enumerate"] * named
    lines += ["flatten", "opt_clean"] * bool(once)
    lines += [*_GATE_CLOCKS, *to_registers] * clock_gating
    lines += [f"dfflibmap -liberty {LIBRARY_FILE}"] if library.flip_flop.plain else _TIED
    lines += ["opt_clean", to_cells, "opt_clean -purge"]
    lines += ["setundef -zero", "opt_clean -purge"]
    lines += ["tee -q -o stat.json stat -json", f"write_verilog -noattr -noexpr -nohex -simple-lhs {MAPPED_FILE}"]
    return "\n".join(lines) + "\n"


# The steps of `synth`, but for resets: `opt` takes any AND before a register for one, and registers of one enable would no
# longer be alike.
_COARSE = ["opt_expr", "opt_clean", "opt -nodffe -nosdff", "fsm", "opt -nosdff", "wreduce", "peepopt", "opt_clean"]
_MULTIPLIERS: Mapping[Multiplier, list[str]] = {
    "plain": ["alumacc"],
    "booth": ["booth", "alumacc"],
    "booth-lowpower": ["booth -lowpower", "alumacc"],
    "noalumacc": [],
}
_FINE = [
    "memory -nomap",
    "opt -fast -full -nosdff",
    "memory_map",
    "setattr -unset init w:*",
    "opt -undriven -fine -nosdff",
    "techmap",
    "opt -fast -nosdff",
    "simplemap",
    "opt_clean",
]
# Registers of one enable share one gated clock.
_ENABLES = ["dfflegalize -cell $_DFF_P_ x -cell $_DFFE_PP_ x", "simplemap", "opt_expr", "opt_merge", "opt_clean"]
_GATE_CLOCKS = [f"clockgate -pos {CLOCK_GATE} ce:clk:gclk -min_net_size 3", "techmap -map clock_gate.v"]

# Yosys ties resets, but knows neither sets and enables in the next state nor a library whose only output is inverted.
_TIED = ["techmap -map flip_flop.v", "simplemap", "opt_merge"]

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
  // A negation has an operand of no bits, which Yosys' own cells refuse.
  generate if (A_WIDTH == 0) assign a = 0;
  else \$pos #(.A_SIGNED(A_SIGNED), .A_WIDTH(A_WIDTH), .Y_WIDTH(Y_WIDTH)) extend_a (.A(A), .Y(a));
  if (B_WIDTH == 0) assign b = 0;
  else \$pos #(.A_SIGNED(B_SIGNED), .A_WIDTH(B_WIDTH), .Y_WIDTH(Y_WIDTH)) extend_b (.A(B), .Y(b));
  endgenerate
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
