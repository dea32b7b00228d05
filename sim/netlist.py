"""Netlists for simulation: the unit after synthesis, so that what was mapped is tested as well."""

from __future__ import annotations

from typing import Literal, get_args

from ..system.errors import BitmillError
from ..system.tools import run_yosys

NetlistKind = Literal["generic", "ecp5", "gowin", "xilinx7"]

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

_SYNTHESIS: dict[NetlistKind, tuple[str, str]] = {
    "ecp5": ("synth_ecp5 -nobram", "+/ecp5/cells_sim.v"),
    "gowin": ("synth_gowin -family gw2a -noiopads -nobram -nolutram", "+/gowin/cells_sim.v"),
    "xilinx7": ("synth_xilinx -flatten -noiopad -noclkbuf -nobram -nolutram -nosrl", "+/xilinx/cells_sim.v"),
}


def netlist(verilog: str, top: str, kind: NetlistKind) -> str:
    """Synthesize module ``top`` to a flat netlist with the same ports, as self-contained Verilog.

    Parameters
    ----------
    verilog
        Text of the design.
    top
        Its top module.
    kind
        ``generic``: two-input gates, multiplexers and plain D flip-flops; ``ecp5``, ``gowin``, ``xilinx7``: the vendor's LUT,
        carry and flip-flop cells, without DSP blocks and block memories.

    Raises
    ------
    BitmillError
        If ``kind`` is unknown, or Yosys is missing, fails, or leaves something unmapped.
    """
    if kind not in get_args(NetlistKind):
        raise BitmillError(f"netlist must be one of {', '.join(get_args(NetlistKind))}, not {kind!r}")
    if kind == "generic":
        script = _GENERIC.format(top=top)
    else:
        synthesis, models = _SYNTHESIS[kind]
        script = _CELLS.format(top=top, synthesis=synthesis, models=models)
    return run_yosys(script, files={"unit.v": verilog}, outputs=["netlist.v"])["netlist.v"]
