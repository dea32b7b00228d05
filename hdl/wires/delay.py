"""Registers behind one another, for what must wait."""

from __future__ import annotations

from typing import Any

from amaranth import Module, Signal
from amaranth.hdl import ShapeLike, ValueLike


def stages(
    m: Module,
    enable: ValueLike,
    value: Any,
    count: int,
    name: str,
    *,
    shape: ShapeLike | None = None,
    init: int | None = None,
) -> list[Any]:
    """``count`` registers; the first has what ``value`` was one enabled cycle ago, the next what that was, and so on.

    Parameters
    ----------
    m
        Where to place them.
    enable
        They are loaded when it is high.
    value
        What is delayed.
    count
        Registers, at least 0.
    name
        Of the registers, with ``{}`` for the number, from 0.
    shape
        Of the registers; the value's own if None.
    init
        Where they are reset to; without one they have no reset.
    """
    held: list[Any] = []
    for stage in range(count):
        register = Signal(
            value.shape() if shape is None else shape, name=name.format(stage), init=init, reset_less=init is None
        )
        with m.If(enable):
            m.d.sync += register.eq(value)
        held.append(register)
        value = register
    return held


def delayed(
    m: Module,
    enable: ValueLike,
    value: Any,
    count: int,
    name: str,
    *,
    shape: ShapeLike | None = None,
    init: int | None = None,
) -> Any:
    """The last of ``stages``, which is what ``value`` was ``count`` enabled cycles ago; with none of them the value itself."""
    return [value, *stages(m, enable, value, count, name, shape=shape, init=init)][-1]
