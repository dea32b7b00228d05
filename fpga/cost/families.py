"""What the cost models have for every family of units: how a unit is described to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...config import MacConfig
from ...config.family import Absent, Table
from ...config.rows import ROW_KEYS
from .features import features
from .traits import traits

Description = tuple[Mapping[str, float], Mapping[str, float]]
"""Features and traits."""


def _of_dot_product(config: MacConfig) -> Description:
    found = features(config)
    return found, traits(config, found)


DESCRIBED: Table[Callable[[Any], Description]] = Table(
    "estimated",
    {
        "mac": _of_dot_product,
        "dot": _of_dot_product,
        "array": Absent("no model was fitted on arrays; bitmill synth counts one"),
        "bit-serial": Absent("no model was fitted on bit-serial tiles; bitmill synth counts one"),
        "parallel": Absent("no model was fitted on parallel PEs; bitmill synth counts one"),
        **dict.fromkeys(ROW_KEYS, Absent("no model was fitted on units of rows; bitmill synth counts one")),
    },
    others=Absent("no model was fitted on units of its kind; bitmill synth counts one"),
)
