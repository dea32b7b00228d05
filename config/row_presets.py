"""The built-in units of rows and parallel PEs by name."""

from __future__ import annotations

from .document import UnitConfig
from .parallel import ParallelConfig
from .rows import (
    GeluConfig,
    NewtonNormConfig,
    RequantizeConfig,
    RootNormConfig,
    RowConfig,
    ShiftGeluConfig,
    ShiftmaxConfig,
    SoftmaxConfig,
)

LANES = (1, 4, 8, 16)

_OF_ONE_LANE: tuple[RowConfig, ...] = (
    SoftmaxConfig(lanes=1),
    ShiftmaxConfig(lanes=1),
    GeluConfig(lanes=1),
    ShiftGeluConfig(lanes=1),
    RootNormConfig(lanes=1),
    RootNormConfig(lanes=1, unit="rmsnorm"),
    NewtonNormConfig(lanes=1),
    RequantizeConfig(lanes=1),
)

ROW_UNITS: dict[str, RowConfig] = {
    f"{unit.unit}-{lanes}": unit.model_copy(update={"lanes": lanes}) for unit in _OF_ONE_LANE for lanes in LANES
}
"""Units of rows, by family and lanes; rows to 384 elements, as of DeiT-S and BERT's sentences."""

PARALLEL_UNITS: dict[str, ParallelConfig] = {
    "parallel-fp16": ParallelConfig(),
    "parallel-bf16": ParallelConfig(weight="BF16", activation="BF16"),
    "parallel-int8": ParallelConfig(weight="INT8", activation="INT8"),
    "parallel-int8xfp16": ParallelConfig(weight="INT8"),
    "parallel-ant": ParallelConfig(weight="ANT"),
    "parallel-olive": ParallelConfig(weight="OLIVE"),
}
"""Parallel PEs by weights, and activations where these are not FP16 or the same."""

OTHER_UNITS: dict[str, UnitConfig] = {**ROW_UNITS, **PARALLEL_UNITS}
"""All of these."""
