"""Quantizer to DialectFP4: the block's maximum picks two dialects, counts of numbers in their better ranges one of them."""

from __future__ import annotations

from typing import Any

from amaranth import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data

from ...config.checks import check_class
from ...config.dialect_quantizer import INVALID_SCALE, ZERO_SCALE, DialectQuantizerConfig
from ...formats.dialect import DIALECTS
from ..stepped import SteppedUnit, stepped_family
from ..wires.balanced import balanced
from ..wires.delay import stages
from ..wires.greatest import greatest_unsigned
from .ranges import PLACE_BITS, better_range, steps_up
from .upper import SHARED

_EXPONENT = slice(10, 15)
_LOW = 6
"""Bits of a significand below halves of half-units, of a number with the block's greatest exponent."""


class DialectQuantizer(SteppedUnit):
    """``golden.quantizers.dialect.dialect_codes`` of each block; the pipeline moves as a whole.

    Latency: 5 cycles: the greatest exponent, places, the pair, the dialect, codes. Throughput: a block a cycle.

    Parameters
    ----------
    config
        The quantizer.

    Members
    -------
    As of ``SteppedUnit``.

    Raises
    ------
    TypeError
        If ``config`` is something else.
    """

    ORDER = "Blocks leave in the order in which they came."

    def __init__(self, *, config: DialectQuantizerConfig) -> None:
        self.quantizer = check_class(config, DialectQuantizerConfig, "DialectQuantizer")
        super().__init__(config=config)

    @property
    def LATENCY(self) -> int:
        """The greatest exponent, places, the pair, the dialect, codes."""
        return 5

    def elaborate(self, platform: object) -> Module:
        m = Module()
        steps = self.steps(m, 4)
        advance, count = steps.advance, self.quantizer.group
        numbers = [self.i.payload.numbers[lane] for lane in range(count)]
        fields = [number[_EXPONENT] for number in numbers]
        greatest, _ = greatest_unsigned(m, fields, [Const(1, 1)] * count, name="greatest")
        special = Cat(field.all() for field in fields).any()
        zero = ~Cat(number[:15].any() for number in numbers).any()
        scale = Signal(5)
        m.d.comb += scale.eq(Mux(zero, ZERO_SCALE, Mux(greatest > 2, greatest - 2, 0)))
        kept = stages(m, advance, Cat(Mux(special, INVALID_SCALE, scale), special), 4, "scale{}")[-1]
        signs = stages(m, advance, Cat(number[15] for number in numbers), 4, "signs{}")[-1]
        top = Signal(5, reset_less=True)
        held = Signal(data.ArrayLayout(16, count), reset_less=True)
        with m.If(advance):
            m.d.sync += [
                top.eq(Mux(greatest > 2, greatest, 2)),
                *(held[lane].eq(number) for lane, number in enumerate(numbers)),
            ]
        places = stages(
            m, advance, Cat(_place(m, held[lane], top, f"lane{lane}") for lane in range(count)), 3, "places{}"
        )
        dialect = self._dialect(m, advance, [_lanes(found, count) for found in places])
        thresholds = self._thresholds(m, dialect)
        codes = [
            _code(place, thresholds, signs[lane]) & (~kept[5]).replicate(4)
            for lane, place in enumerate(_lanes(places[2], count))
        ]
        self.give(m, steps, {
            "codes": codes, "dialect": dialect & (~kept[5]).replicate(4), "exponent": kept[:5], "invalid": kept[5]
        })  # fmt: skip
        return m

    def _dialect(self, m: Module, advance: Signal, places: list[list[Value]]) -> Signal:
        """Of places at the second and third register, the dialect behind the fourth."""
        most, _ = greatest_unsigned(m, places[0], [Const(1, 1)] * len(places[0]), name="most")
        pair = Signal(3, reset_less=True)
        # The greatest magnitude's halves, plus one, halved: 8 to 16; pair 0 has 15, pair 7 has 8.
        rounded = Signal(5)
        m.d.comb += rounded.eq((most[1:] + 1) >> 1)
        with m.If(advance):
            m.d.sync += pair.eq(Mux(rounded[4], 0, Mux(rounded[3], ~rounded[:3], 7)))
        bounds = [Signal(PLACE_BITS, name=f"bound{index}") for index in range(4)]
        with m.Switch(pair):
            for index in range(len(DIALECTS) // 2):
                found = (*better_range(2 * index, 2 * index + 1), *better_range(2 * index + 1, 2 * index))
                with m.Case(index):
                    m.d.comb += [bound.eq(place) for bound, place in zip(bounds, found, strict=True)]
        counts: list[Value] = []
        for low, high in (bounds[:2], bounds[2:]):
            inside = [(place >= low) & (place <= high) for place in places[1]]
            counts.append(balanced(inside, lambda left, right, _name: left + right))
        dialect = Signal(4, reset_less=True)
        with m.If(advance):
            m.d.sync += dialect.eq(Cat(counts[1] > counts[0], pair))
        return dialect

    def _thresholds(self, m: Module, dialect: Signal) -> list[Value]:
        """First places of codes 1 to 7 in the dialect; those of the lower ones are in all dialects the same."""
        upper = [Signal(PLACE_BITS, name=f"threshold{code}") for code in range(SHARED, 8)]
        with m.Switch(dialect):
            for index in range(len(DIALECTS)):
                with m.Case(index):
                    m.d.comb += [out.eq(place) for out, place in zip(upper, steps_up(index)[SHARED - 1 :], strict=True)]
        return [*(Const(place, PLACE_BITS) for place in steps_up(0)[: SHARED - 1]), *upper]


def _lanes(found: Value, count: int) -> list[Value]:
    return [found[lane * PLACE_BITS : (lane + 1) * PLACE_BITS] for lane in range(count)]


def _place(m: Module, number: Value, top: Signal, name: str) -> Value:
    """Where a magnitude lies under the block's scale: its halves of half-units, and whether there is more."""
    field = number[_EXPONENT]
    down = Signal(5, name=f"{name}_down")
    normal = field.any()
    m.d.comb += down.eq(top - (field | ~normal))
    # What is moved out of the lowest bit is of numbers below a quarter, which are in no range and have code 0.
    wide = Signal(11 + 5, name=f"{name}_wide")
    m.d.comb += wide.eq(Cat(Const(0, 5), number[:10], normal) >> down)
    return Cat(wide[: _LOW + 5].any(), wide[_LOW + 5 :])


def _code(place: Value, thresholds: list[Value], sign: Value) -> Value:
    """Of a sorted list, how many places are reached; zero has no sign."""
    reached = [place >= threshold for threshold in thresholds]
    magnitude = balanced(list(reached), lambda left, right, _name: left + right)[:3]
    return Cat(magnitude, sign & reached[0])


def _facts(config: DialectQuantizerConfig) -> dict[str, Any]:
    return {"numbers_per_cycle": config.group}


DIALECT_QUANTIZER = stepped_family(
    DialectQuantizer,
    streams="Streams i, of blocks of numbers, and o, of blocks of codes.",
    facts=_facts,
    latency="from the transfer of a block to o_valid",
)
