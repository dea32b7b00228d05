"""A dot-product unit of any number of lanes: streams of operand codes in, one result per dot product out."""

from __future__ import annotations

from amaranth import Cat, Module, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...config import MacConfig
from ...config.checks import check_class
from ..accumulators import table as accumulators
from ..unit import Unit
from ..wires.delay import delayed
from ..wires.handshake import free
from . import step_terms
from .layouts import operands_layout, result_layout
from .scale_hold import ScaleHold
from .step_guard import StepGuard


class DotProduct(Unit):
    """``value = sum(weight[k] * activation[k])`` over all lanes of all steps up to and including the one with ``last``.

    The products of a step are aligned once, summed and handed to the accumulator as one term; the accumulator's class says
    whether lanes align them and which reduction sums them. Where steps have scales, these multiply the sum on its way. The
    pipeline moves as a whole whenever its output register is free or being taken, so any stall pattern on either side is safe and
    the path from ``o.ready`` to ``i.ready`` is the only combinational one between the streams.

    Throughput: one step (``lanes`` products) a cycle, back-to-back dot products included.

    Parameters
    ----------
    config
        Formats, lanes, ``k_max``, accumulator and multiplier style.
    lane_module
        If given, lanes are instances of an external module of that name instead of submodules. Verilog emission uses this to
        elaborate a lane once; the circuit is the same.

    Attributes
    ----------
    LATENCY
        Cycles from the transfer of a ``last`` step to ``o.valid``, without stalls: input register, multiplier, aligner (where
        products need a shift), the accumulator's reduction (where there is more than one lane), scaling (where steps have
        scales), accumulator, which may take two. Those between input register and accumulator are there as far as
        ``config.pipeline`` goes.

    Members
    -------
    i : In(stream.Signature(operands_layout))
    o : Out(stream.Signature(result_layout))

    Raises
    ------
    TypeError
        If ``config`` is not an ``MacConfig``.
    """

    ORDER = "One result for each dot product, in order; steps of the next one may follow at once."

    def __init__(self, *, config: MacConfig, lane_module: str | None = None) -> None:
        check_class(config, MacConfig, type(self).__name__)
        self.config = config
        self.lane_module = lane_module
        super().__init__({
            "i": In(stream.Signature(operands_layout(config))),
            "o": Out(stream.Signature(result_layout(config))),
        })  # fmt: skip

    def repeated(self) -> dict[str, wiring.Component]:
        """Modules that are instantiated instead of elaborated in place, by name: the lane, if it is one."""
        return {} if self.lane_module is None else {self.lane_module: step_terms.lane(self.config)}

    @property
    def LATENCY(self) -> int:
        return 1 + step_terms.latency(self.config) + accumulators.for_config(self.config).LATENCY + 1

    def elaborate(self, platform: object) -> Module:
        m = Module()
        advance = Signal()
        m.d.comb += [
            advance.eq(free(self.o)),
            self.i.ready.eq(advance),
        ]
        operands = Signal(operands_layout(self.config), reset_less=True)
        with m.If(advance):
            m.d.sync += operands.eq(self.i.payload)
        step, last = self._controls(m, advance, operands.last)
        term, flags = step_terms.step_terms(
            m,
            config=self.config,
            enable=advance,
            weight=list(operands.weight),
            activation=list(operands.activation),
            scales=self._scales(m, advance, operands),
            lane_module=self.lane_module,
        )
        self._accumulate(m, advance, step, last, term, flags)
        return m

    def _scales(self, m: Module, advance: Signal, operands: data.View) -> tuple[Value, Value] | None:
        """The scales that count for the registered step."""
        scale, steps = self.config.scale_format, self.config.steps_per_block
        if scale is None:
            return None
        codes = operands.weight_scale, operands.activation_scale
        if steps == 1:
            return codes
        registered = Signal(name="step_registered")
        with m.If(advance):
            m.d.sync += registered.eq(self.i.valid)
        m.submodules.hold = hold = ScaleHold(steps=steps, width=2 * scale.bits)
        m.d.comb += [
            hold.step.eq(registered & advance),
            hold.last.eq(operands.last),
            hold.codes.eq(Cat(codes)),
        ]
        return hold.scales[: scale.bits], hold.scales[scale.bits :]

    def _controls(self, m: Module, advance: Signal, last: Signal) -> tuple[Signal, Signal]:
        """Valid and last of the step that reaches the accumulator, delayed like its operands."""
        stages = 1 + step_terms.latency(self.config)
        valids = Signal(stages)
        lasts = Signal(stages - 1, reset_less=True)
        with m.If(advance):
            m.d.sync += [
                valids.eq((valids << 1) | self.i.valid),
                lasts.eq((lasts << 1) | last),
            ]
        step = Signal()
        m.d.comb += step.eq(valids[-1] & advance)
        return step, lasts[-1] if stages > 1 else last

    def _accumulate(self, m: Module, advance: Signal, step: Signal, last: Signal, term: Signal, flags: Signal) -> None:
        m.submodules.accumulate = accumulate = accumulators.for_config(self.config)(config=self.config)
        m.submodules.guard = guard = StepGuard(max_steps=self.config.max_steps)
        m.d.comb += [
            accumulate.step.eq(step),
            accumulate.last.eq(last),
            accumulate.term.eq(term),
            accumulate.flags.eq(flags),
        ]
        if accumulate.LATENCY:
            m.d.comb += accumulate.enable.eq(advance)
            shown = delayed(m, advance, step, accumulate.LATENCY, "shown{}", init=0)
            last = delayed(m, advance, last, accumulate.LATENCY, "shown_last{}")
            step = shown & advance
        m.d.comb += [
            guard.step.eq(step),
            guard.last.eq(last),
        ]
        with m.If(advance):
            m.d.sync += [
                self.o.valid.eq(step & last),
                self.o.payload.value.eq(accumulate.total),
                self.o.payload.invalid.eq(accumulate.invalid),
                self.o.payload.too_long.eq(guard.too_long),
            ]
            if self.config.saturated:
                m.d.sync += self.o.payload.saturated.eq(accumulate.saturated)
            if accumulate.ZERO_WHEN_INVALID:
                with m.If(accumulate.invalid):
                    m.d.sync += self.o.payload.value.eq(0)
