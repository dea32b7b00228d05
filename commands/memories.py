"""Memories of units of rows: they are left out of what is counted on targets whose cells or recipes have none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..system.screen import say

if TYPE_CHECKING:
    from ..config.document import UnitConfig

WITH_MEMORIES = ("ecp5", "ice40")
"""Targets whose memories a netlist may use."""


def emitted_for_cells(config: UnitConfig, top: str) -> tuple[str, int]:
    """Verilog of a unit as targets without memories count it, and the bits of the memories that were left out, if it has any."""
    from ..fpga.outside_memories import without_memories
    from ..hdl.emit.verilog import emit

    text = emit(config, top=top)
    if not config.keeps_memories:
        return text, 0
    apart = without_memories(text, top)
    return apart.verilog, apart.memory_bits


def left_out_of(bits: int) -> dict[str, int]:
    """What a record says of them, if there are any."""
    return {"memory_bits_left_out": bits} if bits else {}


def say_left_out(bits: int) -> None:
    """Say so, if there are any."""
    if bits:
        say(f"without {bits} bits of memories, for which this target has no cells; {' and '.join(WITH_MEMORIES)} have")
