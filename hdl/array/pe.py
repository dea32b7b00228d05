"""The processing element of an output-stationary array: passes its operands on and keeps its own sum."""

from __future__ import annotations

from amaranth import Module, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...config import MacConfig
from ...config.checks import check_class
from ..accumulators import table as accumulators
from ..mac import formulations, step_terms
from ..mac.layouts import carried_bits, flags_layout, value_shape


def lane_layout(config: MacConfig) -> data.StructLayout:
    """What a lane gives: its term and its flags."""
    term = formulations.term_layout(config, shift=aligned(config))
    return data.StructLayout({"term": term, "flags": flags_layout(config)})


def aligned(config: MacConfig) -> bool:
    """Whether lanes align to fixed point."""
    return accumulators.for_config(config).aligned(config)


class PE(wiring.Component):
    """``result = sum(weight[k] * activation[k])`` over the lanes of all steps up to the one with ``last``, while that is taken.

    The activation goes to the next row one enabled cycle after it came, the weight is handed on by the row; the products of a
    step reach the accumulator ``DEPTH`` enabled cycles after its codes, and that is when ``step`` and ``last`` must say so. The
    result is there in that cycle alone: the PEs of a column share the registers for it (see ``ColumnBus``).

    Any number format, accumulator and multiplier style: they are ``config``'s, as in ``DotProduct``.

    Parameters
    ----------
    config
        The array's configuration.
    lane_module
        If given, lanes are instances of an external module of that name instead of submodules.
    fed
        Whether lanes are elsewhere, and the PE takes what they give instead of weights.

    Members
    -------
    enable : In(1)
    weight, activation : In(carried_bits)
        Codes, lane 0 lowest, and above them that of their scale, where steps have scales.
    lane : In(data.ArrayLayout(lane_layout, lanes))
        In place of ``weight``, if ``fed``.
    activation_next : Out(carried_bits)
        The same, registered.
    step, last : In(1)
        A step's products are at the accumulator, which takes them if ``enable``; it is the last of its tile.
    result : Out(result_layout)
        ``value``, which counts where it is ``shown``, ``invalid`` and ``saturated``, 0 where there is no result. Combinational.
    shown : Out(1)
        There is a result, and its value is not to be 0 because it is invalid.
    """

    def __init__(self, *, config: MacConfig, lane_module: str | None = None, fed: bool = False) -> None:
        check_class(config, MacConfig, "PE")
        self.config = config
        self.fed = fed
        self.lane_module = lane_module
        weight, activation = carried_bits(config)
        super().__init__({
            "enable": In(1),
            **({"lane": In(data.ArrayLayout(lane_layout(config), config.lanes))} if fed else {"weight": In(weight)}),
            "activation": In(activation),
            "activation_next": Out(activation),
            "step": In(1),
            "last": In(1),
            "result": Out(self.result_layout(config)),
            "shown": Out(1),
        })  # fmt: skip

    @staticmethod
    def result_layout(config: MacConfig) -> data.StructLayout:
        """A value, whether it is invalid, whether it saturated; a bit that cannot be set or is not asked for is left out."""
        fmts = config.weight_format, config.activation_format, config.scale_format
        specials = [fmt.has_nan or fmt.has_inf for fmt in fmts if fmt is not None]
        saturated = {"saturated": 1} if config.saturated else {}
        return data.StructLayout({"value": value_shape(config), "invalid": int(any(specials)), **saturated})

    @property
    def DEPTH(self) -> int:
        return step_terms.latency(self.config)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        term, flags = self._fed(m) if self.fed else self._multiplied(m)
        m.submodules.accumulate = accumulate = accumulators.for_config(config)(config=config)
        m.d.comb += [
            accumulate.step.eq(self.step & self.enable),
            accumulate.last.eq(self.last),
            accumulate.term.eq(term),
            accumulate.flags.eq(flags),
        ]
        # No reset is needed: the array's own controls say what counts.
        activation = Signal.like(self.activation, name="activation_register", reset_less=True)
        m.d.comb += self.activation_next.eq(activation)
        with m.If(self.enable):
            m.d.sync += activation.eq(self.activation)
        m.d.comb += [
            self.result.value.eq(accumulate.total),
            self.shown.eq(self.last & ~accumulate.invalid if accumulate.ZERO_WHEN_INVALID else self.last),
        ]
        with m.If(self.last):
            if self.result_layout(config)["invalid"].width:
                m.d.comb += self.result.invalid.eq(accumulate.invalid)
            if config.saturated:
                m.d.comb += self.result.saturated.eq(accumulate.saturated)
        return m

    def _multiplied(self, m: Module) -> tuple[data.View, data.View]:
        """Term and flags of a step from lanes of its own."""
        config = self.config
        return step_terms.step_terms(
            m,
            config=config,
            enable=self.enable,
            weight=[self.weight.word_select(lane, config.weight_format.bits) for lane in range(config.lanes)],
            activation=[
                self.activation.word_select(lane, config.activation_format.bits) for lane in range(config.lanes)
            ],
            lane_module=self.lane_module,
            scales=self._scales(),
        )

    def _fed(self, m: Module) -> tuple[data.View, data.View]:
        """Term and flags of a step from what lanes elsewhere give."""
        lanes = [(self.lane[index].term, self.lane[index].flags) for index in range(self.config.lanes)]
        return step_terms.terms_of_lanes(m, config=self.config, enable=self.enable, lanes=lanes)

    def _scales(self) -> tuple[Value, Value] | None:
        """The codes of the step's scales, the highest bits of what is carried."""
        scale = self.config.scale_format
        return None if scale is None else (self.weight[-scale.bits :], self.activation[-scale.bits :])
