"""A dot product of fixed-point numbers whose sums are short chains, added up in FP32 or exactly."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Mux, Signal, Value, signed

from ...config.chained import ChainedConfig
from ...config.checks import check_class
from ...formats import get
from ..quantize.target import Target, rounded
from ..stepped import SteppedUnit, Steps
from ..wires.adders import add
from ..wires.balanced import balanced
from ..wires.delay import delayed
from .float_sum import FloatSum


class ChainedDot(SteppedUnit):
    """``golden.fixed.chained.chained_total`` of each sum of steps; the pipeline moves as a whole.

    Latency: 4 cycles: operands at their word lengths, products and their sum, the chain, the total; with FP32 totals 5, of
    which one rounds the chain to FP32. Throughput: a step a cycle, whatever the word lengths and exponents.

    Parameters
    ----------
    config
        The unit.

    Members
    -------
    As of ``SteppedUnit``.

    Raises
    ------
    TypeError
        If ``config`` is something else.
    """

    def __init__(self, *, config: ChainedConfig) -> None:
        self.dot = check_class(config, ChainedConfig, "ChainedDot")
        super().__init__(config=config)

    @property
    def LATENCY(self) -> int:
        """Operands, their products' sum, the chain, its rounding to FP32, the total."""
        return 4 + self.dot.is_float

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.dot
        steps = self.steps(m, self.LATENCY - 1)
        step = self._step(m, steps)
        chain, ends, over = self._chain(m, steps, step)
        if config.is_float:
            chain, ends, over = (
                delayed(m, steps.advance, value, 1, f"{name}{{}}")
                for name, value in (
                    ("rounded", self._float(m, steps, chain)),
                    ("ends_later", ends),
                    ("over_later", over),
                )
            )
        width = config.total_bits
        shape = width if config.is_float else signed(width)
        total, after = Signal(shape, reset_less=True), Signal(shape)
        before = Mux(steps.first, Const(0, shape), total)
        if config.is_float:
            m.submodules.sum = floats = FloatSum()
            m.d.comb += [floats.a.eq(before), floats.b.eq(chain), after.eq(Mux(ends, floats.total, before))]
        else:
            m.d.comb += after.eq(Mux(ends, add(m, before, chain, signed(width), name="sum"), before))
        met, overflowed = Signal(reset_less=True), Signal()
        m.d.comb += overflowed.eq(over | (met & ~steps.first))
        with m.If(steps.joins):
            m.d.sync += [total.eq(after), met.eq(overflowed)]
        self.give(m, steps, {"total": after, "overflowed": overflowed})
        return m

    def _step(self, m: Module, steps: Steps) -> Value:
        """The sum of a step's products, two registers after its transfer."""
        config, payload = self.dot, self.i.payload
        held: dict[str, list[Value]] = {}
        for name in ("weight", "activation"):
            length = payload[f"{name}_length"]
            # Bit by bit: the top bit of the word goes on in all bits above it.
            inside, top = Signal(config.bits, name=f"{name}_inside"), Signal(config.bits, name=f"{name}_top")
            m.d.comb += [
                inside.eq(Cat(Const(1, 1), *(place <= length for place in range(1, config.bits)))),
                top.eq(Cat(place == length for place in range(config.bits))),
            ]
            words: list[Value] = []
            for lane in range(config.lanes):
                code = payload[f"{name}s"][lane].as_unsigned()
                sign = Signal(name=f"{name}_sign{lane}")
                m.d.comb += sign.eq((code & top).any())
                word = (code & inside) | (sign.replicate(config.bits) & ~inside)
                words.append(delayed(m, steps.advance, word, 1, f"{name}{lane}_{{}}", shape=signed(config.bits)))
            held[name] = words
        products = [weight * activation for weight, activation in zip(held["weight"], held["activation"], strict=True)]
        total = balanced(products, lambda left, right, _name: left + right)
        return delayed(m, steps.advance, total, 1, "step{}", shape=signed(config.sum_bits(config.lanes)))

    def _chain(self, m: Module, steps: Steps, step: Value) -> tuple[Value, Value, Value]:
        """A register after the step's: the chain so far, whether it ends here, and whether it left its width."""
        config, bits = self.dot, self.dot.chain_bits
        valid, last = steps.valid[2], steps.last[2]
        place = Signal(range(max(config.chain, 2)))
        ends, chain = Signal(), Signal(signed(bits), reset_less=True)
        m.d.comb += ends.eq(last | (place == config.chain - 1))
        first = place == 0
        before = Mux(first, Const(0, signed(bits)), chain)
        exact = add(m, before, step, signed(max(bits, len(step)) + 1), name="exact")
        over = Const(0, 1)
        if config.can_overflow:
            top = exact[bits - 1 :]
            over = top.any() & ~top.all()
        with m.If(steps.advance & valid):
            m.d.sync += [chain.eq(exact), place.eq(Mux(ends, 0, place + 1))]
        kept = [delayed(m, steps.advance, value, 1, f"{name}{{}}") for name, value in (("ends", ends), ("over", over))]
        return chain, kept[0], kept[1]

    def _float(self, m: Module, steps: Steps, chain: Value) -> Value:
        """A chain as an FP32 code, times its power of two."""
        bits = len(chain)
        exponent = delayed(m, steps.advance, self.i.payload.exponent, 3, "exponent{}")
        negative = chain[-1]
        magnitude: Value = Signal(bits, name="magnitude")
        m.d.comb += magnitude.eq((chain ^ negative.replicate(bits)).as_unsigned() + negative)
        moved: list[Value] = []
        for place in reversed(range((bits - 1).bit_length())):
            step = 1 << place
            empty, after = Signal(name=f"chain_empty{place}"), Signal(bits, name=f"chain_up{place}")
            m.d.comb += [
                empty.eq(~magnitude[bits - step :].any()),
                after.eq(Mux(empty, magnitude << step, magnitude)),
            ]
            moved.insert(0, empty)
            magnitude = after
        target = Target.of(get("FP32"))
        above = Signal(signed(9), name="chain_above")
        m.d.comb += above.eq(exponent - Cat(moved) + (bits - 1 - target.least_exponent))
        code, _ = rounded(m, target, above, magnitude, name="chain_code")
        return Cat(code[:31], negative)
