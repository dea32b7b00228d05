"""The entry of an array: one register that takes steps and lets a tile's end pass only when the way out is free."""

from __future__ import annotations

from amaranth import Cat, Module, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...config import MacConfig
from ..mac.layouts import operands_layout
from ..mac.scale_hold import ScaleHold
from ..mac.step_guard import StepGuard


class Entry(wiring.Component):
    """Register a step; hand it on with ``step``, but a tile's last one no sooner than ``rows`` advances after the one before.

    That interval is what the results of a tile need to leave. ``i.ready`` depends on registers and ``advance`` only.

    Parameters
    ----------
    config
        The array's configuration.

    Members
    -------
    i : In(stream.Signature(operands_layout))
    advance : In(1)
        The array moves in this cycle.
    weight, activation : Out
        The registered codes of all rows and of all columns.
    weight_scale, activation_scale : Out
        The codes of their scales that count, where steps have scales.
    step, last : Out(1)
        The codes are a step that enters when the array moves; it is the last of its tile.
    too_long : Out(1)
        The step is beyond the tile's ``max_steps``.
    error : Out(1)
        There was such a step since reset.
    """

    def __init__(self, *, config: MacConfig) -> None:
        self.config = config
        operands = operands_layout(config)
        scales = () if config.scale_format is None else ("weight_scale", "activation_scale")
        super().__init__({
            "i": In(stream.Signature(operands)),
            "advance": In(1),
            "weight": Out(operands["weight"].width),
            "activation": Out(operands["activation"].width),
            **{name: Out(operands[name].width) for name in scales},
            "step": Out(1),
            "last": Out(1),
            "too_long": Out(1),
            "error": Out(1),
        })  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        m = Module()
        staged = Signal()
        operands = Signal(operands_layout(self.config), reset_less=True)
        free_in = Signal(range(self.config.rows))
        wait = Signal()
        m.submodules.guard = guard = StepGuard(max_steps=self.config.max_steps)
        m.d.comb += [
            wait.eq(staged & operands.last & (free_in != 0)),
            self.i.ready.eq(self.advance & ~wait),
            self.weight.eq(operands.weight),
            self.activation.eq(operands.activation),
            self.step.eq(staged & ~wait),
            self.last.eq(self.step & operands.last),
            guard.step.eq(self.step & self.advance),
            guard.last.eq(operands.last),
            self.too_long.eq(guard.too_long),
        ]
        if self.config.scale_format is not None:
            self._scales(m, operands)
        with m.If(self.i.ready):
            m.d.sync += [staged.eq(self.i.valid), operands.eq(self.i.payload)]
        with m.If(self.advance):
            with m.If(self.last):
                m.d.sync += free_in.eq(self.config.rows - 1)
            with m.Elif(free_in != 0):
                m.d.sync += free_in.eq(free_in - 1)
        with m.If(guard.step & guard.too_long):
            m.d.sync += self.error.eq(1)
        return m

    def _scales(self, m: Module, operands: data.View) -> None:
        """The scales of the step, or those that its block began with."""
        codes: Value = Cat(operands.weight_scale, operands.activation_scale)
        if self.config.steps_per_block > 1:
            m.submodules.hold = hold = ScaleHold(steps=self.config.steps_per_block, width=len(codes))
            m.d.comb += [
                hold.step.eq(self.step & self.advance),
                hold.last.eq(operands.last),
                hold.codes.eq(codes),
            ]
            codes = hold.scales
        m.d.comb += Cat(self.weight_scale, self.activation_scale).eq(codes)
