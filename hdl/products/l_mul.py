"""L-Mul in place of a multiplier: one adder of mantissas, or of exponents and mantissas together."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Value, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...formats.l_mul import LMulAddProduct, LMulProduct
from ..mac.layouts import decoded_layout, product_layout
from ..wires.adders import add


class LMul(wiring.Component):
    """``(1 + x + y + 2**-l) * 2**(xe + ye)`` of two decoded minifloats without subnormals. Combinational.

    The significand is the mantissas' sum with 1 and the offset, 0 if an operand is zero; exponents are added, signs XORed.

    Parameters
    ----------
    product
        Facts about the operands' format and the offset.

    Members
    -------
    weight, activation : In(decoded_layout)
    product : Out(product_layout)

    Source: arXiv 2410.00907, equation 1.
    """

    def __init__(self, *, product: LMulProduct) -> None:
        if not isinstance(product, LMulProduct):
            raise TypeError(f"{type(self).__name__} product must be an LMulProduct, not {product!r}")
        self.facts = product
        super().__init__({
            "weight": In(decoded_layout(product.a)),
            "activation": In(decoded_layout(product.b)),
            "product": Out(product_layout(product)),
        })  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        m = Module()
        significand, exponent = self._sum(m)
        nonzero = self.weight.significand[-1] & self.activation.significand[-1]
        m.d.comb += [
            self.product.sign.eq(self.weight.sign ^ self.activation.sign),
            self.product.significand.eq(significand & nonzero.replicate(len(significand))),
            self.product.exponent.eq(exponent),
        ]
        return m

    def _sum(self, m: Module) -> tuple[Value, Value]:
        """Significand and exponent field of a product without zeros."""
        w, a = self.weight, self.activation
        size = self.facts.mantissa_bits
        total = self._added(m, w.significand[:-1], a.significand[:-1], size + 2)
        # 1 above two bits that are 0 to 2.
        low, high = total[size], total[size + 1]
        return Cat(total[:size], ~low, low | high), w.exponent + a.exponent

    def _added(self, m: Module, a: Value, b: Value, bits: int) -> Value:
        """``a + b`` and the offset, which is a carry input where it is the last place."""
        added, shape = self.facts.added, unsigned(bits)
        if added <= 1:
            return add(m, a, b, shape, carry=added, name="fields")
        # Places below the offset's have no third bit, and those above carry it in: one chain, after a half adder a place.
        place = added.bit_length() - 1
        sums, carries = a ^ b, a & b
        sums = Cat(sums[:place], ~sums[place], sums[place + 1 :])
        carries = Cat(Const(0, 1), carries[:place], a[place] | b[place], carries[place + 1 :])
        return add(m, sums, carries, shape, name="fields")


class LMulAdd(LMul):
    """The same as one addition of the fields exponent|mantissa: what the mantissas carry doubles the product.

    Parameters and members are those of ``LMul``.

    Source: arXiv 2410.00907, section 2.3.
    """

    def __init__(self, *, product: LMulAddProduct) -> None:
        if not isinstance(product, LMulAddProduct):
            raise TypeError(f"LMulAdd product must be an LMulAddProduct, not {product!r}")
        super().__init__(product=product)

    def _sum(self, m: Module) -> tuple[Value, Value]:
        w, a = (Cat(operand.significand[:-1], operand.exponent) for operand in (self.weight, self.activation))
        size = self.facts.mantissa_bits
        total = self._added(m, w, a, len(w) + 2)
        return Cat(total[:size], Const(1, 1)), total[size:]
