"""The greatest of many values, found bit by bit from the top: who has a 0 where another has a 1 drops out."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth import Cat, Module, Signal, Value, signed


def greatest_of(m: Module, values: Sequence[Value], alive: Sequence[Value], *, name: str) -> Value:
    """The greatest of those signed values that are alive, all of one width; the least there is if none is.

    No comparators and no multiplexers: half the area of a tree of them.
    """
    width = len(values[0])
    # With the sign inverted, the order is that of unsigned numbers.
    bits = [Cat(value[: width - 1], ~value[width - 1]) for value in values]
    found, _ = greatest_unsigned(m, bits, alive, name=name)
    greatest = Signal(signed(width), name=name)
    m.d.comb += greatest.eq(Cat(found[: width - 1], ~found[width - 1]))
    return greatest


def greatest_unsigned(
    m: Module, values: Sequence[Value], alive: Sequence[Value], *, name: str
) -> tuple[Signal, Sequence[Value]]:
    """The greatest of those unsigned values that are alive, 0 if none is; and which values that are alive are it."""
    still = list(alive)
    found = Signal(len(values[0]), name=f"{name}_found")
    for place in reversed(range(len(found))):
        ones = Signal(len(values), name=f"{name}_ones{place}")
        m.d.comb += [
            ones.eq(Cat(a & b[place] for a, b in zip(still, values, strict=True))),
            found[place].eq(ones.any()),
        ]
        after = Signal(len(values), name=f"{name}_alive{place}")
        m.d.comb += after.eq(Cat(one | (a & ~found[place]) for one, a in zip(ones, still, strict=True)))
        still = list(after)
    return found, still
