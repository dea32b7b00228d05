"""One hardware accumulator per ``circuit`` of ``config.Accumulator``: the interface that later kinds plug into."""

from __future__ import annotations

from ...config import MacConfig
from ..mac import formulations
from .accumulator import Accumulator
from .exact_accumulator import ExactAccumulator
from .fixed_accumulator import FixedAccumulator
from .float_accumulator import FloatAccumulator
from .fused_accumulator import FusedAccumulator
from .fused_scaled_accumulator import FusedScaledAccumulator
from .late_scaled import LateScaledAccumulator
from .lean_float import LeanFloatAccumulator, LeanWindowAccumulator
from .lean_scaled import LeanScaledAccumulator
from .merged_accumulator import MergedAccumulator
from .merged_window import MergedWindowAccumulator
from .scaled_accumulator import ScaledAccumulator
from .window_accumulator import WindowAccumulator

ACCUMULATORS: dict[str, type[Accumulator]] = {
    "exact": ExactAccumulator,
    "merged": MergedAccumulator,
    "fixed": FixedAccumulator,
    "window": WindowAccumulator,
    "float": FloatAccumulator,
    "lean window": LeanWindowAccumulator,
    "merged window": MergedWindowAccumulator,
    "lean float": LeanFloatAccumulator,
    "fused": FusedAccumulator,
    "scaled": ScaledAccumulator,
    "lean scaled": LeanScaledAccumulator,
    "late scaled": LateScaledAccumulator,
    "scaled-fused": FusedScaledAccumulator,
}
"""Component classes; ``scaled`` ones are those of units whose steps have scales, ``merged`` ones sum the lanes as well,
``lean`` ones are chosen by a formulation."""


def circuit(config: MacConfig) -> str:
    """The key of a unit's accumulator."""
    if config.scale_format is not None and config.accumulator.fuses:
        return "scaled-fused"
    return formulations.circuit(config)


def for_config(config: MacConfig) -> type[Accumulator]:
    """The component class of a unit's accumulator; it is built with ``config=``."""
    return ACCUMULATORS[circuit(config)]
