"""The check of sizes that all units of rows share."""

from __future__ import annotations


def check_at_least(unit: str, least: int, **sizes: object) -> None:
    """Refuse sizes that are no integers, or less than ``least``.

    Raises
    ------
    ValueError
        Naming the unit, the argument and its value.
    """
    for name, value in sizes.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ValueError(f"{unit} {name} must be an integer of at least {least}, not {value!r}")
