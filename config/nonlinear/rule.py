"""What every rule says of itself: under which key floors have its functions and its hardware."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Rule(Protocol):
    """A rule of a non-linear unit.

    Attributes
    ----------
    KEY
        Of its algorithm.
    """

    KEY: str


def key_of(rule: Any) -> str:
    """The key of a rule's algorithm; empty for what is no rule."""
    return rule.KEY if isinstance(rule, Rule) else ""
