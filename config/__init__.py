"""What a unit is: one class per family of units, their accumulators, the rules of the non-linear units, and presets."""

from .accumulators import (
    MAX_EXACT_BITS,
    Accumulator,
    AccumulatorSpec,
    ExactAccumulator,
    FixedAccumulator,
    FloatAccumulator,
    WindowAccumulator,
)
from .mac import STAGES, AcceleratorConfig, AlignerStyle, MultiplierStyle, ScaleFormat, Stage

__all__ = [
    "MAX_EXACT_BITS",
    "STAGES",
    "AcceleratorConfig",
    "Accumulator",
    "AccumulatorSpec",
    "AlignerStyle",
    "ExactAccumulator",
    "FixedAccumulator",
    "FloatAccumulator",
    "MultiplierStyle",
    "ScaleFormat",
    "Stage",
    "WindowAccumulator",
]
