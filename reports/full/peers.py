"""Public units that ours are compared with, measured by us in the same flow: FormatScope's, registered at their boundary."""

from __future__ import annotations

from dataclasses import dataclass

from ..published import rows


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A public 32-lane unit with its accumulator on osu018.

    Attributes
    ----------
    what
        Its function.
    ge_per_mac, delay_ns
        Gate equivalents of logic in the best mapping we found, and its delay.
    wanted
        What ours shall not pass.
    ours
        Key of our unit.
    period_ns
        Clock that ours was mapped for, no longer than the public unit's delay.
    """

    what: str
    ge_per_mac: float
    delay_ns: float
    wanted: float
    ours: str
    period_ns: float


PEERS = tuple(Peer(**{name: value for name, value in row.items() if name != "source"}) for row in rows("peers"))
