"""One hardware accumulator per member of ``config.Accumulator``: the interface that later kinds plug into."""

from __future__ import annotations

from .. import config
from .exact_accumulator import ExactAccumulator
from .float_accumulator import FloatAccumulator

_BY_SPEC: dict[
    type[config.ExactAccumulator] | type[config.FloatAccumulator], type[ExactAccumulator | FloatAccumulator]
] = {
    config.ExactAccumulator: ExactAccumulator,
    config.FloatAccumulator: FloatAccumulator,
}


def for_spec(
    spec: config.ExactAccumulator | config.FloatAccumulator,
) -> type[ExactAccumulator | FloatAccumulator]:
    """The component class that implements an accumulator specification."""
    return _BY_SPEC[type(spec)]
