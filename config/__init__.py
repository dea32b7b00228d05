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
from .formulations import FORMULATIONS, USUAL, AlignerStyle, MultiplierStyle, ReductionStyle
from .mac import STAGES, MacConfig, Stage

__all__ = [
    "FORMULATIONS",
    "MAX_EXACT_BITS",
    "STAGES",
    "USUAL",
    "Accumulator",
    "AccumulatorSpec",
    "AlignerStyle",
    "ExactAccumulator",
    "FixedAccumulator",
    "FloatAccumulator",
    "MacConfig",
    "MultiplierStyle",
    "ReductionStyle",
    "Stage",
    "WindowAccumulator",
]
