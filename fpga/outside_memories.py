"""Verilog of a unit whose writable memories stay outside, so that what is counted is the unit alone."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..hdl.emit.verilog import without_tool_header
from ..system.errors import BitmillError
from ..system.tools import run_yosys

_PARAMETERS = (
    "MEMID", "SIZE", "OFFSET", "ABITS", "WIDTH", "INIT",
    "RD_PORTS", "RD_CLK_ENABLE", "RD_CLK_POLARITY", "RD_TRANSPARENCY_MASK", "RD_COLLISION_X_MASK", "RD_WIDE_CONTINUATION",
    "RD_CE_OVER_SRST", "RD_ARST_VALUE", "RD_SRST_VALUE", "RD_INIT_VALUE",
    "WR_PORTS", "WR_CLK_ENABLE", "WR_CLK_POLARITY", "WR_PRIORITY_MASK", "WR_WIDE_CONTINUATION",
)  # fmt: skip
"""Of Yosys' ``$mem_v2``: a module in its place must take them all."""

_OUTSIDE = f"""\
module outside #({", ".join(f"parameter {name} = 1" for name in _PARAMETERS)}) (
    input [RD_PORTS-1:0] RD_CLK, RD_EN, RD_ARST, RD_SRST,
    input [RD_PORTS*ABITS-1:0] RD_ADDR,
    output [RD_PORTS*WIDTH-1:0] RD_DATA,
    input [WR_PORTS-1:0] WR_CLK,
    input [WR_PORTS*WIDTH-1:0] WR_EN, WR_DATA,
    input [WR_PORTS*ABITS-1:0] WR_ADDR
);
endmodule
"""

# A memory becomes an instance of a module with the widths of its ports, and `expose -evert` turns the connections of an instance
# into ports. Tables that nothing writes are logic and stay.
_SCRIPT = """
read_verilog unit.v
hierarchy -top {top}
proc
flatten
opt_clean
memory_dff
memory_collect
select -set outside t:$mem_v2 r:WR_PORTS>0 %i
tee -o memories.txt dump @outside
read_verilog -defer -sv outside.v
chtype -set outside @outside
hierarchy -top {top}
expose -evert t:$paramod*outside*
opt_clean
attrmap -remove src
write_verilog -norename apart.v
"""


@dataclass(frozen=True)
class Apart:
    """A unit and its memories.

    Attributes
    ----------
    verilog
        Flat Verilog without the memories: their addresses, enables and written data are outputs, what is read is an input.
    memory_bits
        Bits of all memories that were taken out.
    """

    verilog: str
    memory_bits: int


def without_memories(verilog: str, top: str) -> Apart:
    """Take every memory that is written to out of a unit, with its read registers where Yosys sees that they are some.

    Parameters
    ----------
    verilog
        Text of the unit.
    top
        Name of its top module.

    Raises
    ------
    BitmillError
        If Yosys is missing or refuses the design, or there is no such memory.
    """
    files = {"unit.v": verilog, "outside.v": _OUTSIDE}
    written = run_yosys(_SCRIPT.format(top=top), files=files, outputs=["apart.v", "memories.txt"])
    sizes = zip(*(_numbers(written["memories.txt"], name) for name in ("SIZE", "WIDTH")), strict=True)
    bits = sum(size * width for size, width in sizes)
    if not bits:
        raise BitmillError(f"{top}: expected a memory that is written to, found none")
    return Apart(without_tool_header(written["apart.v"]), bits)


def _numbers(dump: str, parameter: str) -> list[int]:
    """Values of a parameter of every cell of a dump, which writes short numbers in decimal and others as ``32'101``."""
    found = re.findall(rf"parameter (?:signed )?\\{parameter} (?:\d+'([01]+)|(\d+))$", dump, flags=re.MULTILINE)
    return [int(binary, 2) if binary else int(decimal) for binary, decimal in found]
