"""What the devices that units are placed on have, and what a unit needs of it."""

from __future__ import annotations

from collections.abc import Mapping

from ..system.errors import BitmillError
from .cells import CellCounts

_ECP5_85 = {"LUT4": 83_640, "flip-flops": 83_640, "DSP blocks": 156, "block memories": 208}

CAPACITY: Mapping[str, Mapping[str, int]] = {
    "ecp5": _ECP5_85,
    "up5k": {"LUT4": 5_280, "flip-flops": 5_280, "DSP blocks": 8, "block memories": 30},
    "hx8k": {"LUT4": 7_680, "flip-flops": 7_680, "DSP blocks": 0, "block memories": 32},
}
"""By the name of a device of ``timing.DEVICES``, from its data sheet: LFE5U-85F, iCE40UP5K and iCE40HX8K.

Pins are never short: units are placed without pins, or behind a shift chain of four.
"""


def excess(device: str, counts: CellCounts) -> str | None:
    """``needs 256 DSP blocks of 156 and 90,000 LUT4 of 83,640``, where a unit of these cells cannot fit; None if it may.

    Parameters
    ----------
    device
        A name of ``CAPACITY``.
    counts
        The unit's cells on the device's target; registers of a wrapper around it are on top.
    """
    needed = {
        "LUT4": int(counts.logic),
        "flip-flops": counts.registers,
        "DSP blocks": counts.dsp,
        "block memories": counts.memory_blocks,
    }
    over = [
        f"{needed[kind]:,} {kind} of {available:,}"
        for kind, available in CAPACITY[device].items()
        if needed[kind] > available
    ]
    return f"needs {' and '.join(over)}" if over else None


def check_fits(device: str, counts: CellCounts) -> None:
    """Refuse before any placement what cannot be placed.

    Raises
    ------
    BitmillError
        If the cells are more than the device has.
    """
    over = excess(device, counts)
    if over is not None:
        raise BitmillError(f"unit must fit device {device}, not one that {over}")
