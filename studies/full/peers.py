"""Public units that ours are compared with, measured by us in the same flow."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Peer:
    """A public 32-lane unit with its accumulator on osu018.

    Attributes
    ----------
    what
        Its function.
    ge_per_mac, delay_ns
        Gate equivalents of logic in the best mapping we found, and its delay.
    wanted
        What ours shall not pass.
    ours
        Key of our unit.
    period_ns
        Clock that ours was mapped for, no longer than the public unit's delay.
    """

    what: str
    ge_per_mac: float
    delay_ns: float
    wanted: float
    ours: str
    period_ns: float


PEERS = (
    Peer("INT4", 255, 8.1, 180, "int4-k32-exact", 8.1),
    Peer("INT8", 625, 9.4, 500, "int8-k32-exact", 9.4),
    Peer("MXFP4, block scales", 268, 24.5, 200, "mx-e2m1-k32-fp32", 24.5),
    Peer("FP8-E4M3", 851, 25.5, 600, "e4m3-k32-exact", 25.5),
)
"""FormatScope's units; Yosys 0.70, everything registered at its boundary."""
