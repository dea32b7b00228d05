"""The rule by which pipelines move, once for all units."""

from __future__ import annotations

from amaranth import Value
from amaranth.lib import stream, wiring


def free(o: stream.Interface | wiring.PureInterface) -> Value:
    """Whether an output stream's register is free or being taken in this cycle.

    A unit that moves as a whole whenever this holds is safe under any stalls on either side, and the path from ``o.ready`` to its
    ``i.ready`` is the only combinational one between its streams.
    """
    return ~o.valid | o.ready
