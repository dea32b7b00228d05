"""Lists in study files."""

from __future__ import annotations

from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field

from ...system.errors import BitmillError

Value = TypeVar("Value")
# TOML has lists; what comes out of them shall not change.
Axis = Annotated[tuple[Value, ...], Field(min_length=1, strict=False)]
Chosen = Annotated[tuple[Value, ...], Field(strict=False)]

_SHORTEST_NS = 0.01


def _not_tiny(period: float) -> float:
    if period < _SHORTEST_NS:
        raise BitmillError(f"must be at least {_SHORTEST_NS} ns, not {period!r}")
    return period


Period = Annotated[float, Field(gt=0, le=1e5, allow_inf_nan=False), AfterValidator(_not_tiny)]
"""Of a clock, in ns."""
Periods = Annotated[tuple[Period, ...], Field(strict=False, max_length=256)]
