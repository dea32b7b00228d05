"""A float taken apart, its leading bit brought to the top as far as it matters."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import data

from ...formats import Format


@dataclass(frozen=True, kw_only=True)
class Normalizer:
    """Takes codes of a float apart: ``(-1)**sign * significand * 2**(exponent - offset - (significand_bits - 1))``.

    Parameters
    ----------
    fmt
        FP16, BF16 or FP32.
    positions
        How many places subnormal numbers are moved up at least, where they have so many zeros at the top.
    """

    fmt: Format
    positions: int

    @property
    def stages(self) -> int:
        """Moves, of which each is twice as far as the one after it."""
        return self.positions.bit_length()

    @property
    def offset(self) -> int:
        """What an exponent is more than that of the significand's top bit."""
        return (1 << self.stages) - self.fmt.min_exponent - (self.fmt.significand_bits - 1)

    @property
    def greatest(self) -> int:
        """The greatest exponent; the least is 1."""
        return self.fmt.exponent_span + (1 << self.stages)

    @property
    def layout(self) -> data.StructLayout:
        """What a code is taken apart into."""
        return data.StructLayout({
            "sign": 1,
            "exponent": self.greatest.bit_length(),
            "significand": self.fmt.significand_bits,
        })  # fmt: skip

    def apart(self, m: Module, code: Value, name: str) -> data.View:
        """The parts of a code; of zero, significand 0 and exponent 1."""
        stored = self.fmt.significand_bits - 1
        field = code[stored:-1]
        normal = Signal(name=f"{name}_normal")
        m.d.comb += normal.eq(field.any())
        significand: Value = Cat(code[:stored], normal)
        moved: list[Value] = []
        for place in reversed(range(self.stages)):
            distance = min(1 << place, len(significand))
            empty = Signal(name=f"{name}_empty{place}")
            after = Signal(len(significand), name=f"{name}_moved{place}")
            m.d.comb += [
                empty.eq(~significand[len(significand) - distance :].any()),
                after.eq(Mux(empty, significand << distance, significand)),
            ]
            moved.insert(0, empty)
            significand = after
        parts = Signal(self.layout, name=f"{name}_parts")
        m.d.comb += [
            parts.sign.eq(code[-1]),
            parts.significand.eq(significand),
            parts.exponent.eq(Cat(field[0] | ~normal, field[1:]) + ~Cat(moved)),
        ]
        return parts


def special(fmt: Format, code: Value) -> Value:
    """Whether a code is NaN or infinite: its exponent field is all ones."""
    return code[fmt.significand_bits - 1 : fmt.bits - 1].all()
