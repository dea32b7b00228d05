"""A parallel PE: one exact product a cycle under a running largest exponent. The baseline of bit-serial PEs."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...config.checks import check_class
from ...config.parallel import ParallelConfig
from ..bit_serial.serial_pe import moved_down
from ..products.octal_product import octal_product
from ..wires.adders import add
from .parallel_layouts import activation_layout, weight_layout


@dataclass(frozen=True)
class _Order:
    """What the second stage does: one bit each but for ``places``."""

    grows: Value
    places: Value
    keeps_sum: Value
    keeps_product: Value


class ParallelPE(wiring.Component):
    """``sum = round_half_up(sum / 2**grows) + round_half_up(product / 2**joins)``, of which one moves at a time.

    Nothing is normalised: the same kind of accumulator as the bit-serial PE's, but the exponents are the PE's own business,
    because those of products differ from PE to PE. One shifter serves accumulator and product, and the first stage compares
    exponents beside the multiplier. What all PEs of a row or column would do alike is done at the tile's edge: weights of all
    kinds come as octal digits and an exponent, activations in two's complement with their triple. Without exponents there is
    neither shifter nor comparison. NaN and infinity are not handled: operands must be numbers.

    More than ``k_max`` products may leave the accumulator's range, of which the PE knows nothing.

    LATENCY: 2 enabled cycles from operands to ``total``.

    Parameters
    ----------
    config
        The PE.

    Members
    -------
    enable : In(1)
        The first stage takes a product, and what it held before has been added.
    first : In(1)
        It is a sum's first. Nothing else is a reset: a PE may not add before it.
    weight : In(weight_layout)
    activation : In(activation_layout)
    step : In(1)
        The product in the second stage joins the sum.
    total : Out(signed(bits))
        The sum with it, in the same cycle.
    exponent : Out(exponent_bits)
        The sum's: its unit is ``2**(exponent + unit_offset)``.
    """

    def __init__(self, *, config: ParallelConfig) -> None:
        check_class(config, ParallelConfig, "ParallelPE")
        self.config = config
        super().__init__({
            "enable": In(1),
            "first": In(1),
            "weight": In(weight_layout(config)),
            "activation": In(activation_layout(config)),
            "step": In(1),
            "total": Out(signed(config.bits)),
            "exponent": Out(config.exponent_bits),
        })  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits = self.config.bits
        product = Signal(signed(self.config.product_bits), reset_less=True)
        activation = self.activation
        digits = [
            (digit.multiple, digit.negative)
            for digit in (self.weight.digits[f"digit{place}"] for place in range(len(self.config.digits)))
        ]
        with m.If(self.enable):
            m.d.sync += product.eq(octal_product(m, activation.significand, activation.triple, digits, len(product)))
        order = self._order_of_integers(m) if self.config.is_integer else self._order(m)

        accumulator, placed = Signal(signed(bits), reset_less=True), Signal(signed(bits))
        lesser, greater = Signal(signed(bits)), Signal(signed(bits))
        # A product that moves does so by one place more than `places` says, which spares a negation there.
        m.d.comb += [
            placed.eq(product << self.config.guard),
            lesser.eq(
                accumulator & order.keeps_sum.replicate(bits) | (placed >> 1) & order.keeps_product.replicate(bits)
            ),
            greater.eq(Mux(order.grows, placed, accumulator)),
        ]
        moved, half = moved_down(m, lesser, order.places)
        total = add(m, moved, greater, signed(bits), carry=half, name="total")
        m.d.comb += self.total.eq(total)
        with m.If(self.step):
            m.d.sync += accumulator.eq(total)
        return m

    def _order_of_integers(self, m: Module) -> _Order:
        continues = Signal(reset_less=True)
        with m.If(self.enable):
            m.d.sync += continues.eq(~self.first)
        return _Order(grows=Const(1), places=Const(0, 0), keeps_sum=continues, keeps_product=Const(0, 1))

    def _order(self, m: Module) -> _Order:
        """Compare with the greatest exponent so far; what is moved by the accumulator's width or more is nothing."""
        exponent, reference = Signal(self.config.exponent_bits), Signal(self.config.exponent_bits, reset_less=True)
        above = Signal(signed(len(exponent) + 1))
        grows, near = Signal(), Signal()
        distance = Signal(len(exponent))
        used = min(len(exponent), (self.config.bits - 1).bit_length())
        m.d.comb += [
            exponent.eq(self.weight.exponent + self.activation.exponent),
            above.eq(exponent - reference),
            grows.eq(~above[-1] | self.first),
            distance.eq(above[:-1] ^ (~grows).replicate(len(exponent))),
            near.eq(~distance[used:].any()),
            self.exponent.eq(reference),
        ]
        order = _Order(
            grows=Signal(name="grows_now", reset_less=True),
            places=Signal(used, name="places", reset_less=True),
            keeps_sum=Signal(name="keeps_sum", reset_less=True),
            keeps_product=Signal(name="keeps_product", reset_less=True),
        )
        decided = Cat(grows, distance[:used], near & grows & ~self.first, near & ~grows)
        with m.If(self.enable):
            m.d.sync += [
                Cat(order.grows, order.places, order.keeps_sum, order.keeps_product).eq(decided),
                reference.eq(Mux(grows, exponent, reference)),
            ]
        return order
