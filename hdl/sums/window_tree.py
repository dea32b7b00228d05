"""The aligned window: products are cut to a window below the greatest exponent of their step, then summed."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data

from ...formats import Product
from ..mac.layouts import product_exponent_offset, product_has_carry, term_layout
from ..wires.adders import add
from ..wires.delay import delayed
from .adder_tree import AdderTree, TermRange
from .aligner import Aligner
from .reduction import Reduction

LEVELS_PER_STAGE = 3
"""Comparisons of exponents in a row between two registers."""


class WindowTree(Reduction):
    """``sum * 2**(E - raised)``, ``E`` being the greatest exponent of a step's nonzero products.

    Each product's magnitude, raised by ``raised`` bits, is shifted right by ``E - e``; the sum's least bit is the sticky bit: 1
    if any bit at its place or below is 1, unless lower bits are dropped. Jamming commutes with negation, so two's complement
    products are cut as they are, and sign-magnitude ones are negated after it, by one's complement with a carry for the tree.

    Parameters
    ----------
    product
        Facts about the operand formats.
    lanes
        Number of products, at least 1.
    raised
        Bits between a product's least bit and the sum's, at the greatest exponent: ``width + 3 - P``, which may be negative, but
        never more than the products' exponent span.
    jams
        Whether the least bit is sticky; if not, lower bits are dropped.
    registered
        Whether there are registers at all.

    Members
    -------
    As ``Reduction``; terms keep their exponents, the sum has ``E``.
    """

    KEY = "window"

    def __init__(
        self, *, product: Product, lanes: int, raised: int, jams: bool = True, registered: bool = True
    ) -> None:
        if lanes < 1:
            raise ValueError(f"WindowTree lanes must be at least 1, not {lanes!r}")
        if raised > product.exponent_span:
            raise ValueError(f"WindowTree raised must be at most {product.exponent_span}, not {raised!r}")
        self.facts = product
        self.raised = raised
        self.jams = jams
        self.registered = registered
        self.is_signed = product_has_carry(product)
        self.width = product.significand_product_bits + raised
        greatest = (1 << self.width) - 1
        has_sign = self.is_signed or product.sign_bit
        # Two's complement that is cut goes down, to one below the least magnitude of that width.
        least = -greatest - int(self.is_signed and not jams)
        self.terms = TermRange(least if has_sign else 0, greatest, carry=product.sign_bit and not self.is_signed)
        term = self.term_layout(product)
        super().__init__(lanes=lanes, term=term, sum_layout=self._sum_layout(lanes, term["exponent"].width))

    def _sum_layout(self, lanes: int, exponent_bits: int) -> data.StructLayout:
        fixed = self.terms.layout(lanes)
        return term_layout(fixed["significand"].width, carry=self.terms.carry, exponent_bits=exponent_bits)

    @staticmethod
    def term_layout(product: Product) -> data.StructLayout:
        """Layout of a lane's term."""
        return Aligner.layout(product, shift=False)

    @property
    def _selects(self) -> bool:
        """Whether there is a greatest exponent to look for."""
        return self.lanes > 1 and self.facts.exponent_span > 0

    @property
    def _search_latency(self) -> int:
        levels = (self.lanes - 1).bit_length() if self._selects and self.registered else 0
        return -(-levels // LEVELS_PER_STAGE)

    @property
    def LATENCY(self) -> int:
        if not self.registered:
            return 0
        return self._search_latency + int(self._selects) + (AdderTree.latency(self.lanes) if self.lanes > 1 else 0)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bodies = [self._body(m, self.term(lane), lane) for lane in range(self.lanes)]
        signs = [self._sign(self.term(lane)) for lane in range(self.lanes)]
        exponents = [self.term(lane).exponent for lane in range(self.lanes)]
        greatest: Value = exponents[0]
        if self._selects:
            greatest = self._greatest(m, bodies, exponents)
            waits = range(self._search_latency)
            bodies, signs, exponents = (
                [self._delayed(m, value, f"{name}{lane}", waits) for lane, value in enumerate(values)]
                for name, values in (("body", bodies), ("sign", signs), ("exponent", exponents))
            )
        terms = []
        for lane, (body, sign, exponent) in enumerate(zip(bodies, signs, exponents, strict=True)):
            distance = Signal(len(exponent), name=f"distance{lane}")
            if self._selects:
                m.d.comb += distance.eq(greatest - exponent)
            term = self._cut(m, body, sign, distance, lane)
            terms.append(self._registered(m, term, f"aligned{lane}") if self._selects and self.registered else term)
        self._summed(m, terms, greatest)
        return m

    def _body(self, m: Module, term: data.View, lane: int) -> Value:
        """A magnitude, or a two's complement number with its carry taken in."""
        if self.is_signed:
            shape = Signal(range(-(1 << self.width - self.raised), 1 << self.width - self.raised)).shape()
            return add(m, term.significand, 0, shape, carry=term.carry, name=f"body{lane}")
        magnitude = Signal(len(term.significand) - 1, name=f"body{lane}")
        m.d.comb += magnitude.eq(term.significand[:-1] ^ term.significand[-1].replicate(len(magnitude)))
        return magnitude

    def _sign(self, term: data.View) -> Value:
        return Const(0, 1) if self.is_signed else term.significand[-1]

    def _greatest(self, m: Module, bodies: list[Value], exponents: list[Value]) -> Value:
        """The greatest exponent, a zero product's counting as the least there is."""
        least = product_exponent_offset(self.facts)
        nodes: list[Value] = []
        for lane, (body, exponent) in enumerate(zip(bodies, exponents, strict=True)):
            taking_part = Signal(len(exponent), name=f"candidate{lane}")
            m.d.comb += taking_part.eq(Mux(body.any(), exponent, least))
            nodes.append(taking_part)
        level = 0
        while len(nodes) > 1:
            level += 1
            pairs = list(zip(nodes[0::2], nodes[1::2], strict=False))
            rest = nodes[len(nodes) & ~1 :]
            nodes = []
            for index, (left, right) in enumerate(pairs):
                winner = Signal(len(left), name=f"greatest{level}_{index}")
                m.d.comb += winner.eq(Mux(left >= right, left, right))
                nodes.append(winner)
            nodes += rest
            if self.registered and (level % LEVELS_PER_STAGE == 0 or len(nodes) == 1):
                nodes = [self._registered(m, node, f"greatest{level}_{index}") for index, node in enumerate(nodes)]
        return nodes[0]

    def _cut(self, m: Module, body: Value, sign: Value, distance: Value, lane: int) -> data.View:
        """One term of the sum: the body raised, shifted right by ``distance`` with jamming, negated."""
        top = body[-1] if self.is_signed else Const(0, 1)
        lost: Value = Const(0, 1)
        bits: Value = Cat(Const(0, max(0, self.raised)), body)
        if self.raised < 0:
            lost, bits = body[: -self.raised].any(), body[-self.raised :]
        for index in range(len(distance) if self._selects else 0):
            amount = min(1 << index, len(bits))
            if self.jams and self.raised < self.facts.exponent_span:
                lost = lost | (distance[index] & bits[:amount].any())
            moved = Signal(len(bits), name=f"shifted{lane}_{1 << index}")
            m.d.comb += moved.eq(Mux(distance[index], Cat(bits[amount:], top.replicate(amount)), bits))
            bits = moved
        jammed = Cat(bits[0] | lost, bits[1:]) if self.jams else bits
        term = Signal(self.terms.layout(1), name=f"term{lane}_aligned")
        if self.is_signed:
            m.d.comb += term.significand.eq(jammed.as_signed())
        else:
            m.d.comb += [
                term.significand.eq(Cat(jammed ^ sign.replicate(len(jammed)), sign).as_signed()),
                term.carry.eq(sign),
            ]
        return term

    def _summed(self, m: Module, terms: list[data.View], greatest: Value) -> None:
        if self.lanes == 1:
            m.d.comb += [
                self.sum.significand.eq(terms[0].significand),
                self.sum.carry.eq(terms[0].carry),
                self.sum.exponent.eq(greatest),
            ]
            return
        m.submodules.sum = tree = AdderTree(terms=self.terms, lanes=self.lanes, registered=self.registered)
        waits = range(self.LATENCY - self._search_latency)
        m.d.comb += [
            tree.enable.eq(self.enable),
            *(tree.term(lane).eq(term) for lane, term in enumerate(terms)),
            self.sum.significand.eq(tree.sum.significand),
            self.sum.carry.eq(tree.sum.carry),
            self.sum.exponent.eq(self._delayed(m, greatest, "sum_exponent", waits)),
        ]

    def _delayed(self, m: Module, value: Value, name: str, waits: range) -> Value:
        return delayed(m, self.enable, value, len(waits), f"{name}_{{}}_register")

    def _registered(self, m: Module, value: Value, name: str) -> Value:
        return delayed(m, self.enable, value, 1, f"{name}_register")
