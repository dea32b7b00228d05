"""Quantizer to fixed point, of word and fraction lengths told with the numbers."""

from __future__ import annotations

from amaranth import Cat, Module, Mux, Signal, Value, signed

from ...config.checks import check_class
from ...config.fixed_quantizer import FRACTION_BITS, FixedQuantizerConfig
from ...formats import signed_bits
from ..stepped import SteppedUnit
from ..wires.delay import delayed
from .operand import Normalizer, special
from .target import Target, rounded


class FixedQuantizer(SteppedUnit):
    """``golden.quantizers.fixed.fixed_integers`` of each step; the pipeline moves as a whole.

    A significand is moved down to the integer's places, of which the highest is that of the longest word, and rounded; what is
    beyond the word becomes its end.

    Latency: 2 cycles: exponents, integers. Throughput: a step a cycle, whatever the lengths.

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

    ORDER = "Results leave in the order of their steps."

    def __init__(self, *, config: FixedQuantizerConfig) -> None:
        self.quantizer = check_class(config, FixedQuantizerConfig, "FixedQuantizer")
        places = config.bits - 1
        # An integer is a float of which all numbers are subnormal; the highest place is the magnitude's of the most negative one.
        self.target = Target(
            mantissa_bits=places,
            least_exponent=places,
            greatest_exponent=places,
            greatest_code=(1 << places) - 1,
            bits=places,
        )
        fmt = config.source_format
        leading = fmt.min_exponent + fmt.significand_bits - 1
        wanted = leading + (1 << FRACTION_BITS - 1) - self.target.least_exponent
        self.normalizer = Normalizer(fmt=fmt, positions=min(max(wanted, 0), fmt.significand_bits - 1))
        super().__init__(config=config)

    @property
    def LATENCY(self) -> int:
        """Exponents, integers."""
        return 2

    def elaborate(self, platform: object) -> Module:
        m = Module()
        steps = self.steps(m, 1)
        config, payload = self.quantizer, self.i.payload
        fmt, bits = config.source_format, config.bits
        base = -self.normalizer.offset - self.target.least_exponent
        reach = 1 << FRACTION_BITS - 1
        width = signed_bits(1 + base - reach, self.normalizer.greatest + base + reach)
        length = delayed(m, steps.advance, payload.word_length, 1, "length{}")
        greatest = Signal(bits)
        m.d.comb += greatest.eq(Cat(place < length for place in range(bits - 1)))
        integers: list[Value] = []
        invalid: list[Value] = []
        saturated: list[Value] = []
        for lane in range(config.lanes):
            code = payload.numbers[lane]
            parts = self.normalizer.apart(m, code, f"lane{lane}")
            above = Signal(signed(width), name=f"above{lane}")
            m.d.comb += above.eq(parts.exponent + payload.fraction_length + base)
            is_special, fraction = special(fmt, code), code[: fmt.significand_bits - 1].any()
            kept = delayed(m, steps.advance, parts, 1, f"operand{lane}_{{}}")
            above = delayed(m, steps.advance, above, 1, f"place{lane}_{{}}")
            nan = delayed(m, steps.advance, is_special & fraction, 1, f"nan{lane}_{{}}")
            infinite = delayed(m, steps.advance, is_special & ~fraction, 1, f"infinite{lane}_{{}}")
            limit = Signal(bits, name=f"limit{lane}")
            m.d.comb += limit.eq(greatest + kept.sign)
            magnitude, over = rounded(
                m, self.target, above, kept.significand, name=f"integer{lane}", limit=limit, bounded=False
            )
            whole = Mux(infinite, limit, magnitude) & (~nan).replicate(bits)
            integers.append(((whole ^ kept.sign.replicate(bits)) + kept.sign)[:bits])
            invalid.append(nan)
            saturated.append((over | infinite) & ~nan)
        self.give(
            m, steps, {"integers": integers, "invalid": Cat(invalid).any(), "saturated": Cat(saturated).any()}
        )  # fmt: skip
        return m
