"""What hdl has for tiles of bit planes."""

from __future__ import annotations

from typing import Any

from ...config.bit_planes import BitPlanesConfig
from ..stepped import stepped_facts, stepped_family
from .tile import BitPlaneTile


def facts(config: BitPlanesConfig) -> dict[str, Any]:
    """Products of planes a cycle, the longest sum, and what a total is."""
    return {**stepped_facts(config), "result": {"kind": "integer", "bits": config.total_bits, "unit_exponent": 0}}


def remarks(config: BitPlanesConfig, _unit: BitPlaneTile) -> tuple[str, ...]:
    """What the precision does to the latency."""
    return (
        "A last step of w and a bits takes w * a - 1 cycles more than the latency above, which is of one bit each. Steps may "
        "have another precision than those before, of the same sum as well; none costs a cycle more for it.",
    )


BIT_PLANES = stepped_family(
    BitPlaneTile,
    streams="Streams i, of steps of operands, and o, of sums.",
    latency="from the transfer of a last step to o_valid, of operands of one bit",
    facts=facts,
    remarks=remarks,
)
