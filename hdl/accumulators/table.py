"""One hardware accumulator per member of ``config.Accumulator``: the interface that later kinds plug into."""

from __future__ import annotations

from ... import config
from .accumulator import Accumulator
from .exact_accumulator import ExactAccumulator
from .fixed_accumulator import FixedAccumulator
from .float_accumulator import FloatAccumulator
from .fused_accumulator import FusedAccumulator
from .scaled_accumulator import ScaledAccumulator
from .window_accumulator import WindowAccumulator

_BY_SPEC: dict[type[config.AccumulatorSpec], type[Accumulator]] = {
    config.ExactAccumulator: ExactAccumulator,
    config.FixedAccumulator: FixedAccumulator,
    config.WindowAccumulator: WindowAccumulator,
    config.FloatAccumulator: FloatAccumulator,
}


def for_config(unit: config.MacConfig) -> type[Accumulator]:
    """The component class of a unit's accumulator; it is built with ``config=``."""
    return for_spec(unit.accumulator) if unit.scale_format is None else ScaledAccumulator


def for_spec(spec: config.AccumulatorSpec) -> type[Accumulator]:
    """The component class that implements an accumulator specification in units without scales."""
    if isinstance(spec, config.FloatAccumulator) and spec.fused is not None:
        return FusedAccumulator
    return _BY_SPEC[type(spec)]
