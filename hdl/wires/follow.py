"""What goes along with a beat, stage by stage, while a pipeline moves."""

from __future__ import annotations

from amaranth import Module, Signal, Value


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
        held: list[Signal] = []
        for stage in range(self._stages):
            held.append(Signal(value.shape(), name=f"{name}{stage}", reset_less=reset_less))
            with self._m.If(self._advance):
                self._m.d.sync += held[-1].eq(held[-2] if stage else value)
        return held
