"""From a weight's code to its power-of-two terms, one a cycle: shared by all PEs of a column."""

from __future__ import annotations

from amaranth import Array, Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ... import formats
from ...config.bit_serial import BitSerialConfig
from ...config.checks import check_class
from ...formats.term import Term, two_terms
from ...formats.weight_type import FLOATS, SPECIALS, WeightKind

TERM_LAYOUT = data.StructLayout({"negative": 1, "one": 1, "two": 1, "four": 1})
"""A term for one lane: its sign, and at most one of its magnitudes set; none is zero."""
SPECIAL_LAYOUT = data.ArrayLayout(TERM_LAYOUT, 2)
"""A special value: its low and its high term."""


def term_fields(term: Term) -> dict[str, int]:
    """A term as the hardware has it."""
    one_hot = {name: int(term.mantissa and term.exponent == index) for index, name in enumerate(("one", "two", "four"))}
    return {"negative": term.sign, **one_hot}


def special_fields(value: int) -> list[dict[str, int]]:
    """A special value as the register file has it.

    Raises
    ------
    BitmillError
        If it is not one or two terms within the grid.
    """
    return [term_fields(term) for term in two_terms(value)]


def default_specials() -> list[list[int]]:
    """BitMoD's special values of FP3 and FP4, in the order of the scheme's elements."""
    return [list(found.specials) for found in FLOATS.values()]


class TermGenerator(wiring.Component):
    """Term ``cycle`` of every lane's weight. Combinational.

    Integers: radix-4 Booth digits of the code, which is sign-extended to ``weight_bits``. FP3 and FP4: two terms a magnitude;
    the code of minus zero is the special value that ``special`` chooses.

    Parameters
    ----------
    config
        The tile.

    Members
    -------
    codes : In(weight_bits) per lane
    kind : In(WeightKind)
    special : In(2)
    specials : In(ArrayLayout(SPECIAL_LAYOUT, 8))
        Four values of FP3, then four of FP4.
    cycle : In(range(term_cycles))
    terms : Out(ArrayLayout(TERM_LAYOUT, lanes))

    Source: BitMoD (HPCA 2025), section IV; terms as in ``formats.term``.
    """

    def __init__(self, *, config: BitSerialConfig) -> None:
        check_class(config, BitSerialConfig, "TermGenerator")
        self.config = config
        super().__init__({
            "codes": In(data.ArrayLayout(config.weight_bits, config.lanes)),
            "kind": In(WeightKind),
            "special": In(range(SPECIALS)),
            "specials": In(data.ArrayLayout(SPECIAL_LAYOUT, 2 * SPECIALS)),
            "cycle": In(range(config.term_cycles)),
            "terms": Out(data.ArrayLayout(TERM_LAYOUT, config.lanes)),
        })  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        m = Module()
        chosen = Signal(SPECIAL_LAYOUT)
        is_fp4 = Signal()
        m.d.comb += [
            is_fp4.eq(self.kind == WeightKind.FP4),
            chosen.eq(Array(self.specials[index] for index in range(2 * SPECIALS))[Cat(self.special, is_fp4)]),
        ]
        special = Signal(TERM_LAYOUT)
        m.d.comb += special.eq(Mux(self.cycle[0], chosen[1].as_value(), chosen[0].as_value()))
        for lane in range(self.config.lanes):
            code = self.codes[lane]
            with m.If(self.kind == WeightKind.INTEGER):
                m.d.comb += self.terms[lane].eq(self._booth(code))
            with m.Else():
                m.d.comb += self.terms[lane].eq(self._floating(m, lane, code, is_fp4, special.as_value()))
        return m

    def _booth(self, code: Value) -> Value:
        """Negative, one, two, four of ``-2 b[2i+1] + b[2i] + b[2i-1]``."""
        bits = Cat(Const(0, 1), code)
        digits = [bits[2 * cycle : 2 * cycle + 3] for cycle in range(self.config.term_cycles)]
        window = Array(digits)[self.cycle]
        low, middle, high = window[0], window[1], window[2]
        one = low ^ middle
        return Cat(high, one, ~one & (middle ^ high), Const(0, 1))

    def _floating(self, m: Module, lane: int, code: Value, is_fp4: Value, special: Value) -> Value:
        sign = Mux(is_fp4, code[3], code[2])
        magnitude = Signal(3, name=f"magnitude{lane}")
        m.d.comb += magnitude.eq(Cat(code[:2], code[2] & is_fp4))
        term = Signal(TERM_LAYOUT, name=f"floating{lane}")
        # FP3's magnitudes 0, 1, 2, 4 are not the first four of FP4's.
        with m.Switch(Cat(self.cycle[0], is_fp4, magnitude)):
            for kind, floating in FLOATS.items():
                fmt = formats.get(floating.base)
                for index in range(1 << (fmt.bits - 1)):
                    for cycle, found in enumerate(two_terms(fmt.decode(index).significand)):
                        with m.Case(cycle | (kind == WeightKind.FP4) << 1 | index << 2):
                            m.d.comb += term.eq(data.Const(TERM_LAYOUT, _packed(found)))
        flipped = Cat(term.negative ^ sign, term.as_value()[1:])
        return Mux(sign & (magnitude == 0), special, flipped)


def _packed(term: Term) -> int:
    fields = term_fields(term)
    return sum(value << index for index, value in enumerate(fields.values()))
