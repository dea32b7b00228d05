"""Two products that share an operand, by one multiplication that fits a DSP block."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...formats import Product
from ...formats.packing import packing, packs
from ..mac.layouts import decoded_layout, product_layout


class PackedMultiplier(wiring.Component):
    """``weight * activation[0]`` and ``weight * activation[1]`` from ``weight * (activation[1] * 2**k + activation[0])``.

    The lower k bits are the lower product, two's complement. What it borrows from the upper one is its own sign, which the upper
    product has as its carry: adders behind it take that in. Where ``packing`` raises the lower operand to be positive, the
    weight times what was added to it is subtracted from the lower product. Combinational and exact.

    Parameters
    ----------
    product
        Facts about the operands' formats; ``formats.packing.packs`` says which fit.

    Members
    -------
    weight : In(decoded_layout)
    activation : In(data.ArrayLayout(decoded_layout, 2))
    product : Out(data.ArrayLayout(product_layout, 2))

    Source: Fu, Wu and Sirasao, "Deep Learning with INT8 Optimization on Xilinx Devices", Xilinx WP486, 2017, for the packing and
    the correction of the upper product by the lower one's sign.
    """

    def __init__(self, *, product: Product) -> None:
        if not isinstance(product, Product):
            raise TypeError(f"PackedMultiplier product must be a Product, not {product!r}")
        if not packs(product):
            raise ValueError(f"PackedMultiplier product must be of integers that fit side by side, not {product!r}")
        self.facts = product
        self.packing = packing(product)
        super().__init__({
            "weight": In(decoded_layout(product.a)),
            "activation": In(data.ArrayLayout(decoded_layout(product.b), 2)),
            "product": Out(data.ArrayLayout(product_layout(product), 2)),
        })  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        m = Module()
        shared, low, high = (part.significand for part in (self.weight, self.activation[0], self.activation[1]))
        distance = self.packing.distance
        side_by_side = self._side_by_side(low, high)
        both = side_by_side * shared
        total = Signal(both.shape(), name="both_products")
        m.d.comb += total.eq(both)
        lower: Value = total[:distance].as_signed()
        if self.packing.biased:
            lower = lower - (shared << len(low) - 1)
        m.d.comb += [
            self.product[0].significand.eq(lower),
            self.product[1].significand.eq(total[distance:].as_signed()),
            self.product[1].carry.eq(total[distance - 1]),
        ]
        return m

    def _side_by_side(self, low: Value, high: Value) -> Value:
        """Both operands as one number."""
        distance, signed = self.packing.distance, low.shape().signed
        if self.packing.biased:
            return Cat(low[:-1], ~low[-1], Const(0, distance - len(low)), high).as_signed()
        if not signed:
            return Cat(low, Const(0, distance - len(low)), high)
        # A negative lower operand borrows from the upper one.
        return Cat(low, low[-1].replicate(distance - len(low)), high - low[-1]).as_signed()
