# amaranth: UnusedElaboratable=no
"""What hdl has for parallel PEs: the PE behind its decoders, and the words of its ports."""

from __future__ import annotations

from typing import Any

from ...config.parallel import ParallelConfig
from ..family import HardwareFamily, PortWords
from .parallel_unit import ParallelUnit

_STORED = {
    "ANT": "4-bit code, then its group's type: 0 INT4, 1 flint",
    "OLIVE": "pair of 4-bit codes, the first lowest, then which of the two: 0 the first, 1 the second",
}


def words(config: ParallelConfig) -> PortWords:
    """What the fields of products and sums are."""
    return {
        "i_payload": {
            "weight": _STORED.get(config.weight, f"code of {config.weight}"),
            "activation": f"code of {config.activation}",
            "last": "the product is its sum's last one",
        },
        "o_payload": {
            "total": f"signed, in units of 2**(exponent + ({config.unit_offset})); 0 where invalid or too_long",
            "exponent": "of the sum, counted from the least; 0 where invalid or too_long",
            "invalid": "an operand was NaN or infinite",
            "too_long": f"there were more than {config.k_max} products",
        },
    }


def facts(config: ParallelConfig) -> dict[str, Any]:
    """Products a cycle, the longest sum, and what one unit of a total is worth."""
    result = {"kind": "fixed, with the sum's exponent", "bits": config.bits, "unit_exponent": config.unit_offset}
    return {"products_per_cycle": config.macs, "max_steps": config.k_max, "result": result}


def _unit(*, config: ParallelConfig, module_prefix: str | None = None) -> ParallelUnit:
    return ParallelUnit(config=config)


PARALLEL = HardwareFamily(
    component=_unit,
    streams="Streams i, of products, and o, of sums.",
    words=words,
    facts=facts,
    latency="from the transfer of a last product to o_valid",
)
