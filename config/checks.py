"""Checks of what a function or a component is given: the only questions of class that floors need, asked here for all."""

from __future__ import annotations

from typing import TypeVar

from ..system.errors import BitmillError
from .accumulator_spec import AccumulatorSpec
from .mac import MacConfig

T = TypeVar("T")
Spec = TypeVar("Spec", bound=AccumulatorSpec)


def check_class(value: T, wanted: type[T], owner: str, field: str = "config") -> T:
    """The value, if it is of that class; ``owner`` and ``field`` say in the error what was given it.

    Raises
    ------
    TypeError
        If it is not.
    """
    if not isinstance(value, wanted):
        raise TypeError(f"{owner} {field} must be a {wanted.__name__}, not {value!r}")
    return value


def check_unit(config: MacConfig, unit: str, purpose: str) -> None:
    """Refuse a configuration of another unit than the one that serves ``purpose``, such as ``to run a matrix product``.

    Raises
    ------
    BitmillError
        If it is of another.
    """
    if config.unit != unit:
        raise BitmillError(f"unit must be {unit!r} {purpose}, not {config.unit!r}")


def accumulator_of(config: MacConfig, wanted: type[Spec], owner: str) -> Spec:
    """The configuration's accumulator, if it is of that class.

    Raises
    ------
    TypeError
        If it is not.
    """
    spec = config.accumulator
    if not isinstance(spec, wanted):
        kind = wanted.model_fields["kind"].default
        raise TypeError(f"{owner} config must have a {kind} accumulator, not {spec!r}")
    return spec
