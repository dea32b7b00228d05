"""What hdl has for units of weights of -1, 0 and 1."""

from __future__ import annotations

from typing import Any

from ...config.trits import TritsConfig
from ..stepped import stepped_facts, stepped_family
from .unit import TritUnit


def facts(config: TritsConfig) -> dict[str, Any]:
    """Products a cycle, the longest sum, bits of a weight, and what a total is."""
    return {
        **stepped_facts(config),
        "bits_per_weight": float(config.bits_per_weight),
        "result": {"kind": "integer", "bits": config.total_bits, "unit_exponent": 0},
    }


TRIT_UNIT = stepped_family(
    TritUnit, streams="Streams i, of steps of weights and activations, and o, of sums.", facts=facts
)
