"""Products left as rows: one per digit of an operand, for adder trees that sum equal digits of all lanes."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth import Cat, Module, Shape, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...formats import Product
from ..mac.layouts import decoded_layout, term_layout
from ..sums.adder_tree import TermRange
from ..sums.parts_tree import Part, parts_layout
from .digit_product import digit_rows, digit_rows_size
from .low_digits import low_digit_rows


@dataclass(frozen=True)
class _Rows(TermRange):
    """Rows of some width, each with a carry unless it is the least number of that width."""

    def layout(self, lanes: int) -> data.StructLayout:
        """Layout of the sum of ``lanes`` rows, whose carries fit as well: adders have one less than there are rows."""
        return term_layout((self.high + 1).bit_length() + (lanes - 1).bit_length(), carry=True)


def row_parts(product: Product) -> tuple[Part, ...]:
    """The rows of a product of integers as parts of a term, lowest digit first. Biased: adders need not extend their signs."""
    a, b = (Shape.cast(decoded_layout(fmt)["significand"].shape) for fmt in (product.a, product.b))
    rows, bits = digit_rows_size(a, b)
    reach = 1 << (bits - 1)
    return tuple(Part(2 * row, _Rows(-reach, reach - 1, carry=True, biased=True)) for row in range(rows))


class RowMultiplier(wiring.Component):
    """``product = sum of (row + carry) * 4**i`` for operands without exponents. Combinational.

    Nothing is added up in the lane: a column of equal digits has one tree for all lanes, in which no carry input is left idle
    and no sign is extended, and the sums of the columns are put together once.

    Parameters
    ----------
    product
        Facts about the operand formats.

    Members
    -------
    weight, activation : In(decoded_layout)
    product : Out(parts_layout)
    """

    def __init__(self, *, product: Product) -> None:
        if not isinstance(product, Product):
            raise TypeError(f"RowMultiplier product must be a Product, not {product!r}")
        super().__init__({
            "weight": In(decoded_layout(product.a)),
            "activation": In(decoded_layout(product.b)),
            "product": Out(parts_layout(row_parts(product))),
        })  # fmt: skip

    def _rows(self, m: Module, weight: Value, activation: Value) -> list[tuple[Signal, Value]]:
        """The rows, lowest first, and what each lacks to its digit's multiple of an operand."""
        return digit_rows(m, weight, activation)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for index, (row, negative) in enumerate(self._rows(m, self.weight.significand, self.activation.significand)):
            part = self.product[f"part{index}"]
            m.d.comb += [part.significand.eq(Cat(row[:-1], ~row[-1]).as_signed()), part.carry.eq(negative)]
        return m


class LowRowMultiplier(RowMultiplier):
    """The same by digits -2, -1, 0, 1, which LUTs recode with less. Parameters and members are those of ``RowMultiplier``."""

    def _rows(self, m: Module, weight: Value, activation: Value) -> list[tuple[Signal, Value]]:
        return low_digit_rows(m, weight, activation)
