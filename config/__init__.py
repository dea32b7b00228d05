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
from .mac import MacConfig
from .pipeline import PLACES, STAGES, Pipeline, pipeline_name

__all__ = [
    "FORMULATIONS",
    "MAX_EXACT_BITS",
    "PLACES",
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
    "Pipeline",
    "ReductionStyle",
    "WindowAccumulator",
    "pipeline_name",
]
