"""Widths that units share, and how a rule's fields are checked."""

from __future__ import annotations

from typing import Any, Literal, get_args

from ...system.errors import BitmillError

WIDTH = 31
"""Bits of I-ViT's sum of exponentials and of its reciprocal: both stay within ``2**31 - 1``."""
LARGEST = (1 << WIDTH) - 1
MULTIPLIER_BITS = 31
"""Bits of the magnitude of a requantization's multiplier."""

TieRule = Literal["even", "up"]
"""Where requantization takes a value half-way between two integers: to the even one, or toward plus infinity."""


def check_integer(field: str, value: object, least: int, greatest: int) -> None:
    """Raises ``BitmillError`` unless ``value`` is an integer from ``least`` to ``greatest``."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= greatest:
        raise BitmillError(f"{field} must be an integer from {least} to {greatest}, not {value!r}")


def check_choice(field: str, value: object, choices: Any) -> None:
    """Raises ``BitmillError`` unless ``value`` is one of the ``Literal`` type ``choices``."""
    if value not in get_args(choices):
        raise BitmillError(f"{field} must be one of {', '.join(get_args(choices))}, not {value!r}")
