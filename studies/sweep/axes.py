"""Lists in study files."""

from __future__ import annotations

from typing import Annotated, TypeVar

from pydantic import Field

Value = TypeVar("Value")
# TOML has lists; what comes out of them shall not change.
Axis = Annotated[tuple[Value, ...], Field(min_length=1, strict=False)]
Chosen = Annotated[tuple[Value, ...], Field(strict=False)]
