"""The accumulators that are compared on one dot-product unit: which kinds of which widths for which formats."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from ...config import MacConfig
from ...config.accumulators import Accumulator, FixedAccumulator, FloatAccumulator, WindowAccumulator

SATURATE_CUTS = (10, 12)
WRAP_CUTS = (12,)
"""Bits that fixed point has less than the exact width for ``k_max``. Sums of the committed layers stay 10 bits below the worst
case of the formats, so the first loses nothing there and the second does."""

WINDOWS = {"INT8": (8, 12), "E4M3": (8, 12, 16, 24, 32), "E5M2": (8, 12, 24)}
"""Window widths by format. INT8's sums are exact from about 16 bits on; 24 against 32 bits is a published comparison."""

FLOATS = {"INT8": ("FP32", "BF16", "FP16"), "E4M3": ("FP32", "BF16", "FP16"), "E5M2": ("FP32", "BF16")}
"""Formats that round once per step. E5M2's products are beyond FP16's largest number more often than not."""

FUSED = {"INT8": ("BF16", "FP16"), "E4M3": ("FP32", "BF16", "FP16"), "E5M2": ()}
"""Formats that round once per ``FUSED_PRODUCTS``."""

FUSED_PRODUCTS = 128


def compared_with_exact(name: str, config: MacConfig) -> tuple[Accumulator, ...]:
    """Accumulators that are compared with the exact one of ``config``, both operands being of the format ``name``."""
    exact = config.accumulator_bits
    return (
        *(FixedAccumulator(width=exact - cut, overflow="saturate") for cut in SATURATE_CUTS),
        *(FixedAccumulator(width=exact - cut, overflow="wrap") for cut in WRAP_CUTS),
        *(WindowAccumulator(width=width) for width in WINDOWS[name]),
        *(FloatAccumulator(format=fmt) for fmt in FLOATS[name]),
        *(FloatAccumulator(format=fmt, fused=FUSED_PRODUCTS) for fmt in FUSED[name]),
    )


def from_record(config: Mapping[str, Any]) -> Accumulator:
    """The accumulator of a record's configuration."""
    adapter: TypeAdapter[Accumulator] = TypeAdapter(Accumulator)
    return adapter.validate_python(config["accumulator"])
