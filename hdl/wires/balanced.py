"""Many values joined to one in a balanced tree."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from amaranth import Value


def balanced(values: Sequence[Value], join: Callable[[Value, Value, str], Value]) -> Value:
    """``values``, at least one, joined pairwise, level by level; one left over goes on to the next level as it is.

    ``join`` is called with two neighbours and ``LEVEL_PLACE``, a part for names.
    """
    level = 0
    while len(values) > 1:
        pairs = zip(values[0::2], values[1::2], strict=False)
        joined = [join(left, right, f"{level}_{place}") for place, (left, right) in enumerate(pairs)]
        values, level = [*joined, *values[len(values) & ~1 :]], level + 1
    return values[0]
