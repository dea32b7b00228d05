"""One hardware accumulator per ``circuit`` of ``config.Accumulator``: the interface that later kinds plug into."""

from __future__ import annotations

from ...config import MacConfig
from .accumulator import Accumulator
from .exact_accumulator import ExactAccumulator
from .fixed_accumulator import FixedAccumulator
from .float_accumulator import FloatAccumulator
from .fused_accumulator import FusedAccumulator
from .scaled_accumulator import ScaledAccumulator
from .window_accumulator import WindowAccumulator

ACCUMULATORS: dict[str, type[Accumulator]] = {
    "exact": ExactAccumulator,
    "fixed": FixedAccumulator,
    "window": WindowAccumulator,
    "float": FloatAccumulator,
    "fused": FusedAccumulator,
    "scaled": ScaledAccumulator,
}
"""Component classes; ``scaled`` is that of units whose steps have scales."""


def circuit(config: MacConfig) -> str:
    """The key of a unit's accumulator."""
    return config.accumulator.circuit if config.scale_format is None else "scaled"


def for_config(config: MacConfig) -> type[Accumulator]:
    """The component class of a unit's accumulator; it is built with ``config=``."""
    return ACCUMULATORS[circuit(config)]
