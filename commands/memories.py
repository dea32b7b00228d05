"""Memories of units of rows, which are macros beside standard cells and are left out of what is counted there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..system.screen import say

if TYPE_CHECKING:
    from ..config.document import UnitConfig


def emitted_for_cells(config: UnitConfig, top: str) -> tuple[str, int]:
    """Verilog of a unit as gates and standard cells count it, and the bits of the memories that were left out, if it has any."""
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
        say(f"without {bits} bits of memories, which are macros of their own; FPGA targets count them")
