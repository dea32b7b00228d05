"""The rules by which pipelines move, once for all units."""

from __future__ import annotations

from amaranth import Module, Signal, Value
from amaranth.hdl import ValueLike
from amaranth.lib import stream, wiring


def free(o: stream.Interface | wiring.PureInterface) -> Value:
    """Whether an output stream's register is free or being taken in this cycle.

    A unit that moves as a whole whenever this holds is safe under any stalls on either side, and the path from ``o.ready`` to its
    ``i.ready`` is the only combinational one between its streams.
    """
    return ~o.valid | o.ready


def free_before(m: Module, ready: ValueLike, arrived: ValueLike) -> Signal:
    """A register that says whether the output was ``free`` a cycle ago, so that what it enables has a cycle to hear of it.

    Then one result more than the output shows may have arrived when the unit stops: it keeps in a register what it showed last,
    shows that while this is low, and what arrived while it is high; ``valid = ~free_before | arrived``.

    Every part of a large unit has such a register of its own. They are always equal, but each depends on itself, so that
    synthesis does not take them for one, whose fan-out would grow with the unit.

    Parameters
    ----------
    m
        Where to place it.
    ready
        Of the output stream.
    arrived
        The unit's last registers, which move when this one is high, hold a result.
    """
    moves = Signal(name="moves", init=1)
    m.d.sync += moves.eq(ready | (moves & ~Value.cast(arrived)))
    return moves
