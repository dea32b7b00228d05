"""Netlists for simulation: the unit after synthesis, so that what was mapped is tested as well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

from ..system.errors import BitmillError
from ..system.tools import run_yosys

NetlistKind = Literal["generic", "ecp5", "gowin", "xilinx7", "cells"]

# Initial values are dropped, those of memories once they are flip-flops: gates have none, and a unit that needs them in spite
# of its reset shall fail.
_GENERIC = """
read_verilog unit.v
hierarchy -check -top {top}
proc
setattr -unset init w:*
synth -flatten -noabc -top {top}
setattr -unset init w:*
dfflegalize -cell $_DFF_P_ x
opt_clean
abc -g AND,NAND,OR,NOR,XOR,XNOR,MUX
opt_clean -purge
check -assert
write_verilog -noattr netlist.v
"""
# Icarus cannot read the vendors' models as they are (repeated modules, conditional specify paths), so Yosys puts them in
# place of their cells. It has no behavioural model of some DSP blocks and of block memories; LUTs are what can be simulated.
_CELLS = """
read_verilog unit.v
{synthesis} -nodsp -top {top}
opt_clean -purge
write_verilog -noattr mapped.v
design -reset
read_verilog mapped.v
read_verilog -nowb -D NO_INCLUDES {models}
hierarchy -check -top {top}
proc
flatten
opt_clean -purge
check -assert
write_verilog -noattr netlist.v
"""

_SYNTHESIS: dict[str, tuple[str, str]] = {
    "ecp5": ("synth_ecp5 -nobram", "+/ecp5/cells_sim.v"),
    "gowin": ("synth_gowin -family gw2a -noiopads -nobram -nolutram", "+/gowin/cells_sim.v"),
    "xilinx7": ("synth_xilinx -flatten -noiopad -noclkbuf -nobram -nolutram -nosrl", "+/xilinx/cells_sim.v"),
}


_PERIOD_NS = 10.0
"""Any will do: cells are those of the smallest recipe, whatever clock it reaches."""


def netlist(
    verilog: str,
    top: str,
    kind: NetlistKind,
    *,
    cells: str | Sequence[str] | None = None,
    once: Sequence[str] = (),
    gated: bool = True,
) -> str:
    """Synthesize module ``top`` to a flat netlist with the same ports, as self-contained Verilog.

    Parameters
    ----------
    verilog
        Text of the design.
    top
        Its top module.
    kind
        ``generic``: two-input gates, multiplexers and plain D flip-flops; ``ecp5``, ``gowin``, ``xilinx7``: the vendor's LUT,
        carry and flip-flop cells, without DSP blocks and block memories; ``cells``: a standard-cell library's.
    cells
        The library of ``cells``, as ``find_library`` takes it.
    once
        Modules that are mapped onto ``cells`` by themselves, as ``map_standard_cells`` takes them.
    gated
        Whether registers of ``cells`` with an enable have gated clocks. CXXRTL gives such a register the data that its clock has
        changed at the same edge.

    Raises
    ------
    BitmillError
        If ``kind`` is unknown, or Yosys is missing, fails, or leaves something unmapped.
    """
    if kind not in get_args(NetlistKind):
        raise BitmillError(f"netlist must be one of {', '.join(get_args(NetlistKind))}, not {kind!r}")
    if kind == "cells":
        return _of_cells(verilog, top, cells, once, gated=gated)
    if cells is not None:
        raise BitmillError(f"cells must be given with netlist cells, not {kind!r}")
    if kind == "generic":
        script = _GENERIC.format(top=top)
    else:
        synthesis, models = _SYNTHESIS[kind]
        script = _CELLS.format(top=top, synthesis=synthesis, models=models)
    return run_yosys(script, files={"unit.v": verilog}, outputs=["netlist.v"])["netlist.v"]


def _of_cells(verilog: str, top: str, cells: str | Sequence[str] | None, once: Sequence[str], *, gated: bool) -> str:
    """The netlist, and what its cells do by the functions in the library."""
    # Not at the top: the bench imports this package in the simulator, where nothing is mapped.
    from ..fpga.cell_models import cell_models
    from ..fpga.libraries import find_library
    from ..fpga.standard_cells import Flow
    from ..fpga.standard_maps import can_gate_clocks
    from ..fpga.standard_recipes import Recipe

    library = find_library(cells)
    gating = gated and can_gate_clocks(library)
    flow = Flow(verilog=verilog, top=top, library=library, period_ns=_PERIOD_NS, clock_gating=gating, once=once)
    return flow.netlist(Recipe()) + cell_models(library)
