"""What a unit is: one class per family of units, their accumulators, the rules of the non-linear units, and presets."""

from .accumulator_spec import AccumulatorSpec
from .accumulators import (
    MAX_EXACT_BITS,
    Accumulator,
    ExactAccumulator,
    FixedAccumulator,
    FloatAccumulator,
    WindowAccumulator,
)
from .mac import STAGES, AlignerStyle, MacConfig, MultiplierStyle, Stage

__all__ = [
    "MAX_EXACT_BITS",
    "STAGES",
    "Accumulator",
    "AccumulatorSpec",
    "AlignerStyle",
    "ExactAccumulator",
    "FixedAccumulator",
    "FloatAccumulator",
    "MacConfig",
    "MultiplierStyle",
    "Stage",
    "WindowAccumulator",
]
