"""From the cells that Yosys reports to the figures that reports compare: pure functions, no tool is run here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from ..system.errors import BitmillError

Target = Literal["generic", "ice40", "ecp5", "gowin", "xilinx7"]
TARGETS: tuple[Target, ...] = get_args(Target)

NAND2_EQUIVALENTS: Mapping[str, float] = {
    "$_NOT_": 0.5,
    "$_NAND_": 1.0,
    "$_NOR_": 1.0,
    "$_AND_": 1.5,
    "$_OR_": 1.5,
    "$_XOR_": 2.5,
    "$_XNOR_": 2.5,
    "$_MUX_": 2.5,
}
"""Weight of each generic gate in two-input NAND gates."""

NAND2_PER_REGISTER = 6.0
"""Weight of a plain D flip-flop, reported apart from logic."""

_BOOKKEEPING = frozenset({"$scopeinfo"})
"""Cells that only carry names through flattening; no hardware."""

_ICE40_FLIP_FLOPS = frozenset(
    f"SB_DFF{edge}{enable}{reset}" for edge in ("", "N") for enable in ("", "E") for reset in ("", "SR", "R", "SS", "S")
)
_GOWIN_FLIP_FLOPS = frozenset(
    f"DFF{edge}{kind}{enable}" for edge in ("", "N") for kind in ("", "S", "R", "P", "C") for enable in ("", "E")
)
_XILINX_FLIP_FLOPS = frozenset(f"FD{kind}E{edge}" for kind in ("R", "S", "C", "P") for edge in ("", "_1"))
_LUTS_PER_CCU2C = 2
_LUTS_PER_DPR16X4 = 4
"""A memory of 16 words of 4 bits takes the four LUTs of two slices; what steers its writes is not counted."""


@dataclass(frozen=True)
class CellCounts:
    """What a netlist occupies on its target.

    Attributes
    ----------
    target
        One of ``TARGETS``.
    logic
        Combinational logic in ``logic_unit``: NAND2-equivalents (generic), ``LUT4 + 2 CCU2C + 4 DPR16X4`` (ecp5), ``SB_LUT4``
        (ice40), ``LUT1..LUT4 + ALU`` (gowin), ``LUT1..LUT6 + INV`` (xilinx7).
    registers
        Flip-flops.
    dsp
        MULT18X18D, SB_MAC16, MULT9X9, MULT18X18 or DSP48E1 blocks.
    carry
        CCU2C (two bits each) or ALU, already counted in ``logic``; SB_CARRY or CARRY4, not counted there.
    wide_muxes
        PFUMX and L6MUX21, MUX2_LUT5 to MUX2_LUT8, MUXF7 and MUXF8, which join the LUTs of a slice.
    cells
        Cell kind to how many there are.
    memory_blocks
        Block memories, DP16KD and PDPW16KD or SB_RAM40_4K; the recipes of gowin and xilinx7 use none.
    """

    target: Target
    logic: float
    registers: int
    dsp: int
    carry: int
    wide_muxes: int
    cells: Mapping[str, int]
    memory_blocks: int = 0

    @property
    def logic_unit(self) -> str:
        """What ``logic`` is counted in."""
        return {"generic": "NAND2-equivalents", "xilinx7": "LUT6"}.get(self.target, "LUT4")

    @property
    def register_area(self) -> float | None:
        """Registers in NAND2-equivalents; None where they are no logic of their own kind (FPGA)."""
        return NAND2_PER_REGISTER * self.registers if self.target == "generic" else None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data."""
        return {
            "target": self.target,
            "logic": self.logic,
            "logic_unit": self.logic_unit,
            "registers": self.registers,
            "dsp": self.dsp,
            "carry": self.carry,
            "wide_muxes": self.wide_muxes,
            # Records are older than units with memories.
            **({"memory_blocks": self.memory_blocks} if self.memory_blocks else {}),
            "cells": dict(sorted(self.cells.items())),
        }


def check_target(target: str) -> Target:
    """``target`` itself.

    Raises
    ------
    BitmillError
        If it is not one of ``TARGETS``.
    """
    for known in TARGETS:
        if known == target:
            return known
    raise BitmillError(f"target must be one of {', '.join(TARGETS)}, not {target!r}")


def count_cells(target: Target, cells: Mapping[str, int]) -> CellCounts:
    """Figures of a netlist from its cells by kind.

    Parameters
    ----------
    target
        The target whose mapping the cells come from.
    cells
        ``num_cells_by_type`` of ``stat -json``.

    Raises
    ------
    BitmillError
        If a kind of cell is not known for the target: nothing is left out of a sum unseen.
    """
    cells = {kind: count for kind, count in cells.items() if kind not in _BOOKKEEPING}
    totals = {"logic": 0.0, "registers": 0, "dsp": 0, "carry": 0, "wide_muxes": 0, "memory_blocks": 0}
    for kind, count in cells.items():
        for figure, weight in _figures_of(target, kind).items():
            totals[figure] += weight * count
    return CellCounts(
        target=target,
        logic=float(totals["logic"]),
        registers=int(totals["registers"]),
        dsp=int(totals["dsp"]),
        carry=int(totals["carry"]),
        wide_muxes=int(totals["wide_muxes"]),
        cells=cells,
        memory_blocks=int(totals["memory_blocks"]),
    )


_ECP5_FIGURES: Mapping[str, Mapping[str, float]] = {
    "LUT4": {"logic": 1},
    "CCU2C": {"logic": _LUTS_PER_CCU2C, "carry": 1},
    "TRELLIS_DPR16X4": {"logic": _LUTS_PER_DPR16X4},
    "PFUMX": {"wide_muxes": 1},
    "L6MUX21": {"wide_muxes": 1},
    "TRELLIS_FF": {"registers": 1},
    "MULT18X18D": {"dsp": 1},
    **{kind: {"memory_blocks": 1} for kind in ("DP16KD", "PDPW16KD")},
}
_ICE40_FIGURES: Mapping[str, Mapping[str, float]] = {
    "SB_LUT4": {"logic": 1},
    "SB_CARRY": {"carry": 1},
    "SB_MAC16": {"dsp": 1},
    **{f"SB_RAM40_4K{edges}": {"memory_blocks": 1} for edges in ("", "NR", "NW", "NRNW")},
    **{kind: {"registers": 1} for kind in _ICE40_FLIP_FLOPS},
}
_GENERIC_FIGURES: Mapping[str, Mapping[str, float]] = {
    "$_DFF_P_": {"registers": 1},
    **{kind: {"logic": weight} for kind, weight in NAND2_EQUIVALENTS.items()},
}
# A slice's LUTs make up an ALU, one each. Constants take nothing.
_GOWIN_FIGURES: Mapping[str, Mapping[str, float]] = {
    **{f"LUT{inputs}": {"logic": 1} for inputs in range(1, 5)},
    "ALU": {"logic": 1, "carry": 1},
    **{f"MUX2_LUT{inputs}": {"wide_muxes": 1} for inputs in range(5, 9)},
    **{kind: {"registers": 1} for kind in _GOWIN_FLIP_FLOPS},
    "MULT9X9": {"dsp": 1},
    "MULT18X18": {"dsp": 1},
    "GND": {},
    "VCC": {},
}
_XILINX7_FIGURES: Mapping[str, Mapping[str, float]] = {
    **{f"LUT{inputs}": {"logic": 1} for inputs in range(1, 7)},
    "INV": {"logic": 1},
    "CARRY4": {"carry": 1},
    **{f"MUXF{inputs}": {"wide_muxes": 1} for inputs in (7, 8)},
    **{kind: {"registers": 1} for kind in _XILINX_FLIP_FLOPS},
    "DSP48E1": {"dsp": 1},
}
_FIGURES = {
    "generic": _GENERIC_FIGURES,
    "ice40": _ICE40_FIGURES,
    "ecp5": _ECP5_FIGURES,
    "gowin": _GOWIN_FIGURES,
    "xilinx7": _XILINX7_FIGURES,
}


def _figures_of(target: Target, kind: str) -> Mapping[str, float]:
    figures = _FIGURES[target].get(kind)
    if figures is None:
        known = ", ".join(_FIGURES[target])
        raise BitmillError(f"cell {kind!r} cannot be counted on target {target}; known are {known}")
    return figures


def smallest(counts: Mapping[str, CellCounts]) -> str:
    """Name of the entry with the least logic, then the fewest DSP blocks and registers, then the first.

    DSP blocks are no tie-breaker across DSP and no-DSP flows; compare those in columns of their own.
    """
    return min(counts, key=lambda name: (counts[name].logic, counts[name].dsp, counts[name].registers))
