# amaranth: UnusedElaboratable=no
"""What hdl has for quantizers: of blocks, a component for each rule of scales; to fixed point."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...config.block_quantizer import BlockQuantizerConfig
from ...formats.block import ScaleRule
from ..stepped import SteppedUnit, stepped_family
from .fixed_quantizer import FixedQuantizer
from .power_quantizer import PowerQuantizer
from .ratio_quantizer import RatioQuantizer

_COMPONENTS: dict[ScaleRule, Callable[..., SteppedUnit]] = {
    "floor": PowerQuantizer, "round-up": PowerQuantizer, "maximum": RatioQuantizer
}  # fmt: skip


def quantizer(*, config: BlockQuantizerConfig) -> SteppedUnit:
    """The unit of a configuration."""
    return _COMPONENTS[config.row.rule](config=config)


def _facts(config: BlockQuantizerConfig) -> dict[str, Any]:
    scale = {"format": config.row.scale, "rule": config.row.rule, "tensor": config.row.tensor}
    return {"numbers_per_cycle": config.lanes, "element": config.row.elements[0], "scale": scale}


BLOCK_QUANTIZER = stepped_family(
    quantizer,
    streams="Streams i, of blocks of numbers, and o, of blocks of codes.",
    facts=_facts,
    latency="from the transfer of a block to o_valid",
)
FIXED_QUANTIZER = stepped_family(
    FixedQuantizer,
    streams="Streams i, of numbers and the lengths of their words and fractions, and o, of integers.",
    facts=lambda config: {"numbers_per_cycle": config.lanes},
    latency="from the transfer of a step to o_valid",
)
