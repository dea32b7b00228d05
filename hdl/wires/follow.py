"""What goes along with a beat, stage by stage, while a pipeline moves."""

from __future__ import annotations

from amaranth import Module, Signal, Value

from .delay import stages


class Follow:
    """Chains of registers that move when ``advance`` is high.

    Parameters
    ----------
    m
        Where to place them.
    advance
        The pipeline moves as a whole.
    stages
        Registers of a chain, at least 1.
    """

    def __init__(self, m: Module, advance: Value, stages: int) -> None:
        self._m = m
        self._advance = advance
        self._stages = stages

    def down(self, value: Value, name: str, *, reset_less: bool = False) -> list[Signal]:
        """Registers behind one another; the first holds ``value`` of the cycle before."""
        return stages(self._m, self._advance, value, self._stages, f"{name}{{}}", init=None if reset_less else 0)
