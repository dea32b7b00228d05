"""What every whole unit is, of whatever family: a component with streams that states its latency and the order of its results."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from amaranth.lib import wiring


class Unit(wiring.Component):
    """A component that can be the top of a design.

    Attributes
    ----------
    ORDER
        In which order results leave, in words: for the header of its Verilog and for its manifest.
    LATENCY
        Cycles that a result takes without stalls; the family says from where to where (see ``hdl.family``).
    """

    ORDER: ClassVar[str]

    @property
    @abstractmethod
    def LATENCY(self) -> int: ...

    def repeated(self) -> dict[str, wiring.Component]:
        """Modules that are instantiated instead of elaborated in place, by name; those that instantiate others come last."""
        return {}
