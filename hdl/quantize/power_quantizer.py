"""Quantizer of blocks whose scale is a power of two: OCP's MX blocks, by either rule."""

from __future__ import annotations

from fractions import Fraction

from amaranth import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data

from ...config.block_quantizer import BlockQuantizerConfig
from ...formats import signed_bits
from ..stepped import SteppedUnit, Steps
from ..wires.greatest import greatest_unsigned
from .operand import Normalizer, special
from .target import Target, rounded

SCALE_BIAS, GREATEST_SCALE = 127, 254
"""Of E8M0, whose code 255 is NaN."""


class PowerQuantizer(SteppedUnit):
    """``golden.quantizers.block.quantize_block`` of blocks with an E8M0 scale; the pipeline moves as a whole.

    No number is multiplied or divided: the scale is the greatest exponent less the elements' one, and one more by the rule
    ``round-up`` if any number of that exponent has a significand beyond the greatest element's; an element is the significand,
    moved down by what its exponent is less than the least normal one of its format, and rounded.

    Latency: 2 cycles: the greatest exponent, the elements. Throughput: a block a cycle.

    Parameters
    ----------
    config
        The quantizer, of a block with rule ``floor`` or ``round-up``.

    Members
    -------
    i : In(stream.Signature(fields_layout(config.input_fields)))
    o : Out(stream.Signature(fields_layout(config.result_fields)))

    Source: OCP Microscaling Formats (MX) v1.0, section 6.3; for ``round-up`` see ``formats.block.ScaleRule``.
    """

    ORDER = "Blocks leave in the order in which they came."

    def __init__(self, *, config: BlockQuantizerConfig) -> None:
        (element,) = config.row.formats
        self.element = element
        self.target = Target.of(element, config.row.step_exponent)
        fmt = config.source_format
        leading = fmt.min_exponent + fmt.significand_bits - 1
        # A subnormal number is only so small that scales do not follow it below 2**-127 and its element may be a normal one.
        wanted = leading + SCALE_BIAS - self.target.least_exponent
        self.normalizer = Normalizer(fmt=fmt, positions=min(max(wanted, 0), fmt.significand_bits - 1))
        self.quantizer = config
        super().__init__(config=config)

    @property
    def LATENCY(self) -> int:
        """The greatest exponent, the elements."""
        return 2

    @property
    def rounds_up(self) -> bool:
        """Whether no element may be beyond the greatest."""
        return self.quantizer.row.rule == "round-up"

    def elaborate(self, platform: object) -> Module:
        m = Module()
        steps = self.steps(m, 1)
        kept = data.StructLayout({"greatest": self._greatest_bits, "nonzero": self.quantizer.lanes, "special": 1})
        shared = Signal(kept, reset_less=True)
        fmt, lanes = self.quantizer.source_format, range(self.quantizer.lanes)
        codes = [self.i.payload.numbers[lane] for lane in lanes]
        parts = [self.normalizer.apart(m, code, f"lane{lane}") for lane, code in enumerate(codes)]
        keys = [Cat(self._over(part), part.exponent) for part in parts]
        greatest, _ = greatest_unsigned(m, keys, [Const(1, 1)] * len(keys), name="greatest")
        operands = [Signal(self.normalizer.layout, name=f"operand{lane}", reset_less=True) for lane in lanes]
        with m.If(steps.advance):
            m.d.sync += [
                shared.greatest.eq(greatest),
                shared.nonzero.eq(Cat(code[:-1].any() for code in codes)),
                shared.special.eq(Cat(special(fmt, code) for code in codes).any()),
                *(operand.eq(part) for operand, part in zip(operands, parts, strict=True)),
            ]
        scale = self._scale(m, shared)
        self._elements(m, steps, shared, operands, scale)
        return m

    @property
    def _greatest_bits(self) -> int:
        return self.normalizer.greatest.bit_length() + self.rounds_up

    def _over(self, part: data.View) -> Value:
        """Whether a significand is beyond the greatest element's; no bit at all by the rule that does not ask."""
        if not self.rounds_up:
            return Const(0, 0)
        bits = self.quantizer.source_format.significand_bits
        length = self.element.fixed_max.bit_length()
        return part.significand > int(Fraction(self.element.fixed_max, 1 << length - 1) * (1 << bits - 1))

    def _scale(self, m: Module, shared: data.View) -> Signal:
        """The scale's code: of zeros that of 1."""
        greatest = self.normalizer.greatest
        constant = SCALE_BIAS - self.normalizer.offset - self.target.greatest_exponent
        least, most = 1 + constant, greatest + constant + self.rounds_up
        exact = Signal(signed(signed_bits(min(least, 0), max(most, 0))), name="exact_scale")
        exponent = shared.greatest[self.rounds_up :]
        m.d.comb += exact.eq(exponent + constant + (shared.greatest[0] if self.rounds_up else 0))
        limited: Value = exact[: exact.shape().width - 1]
        if most > GREATEST_SCALE:
            limited = Mux(exact > GREATEST_SCALE, GREATEST_SCALE, limited)
        if least < 0:
            limited = limited & (~exact[-1]).replicate(len(limited))
        scale = Signal(8, name="scale")
        m.d.comb += scale.eq(Mux(shared.nonzero.any(), limited, SCALE_BIAS))
        return scale

    def _elements(self, m: Module, steps: Steps, shared: data.View, operands: list[data.View], scale: Signal) -> None:
        # Of the scale's code, so that the difference is an element's exponent less the least normal one.
        base = SCALE_BIAS - self.normalizer.offset - self.target.least_exponent
        width = signed_bits(min(1 + base - GREATEST_SCALE, 0), self.normalizer.greatest + max(base, 0))
        number = ~shared.special
        codes: list[Value] = []
        beyond: list[Value] = []
        flushed: list[Value] = []
        for lane, operand in enumerate(operands):
            above = Signal(signed(width), name=f"above{lane}")
            m.d.comb += above.eq(operand.exponent + base - scale)
            greatest = Const(self.target.greatest_code, self.target.bits + 1)
            code, over = rounded(
                m,
                self.target,
                above,
                operand.significand,
                name=f"element{lane}",
                limit=self._limit(operand.sign, greatest),
            )
            beyond.append(over)
            flushed.append(shared.nonzero[lane] & ~code.any())
            codes.append(self._signed(operand.sign, code) & number.replicate(self.quantizer.row.bits))
        result = {
            "codes": codes,
            "scale": scale | shared.special.replicate(8),
            "invalid": shared.special,
            "saturated": Cat(beyond).any() & number,
            "flushed": Cat(flushed).any() & number,
        }
        self.give(m, steps, result)

    def _limit(self, sign: Value, greatest: Const) -> Value:
        """The greatest magnitude of that sign: the most negative number of two's complement has the greater one."""
        lopsided = self.element.fixed_min < -self.element.fixed_max
        return Mux(sign, greatest.value + 1, greatest) if lopsided else greatest

    def _signed(self, sign: Value, code: Value) -> Value:
        """The element's code; of zero plus zero."""
        bits = self.quantizer.row.bits
        if self.element.sign_bit:
            return Cat(code[: bits - 1], sign & code.any())
        return ((code ^ sign.replicate(len(code))) + sign)[:bits]
