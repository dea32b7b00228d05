# amaranth: UnusedElaboratable=no
"""Quantizer of blocks whose scale is a small float under a tensor's scale: NVFP4."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

from amaranth import Cat, Const, Module, Mux, Signal, Value, signed

from ...config.block_quantizer import TENSOR_SCALE, BlockQuantizerConfig
from ...formats import get, signed_bits
from ..stepped import SteppedUnit, Steps
from ..wires.delay import delayed, stages
from ..wires.greatest import greatest_unsigned
from .operand import Normalizer, special
from .ratio import Ratio
from .target import Direction, Target, rounded

SEARCHED_BITS = 16
"""Of the greatest magnitude that a cycle finds."""


class RatioQuantizer(SteppedUnit):
    """``golden.quantizers.block.quantize_block`` of blocks with an E4M3 scale; the pipeline moves as a whole.

    No number is divided: rounding passes from an element to the next at ``boundary * scale * tensor_scale``, exactly, of which
    the least number of the source's format on the upper side is found once for the block, as a code. Codes of magnitudes are in
    the order of these, so elements follow from comparing integers. The one division is that of the scale, ``amax / (6 *
    tensor_scale)``, to the bits that its rounding needs (see ``Ratio``).

    Latency: 5 cycles: the greatest magnitude, 2 of division, boundaries, elements; 6 from FP32, whose greatest magnitude takes 2.
    Throughput: a block a cycle.

    Parameters
    ----------
    config
        The quantizer, of a block with rule ``maximum``.

    Members
    -------
    i : In(stream.Signature(fields_layout(config.input_fields)))
    o : Out(stream.Signature(fields_layout(config.result_fields)))

    Source: NVIDIA, "Pretraining Large Language Models with NVFP4", arXiv 2509.25149, appendix.
    """

    ORDER = "Blocks leave in the order in which they came."

    def __init__(self, *, config: BlockQuantizerConfig) -> None:
        (element,) = config.row.formats
        scale = get(str(config.row.scale))
        self.quantizer = config
        self.element = element
        self.source = Target.of(config.source_format)
        self.scale = scale
        self.ratio = Ratio(source=config.source_format, scale=scale, greatest=element.max_value)
        super().__init__(config=config)

    @property
    def LATENCY(self) -> int:
        """The greatest magnitude, the division, boundaries, elements."""
        return self._searches + self.ratio.LATENCY + 2

    @property
    def _searches(self) -> int:
        return -(-self.source.bits // SEARCHED_BITS)

    @property
    def boundaries(self) -> list[tuple[Fraction, Direction]]:
        """Where rounding passes from each element to the next, and after the greatest; and to which one a tie goes.

        ``up``: a number at the boundary itself takes the upper one.
        """
        numbers = [self.element.decode(code).value for code in range(1 << self.element.bits - 1)]
        after = [*numbers, 2 * numbers[-1] - numbers[-2]]
        middles = [(low + high) / 2 for low, high in pairwise(after)]
        return [(middle, "up" if code % 2 else "beyond") for code, middle in enumerate(middles)]

    def elaborate(self, platform: object) -> Module:
        m = Module()
        steps = self.steps(m, self.LATENCY - 1)
        advance = steps.advance
        numbers = [self.i.payload.numbers[lane] for lane in range(self.quantizer.lanes)]
        waiting = stages(m, advance, Cat(numbers), self.LATENCY - 1, "numbers{}")
        tensor_scale = self.i.payload.tensor_scale
        outer = stages(m, advance, tensor_scale, self.LATENCY - 2, "tensor_scale{}")
        invalid = Cat(
            *(special(self.quantizer.source_format, number) for number in numbers),
            tensor_scale[-1],
            special(get(TENSOR_SCALE), tensor_scale),
            ~tensor_scale[get(TENSOR_SCALE).significand_bits - 1 : -1].any(),
        ).any()
        greatest = self._greatest(m, advance, numbers, waiting)
        m.submodules.ratio = ratio = self.ratio
        m.d.comb += [
            ratio.enable.eq(advance),
            ratio.greatest.eq(greatest),
            ratio.tensor_scale.eq(outer[self._searches - 1]),
        ]
        limits = self._limits(m, advance, ratio.scale, outer[-1])
        greatest = delayed(m, advance, greatest, self.ratio.LATENCY + 1, "greatest{}")
        scale = delayed(m, advance, ratio.scale, 1, "scale{}")
        invalid = delayed(m, advance, invalid, self.LATENCY - 1, "invalid{}")
        self._elements(m, steps, waiting[-1], limits, greatest, scale, invalid)
        return m

    def _greatest(self, m: Module, advance: Signal, numbers: list[Value], waiting: list[Signal]) -> Signal:
        """The greatest magnitude as a code; a few bits a cycle, from the top, among the numbers that are still equal to it."""
        found = Signal(0)
        alive: list[Value] = [Const(1, 1)] * len(numbers)
        for search in range(self._searches):
            stop = self.source.bits - search * SEARCHED_BITS
            part = [number[max(stop - SEARCHED_BITS, 0) : stop] for number in numbers]
            most, still = greatest_unsigned(m, part, alive, name=f"search{search}")
            found = delayed(m, advance, Cat(most, found), 1, f"found{search}_{{}}")
            if search + 1 < self._searches:
                alive = list(delayed(m, advance, Cat(still), 1, f"alive{search}_{{}}"))
            bits = self.quantizer.source_format.bits
            numbers = [waiting[search].word_select(lane, bits) for lane in range(len(numbers))]
        return found

    def _limits(self, m: Module, advance: Signal, scale: Value, tensor_scale: Value) -> list[Signal]:
        """For each boundary the least magnitude of the source's format that is beyond it, as a code."""
        inner = Normalizer(fmt=self.scale, positions=self.scale.significand_bits - 1)
        outer = get(TENSOR_SCALE)
        parts = inner.apart(m, Cat(scale, Const(0, 1)), "block_scale")
        stored = outer.significand_bits - 1
        bits = self.scale.significand_bits + outer.significand_bits
        factor = Signal(bits, name="factor")
        m.d.comb += factor.eq(parts.significand * Cat(tensor_scale[:stored], Const(1, 1)))
        limits: list[Signal] = []
        for place, (boundary, direction) in enumerate(self.boundaries):
            odd = boundary.numerator
            power = -(boundary.denominator.bit_length() - 1)
            while odd % 2 == 0:
                odd, power = odd // 2, power + 1
            width = bits + odd.bit_length()
            product = Signal(width, name=f"boundary{place}")
            m.d.comb += product.eq(factor * odd)
            # The product of two leading ones has its own one or two places below the top; times an odd constant, up to three.
            top, moved = self._topped(m, product, f"boundary{place}")
            # Exponent of the product's top bit, less the source's least, if both stored exponents are 0.
            least = -inner.offset - (self.scale.significand_bits - 1)
            least += outer.min_exponent - 1 + width - 1 + power - self.source.least_exponent
            highest = least + inner.greatest + (1 << outer.bits - 1 - stored)
            above = Signal(signed(signed_bits(least - 3, highest)), name=f"above{place}")
            m.d.comb += above.eq(parts.exponent + tensor_scale[stored:-1] - moved + least)
            code, _ = rounded(
                m, self.source, above, top, name=f"limit{place}", direction=direction,
                limit=Const(self.source.greatest_code + 1, self.source.bits + 1), bounded=False,
            )  # fmt: skip
            limit = Signal(self.source.bits, name=f"least{place}", reset_less=True)
            with m.If(advance):
                m.d.sync += limit.eq(code)
            limits.append(limit)
        return limits

    @staticmethod
    def _topped(m: Module, product: Value, name: str) -> tuple[Value, Value]:
        """A product moved up until its top bit is 1, by at most three places; and by how many."""
        moved: list[Value] = []
        bits = product
        for distance in (2, 1):
            empty = ~bits[len(product) - distance :].any()
            after = Signal(len(product), name=f"{name}_up{distance}")
            m.d.comb += after.eq(Mux(empty, bits << distance, bits))
            moved.insert(0, empty)
            bits = after
        return bits, Cat(moved)

    def _elements(
        self, m: Module, steps: Steps, waiting: Signal, limits: list[Signal], greatest: Value, scale: Value, invalid: Value
    ) -> None:  # fmt: skip
        bits = self.quantizer.source_format.bits
        *inner, outside = limits
        codes: list[Value] = []
        flushed: list[Value] = []
        # Of a block of zeros the scale is 0, and so are all boundaries.
        present = Signal()
        m.d.comb += present.eq(greatest.any() & ~invalid)
        for lane in range(self.quantizer.lanes):
            number = waiting.word_select(lane, bits)
            magnitude = self._searched(m, number[:-1], inner, f"element{lane}") & present.replicate(
                self.element.bits - 1
            )
            flushed.append(number[:-1].any() & ~magnitude.any())
            codes.append(Cat(magnitude, number[-1] & magnitude.any()))
        nan = next(code for code in range(1 << self.scale.bits) if self.scale.decode(code).special is not None)
        result = {
            "codes": codes,
            "scale": Mux(invalid, nan, scale),
            "invalid": invalid,
            "saturated": (greatest >= outside) & present,
            "flushed": Cat(flushed).any() & ~invalid,
        }
        self.give(m, steps, result)

    @staticmethod
    def _searched(m: Module, magnitude: Value, limits: list[Signal], name: str) -> Value:
        """How many of the ascending limits, one less than a power of two, a magnitude has reached: bit by bit from the top."""
        found: list[Value] = []
        while limits:
            middle = len(limits) // 2
            reached = Signal(name=f"{name}_bit{len(found)}")
            m.d.comb += reached.eq(magnitude >= limits[middle])
            found.insert(0, reached)
            halves = zip(limits[:middle], limits[middle + 1 :], strict=True)
            limits = [
                _chosen(m, reached, high, low, f"{name}_limit{len(found)}_{i}") for i, (low, high) in enumerate(halves)
            ]
        return Cat(found)


def _chosen(m: Module, condition: Value, high: Value, low: Value, name: str) -> Signal:
    chosen = Signal(len(low), name=name)
    m.d.comb += chosen.eq(Mux(condition, high, low))
    return chosen
