"""One hardware accumulator per member of ``config.Accumulator``: the interface that later kinds plug into."""

from __future__ import annotations

from .. import config
from .accumulator import Accumulator
from .exact_accumulator import ExactAccumulator
from .fixed_accumulator import FixedAccumulator
from .float_accumulator import FloatAccumulator
from .fused_accumulator import FusedAccumulator
from .window_accumulator import WindowAccumulator

_BY_SPEC: dict[type[config.AccumulatorSpec], type[Accumulator]] = {
    config.ExactAccumulator: ExactAccumulator,
    config.FixedAccumulator: FixedAccumulator,
    config.WindowAccumulator: WindowAccumulator,
    config.FloatAccumulator: FloatAccumulator,
}


def for_spec(spec: config.AccumulatorSpec) -> type[Accumulator]:
    """The component class that implements an accumulator specification; it is built with ``config=``."""
    if isinstance(spec, config.FloatAccumulator) and spec.fused is not None:
        return FusedAccumulator
    return _BY_SPEC[type(spec)]
