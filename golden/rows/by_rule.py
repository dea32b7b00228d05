"""Functions that are found by the key of a rule, so that who calls one need not know which rule it has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ...config.nonlinear.rule import key_of
from ...system.errors import BitmillError

F = TypeVar("F", bound=Callable[..., Any])


class ByRule:
    """One function for each rule's ``KEY``.

    Parameters
    ----------
    unit
        What the rules are of, such as ``softmax``.
    known
        What a rule must be, for the error of one that has no function.
    """

    def __init__(self, unit: str, known: str) -> None:
        self._unit, self._known = unit, known
        self._functions: dict[str, Callable[..., Any]] = {}

    def register(self, key: str) -> Callable[[F], F]:
        """Make the function under it that of the rules with this key."""

        def registered(function: F) -> F:
            self._functions[key] = function
            return function

        return registered

    def of(self, rule: Any) -> Callable[..., Any]:
        """The function of a rule.

        Raises
        ------
        BitmillError
            If there is none.
        """
        found = self._functions.get(key_of(rule))
        if found is None:
            raise BitmillError(f"{self._unit} rule must be one {self._known}, not {rule!r}")
        return found
