"""A choice whose conditions exclude each other."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth import Module, Signal, Value


def one_hot(m: Module, choices: Sequence[tuple[Value, Value]], *, name: str) -> Value:
    """The value whose condition holds, of which at most one may; 0 if none does."""
    chosen = Signal(max(len(value) for _, value in choices), name=name)
    total: Value = Value.cast(0)
    for pick, value in choices:
        total = total | (value & pick.replicate(len(value)))
    m.d.comb += chosen.eq(total)
    return chosen
