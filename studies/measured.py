"""What records say of counts and clocks, whatever the study."""

from __future__ import annotations

from typing import Any

from ..fpga.timing import DEVICES, Timing
from .records import Metric, digest_of, metric

NAND2 = "NAND2-equivalents"
COUNTED = {
    "generic": "NOT 0.5, NAND NOR 1, AND OR 1.5, XOR XNOR MUX 2.5; registers apart, 6 each where a total is given",
    "ecp5": "LUT4 + 2 CCU2C",
}
COUNTED_CELLS = "cell area over the smallest NAND2's; registers and their clock gates apart; before layout"


def timing_flow(result: Timing, verilog_text: str) -> dict[str, Any]:
    """How a clock on ECP5 was measured, for a record's ``flow``."""
    return {
        "device": " ".join(DEVICES[result.device].options),
        "recipe": result.recipe,
        "wrapped": "registers on every input and output, no pins",
        "asked_for_mhz": result.target_mhz,
        "dsp": result.dsp,
        "placements": [{"seed": p.seed, "fmax_mhz": p.fmax_mhz} for p in result.placements],
        "verilog_sha256": digest_of(verilog_text),
    }


def timing_metrics(result: Timing) -> dict[str, Metric]:
    """Median, lowest and highest clock over the placements, and how many there were."""
    reached = [placement.fmax_mhz for placement in result.placements]
    return {
        "fmax": metric(result.fmax_mhz, "MHz"),
        "fmax_min": metric(min(reached), "MHz"),
        "fmax_max": metric(max(reached), "MHz"),
        "placements": metric(len(reached), "runs"),
    }
