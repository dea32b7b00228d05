# amaranth: UnusedElaboratable=no
"""A parallel PE as a unit of its own: behind its decoders, with a stream of products and one of sums."""

from __future__ import annotations

from collections.abc import Callable

from amaranth import Cat, Module, Signal, Value, signed
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from ...config.parallel import ParallelConfig
from ..mac.step_guard import StepGuard
from ..unit import Unit
from ..wires.handshake import free
from .activation_decoder import ActivationDecoder
from .ant_decoder import AntDecoder
from .olive_decoder import OliveDecoder
from .parallel_pe import ParallelPE
from .weight_decoder import WeightDecoder


def product_layout(config: ParallelConfig) -> data.StructLayout:
    """A product: the weight as it is stored, the activation's code, and whether it is its sum's last one."""
    return data.StructLayout({
        "weight": config.weight_code_bits,
        "activation": config.activation_format.bits,
        "last": 1,
    })  # fmt: skip


def sum_layout(config: ParallelConfig) -> data.StructLayout:
    """``total * 2**(exponent + unit_offset)``, and why there may be none."""
    return data.StructLayout({
        "total": signed(config.bits),
        "exponent": config.exponent_bits,
        "invalid": 1,
        "too_long": 1,
    })  # fmt: skip


class ParallelUnit(Unit):
    """``golden.parallel.pe.parallel_pe_sum`` of each sum of products; the pipeline moves as a whole.

    Throughput: a product a cycle; sums follow each other without a gap.

    Parameters
    ----------
    config
        The PE.

    Members
    -------
    i : In(stream.Signature(product_layout(config)))
    o : Out(stream.Signature(sum_layout(config)))
        Total and exponent are 0 where a sum is ``invalid`` or ``too_long``.

    Raises
    ------
    TypeError
        If ``config`` is something else.
    """

    ORDER = "Sums leave in the order of their last products."

    def __init__(self, *, config: ParallelConfig) -> None:
        self.pe = ParallelPE(config=config)
        self.config = config
        super().__init__({
            "i": In(stream.Signature(product_layout(config))),
            "o": Out(stream.Signature(sum_layout(config))),
        })  # fmt: skip

    @property
    def LATENCY(self) -> int:
        """Decoders' registers, the product, the sum."""
        return 3

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, pe = self.config, self.pe
        m.submodules.pe = pe
        m.submodules.activation = activation = ActivationDecoder(config=config)
        m.submodules.guard = guard = StepGuard(max_steps=config.k_max)
        weight = _DECODERS.get(config.weight, _plain)(m, config, self.i.payload.weight)
        advance, first = Signal(), Signal(init=1)
        stages = data.StructLayout({"valid": 1, "last": 1})
        decoded, multiplied = Signal(stages), Signal(stages)
        weights, activations = Signal.like(weight, reset_less=True), Signal.like(activation.activation, reset_less=True)
        special = Signal(reset_less=True)
        m.d.comb += [
            activation.code.eq(self.i.payload.activation),
            advance.eq(free(self.o)),
            self.i.ready.eq(advance),
            pe.weight.eq(weights),
            pe.activation.eq(activations),
            pe.first.eq(first),
            pe.enable.eq(decoded.valid & advance),
            pe.step.eq(multiplied.valid & advance),
            guard.step.eq(pe.step),
            guard.last.eq(multiplied.last),
        ]
        with m.If(advance):
            m.d.sync += [
                decoded.valid.eq(self.i.valid),
                decoded.last.eq(self.i.payload.last),
                multiplied.eq(decoded),
                weights.eq(weight),
                activations.eq(activation.activation),
                special.eq(self._special()),
            ]
            with m.If(decoded.valid):
                m.d.sync += first.eq(decoded.last)
        self._sum(m, advance, multiplied, special, guard.too_long)
        return m

    def _special(self) -> Value:
        """Whether an operand is NaN or infinite: such codes have an exponent field of ones."""
        payload = self.i.payload
        operands = [(self.config.activation_format, payload.activation)]
        if self.config.scheme is None:
            operands.append((self.config.carrier, payload.weight))
        fields = [
            code[fmt.significand_bits - 1 : fmt.bits - 1].all() for fmt, code in operands if fmt.has_nan or fmt.has_inf
        ]
        return Cat(fields).any()

    def _sum(self, m: Module, advance: Signal, multiplied: data.View, special: Signal, too_long: Signal) -> None:
        product_special, met = Signal(reset_less=True), Signal()
        invalid, fails = Signal(), Signal()
        m.d.comb += [invalid.eq(met | product_special), fails.eq(invalid | too_long)]
        with m.If(advance):
            m.d.sync += [
                product_special.eq(special),
                self.o.valid.eq(multiplied.valid & multiplied.last),
                self.o.payload.total.eq(self.pe.total & (~fails).replicate(self.config.bits)),
                self.o.payload.exponent.eq(self.pe.exponent & (~fails).replicate(self.config.exponent_bits)),
                self.o.payload.invalid.eq(invalid),
                self.o.payload.too_long.eq(too_long),
            ]
            with m.If(multiplied.valid):
                m.d.sync += met.eq(invalid & ~multiplied.last)


def _plain(m: Module, config: ParallelConfig, code: Value) -> data.View:
    m.submodules.weight = decoder = WeightDecoder(config=config)
    m.d.comb += decoder.code.eq(code)
    return decoder.weight


def _ant(m: Module, config: ParallelConfig, code: Value) -> data.View:
    m.submodules.weight = decoder = AntDecoder(config=config)
    m.d.comb += Cat(decoder.code, decoder.kind).eq(code)
    return decoder.weight


def _olive(m: Module, config: ParallelConfig, code: Value) -> data.View:
    m.submodules.weight = decoder = OliveDecoder(config=config)
    m.d.comb += Cat(decoder.codes, decoder.second).eq(code)
    return decoder.weight


_DECODERS: dict[str, Callable[[Module, ParallelConfig, Value], data.View]] = {"ANT": _ant, "OLIVE": _olive}
"""Decoders of weights that are not codes of the carrier."""
