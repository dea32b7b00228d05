"""What goes along with a beat through a pipeline."""

from __future__ import annotations

from amaranth import Module, Signal, Value


class Follow:
    """What goes along with a beat, stage by stage, while the pipeline moves."""

    def __init__(self, m: Module, advance: Value, stages: int) -> None:
        self._m = m
        self._advance = advance
        self._stages = stages

    def down(self, value: Value, name: str, *, reset_less: bool = False) -> list[Signal]:
        """Registers behind one another; the first holds ``value`` of the cycle before."""
        held: list[Signal] = []
        for stage in range(self._stages):
            held.append(Signal(len(value), name=f"{name}{stage}", reset_less=reset_less))
            with self._m.If(self._advance):
                self._m.d.sync += held[-1].eq(held[-2] if stage else value)
        return held
