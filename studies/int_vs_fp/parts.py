"""Where the gates of a unit go: its parts synthesized with the hierarchy kept, beside the flat unit."""

from __future__ import annotations

from ...config import MacConfig
from ...fpga.breakdown import breakdown
from ...fpga.cells import NAND2_PER_REGISTER
from ...hdl.emit import verilog
from ..circuits import NAND2
from ..ids import unit_key
from ..records import Record, digest_of, metric
from .emitted import verilog_of

PARTS = ("decode", "multiply", "align", "reduce", "accumulate", "control")
"""Where gates go, in the order of the data path; registers are counted beside them."""
COUNTED_BY_VAN_BAALEN = ("decode", "multiply", "align", "reduce", "accumulate")
"""Multiplier and accumulator, with what a format needs around them; no handshake, no step counter."""
HOW = {
    "target": "generic",
    "parts": "hierarchy kept",
    "flat": "flattened",
    "arithmetic": f"logic of {', '.join(COUNTED_BY_VAN_BAALEN)}",
    "control": "whatever no part names: clock enables, handshake, flags, step counter",
    "nand2_per_register": NAND2_PER_REGISTER,
}
"""How parts are counted, in a record's flow."""


def parts_id(config: MacConfig) -> str:
    """The id of the record of a unit's parts."""
    return f"parts/{unit_key(config)}"


def parts_record(config: MacConfig) -> Record:
    """NAND2-equivalents per MAC of each part, of registers, of multiplier and accumulator together, and of the flat unit."""
    text = verilog_of(config)
    result = breakdown(text, verilog.TOP, "generic")
    macs, flat = config.macs, result.flat.counts
    logic = {part: result.parts[part].logic / macs for part in PARTS}
    found = {
        **logic,
        "registers": NAND2_PER_REGISTER * result.total.registers / macs,
        "arithmetic": sum(logic[part] for part in COUNTED_BY_VAN_BAALEN),
        "logic_per_mac": sum(logic.values()),
        "flat": (flat.logic + NAND2_PER_REGISTER * flat.registers) / macs,
    }
    return Record(
        id=parts_id(config),
        topic="parts",
        config=config.to_dict(),
        part=unit_key(config),
        flow={**HOW, "recipe": result.recipe, "verilog_sha256": digest_of(text)},
        tool_versions=dict(result.flat.tools),
        metrics={name: metric(value, NAND2) for name, value in found.items()},
    )
