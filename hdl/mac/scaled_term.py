"""Block scales: a step's exact sum becomes a number with an exponent, normalised, so that an accumulator can align it."""

from __future__ import annotations

from amaranth import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...config import MacConfig
from ..products.table_product import table_product
from ..wires.adders import add
from ..wires.delay import delayed
from .decoder import Decoder, decoded_fields
from .layouts import (
    exponent_offset,
    flags_layout,
    scale_factor,
    scaled_exponent_range,
    scaled_magnitude_bits,
    scaled_term_layout,
    scaled_top_field,
    scales_are_powers,
    step_flags_layout,
)


class ScaledTerm(wiring.Component):
    """``term = sum * weight scale * activation scale``, exact: normalised, with the sum of all exponents as its own.

    The scales come with the step's codes and wait for their sum as one number; where they are more than powers of two, the sum
    is multiplied by its significand. A sum of 0 has the least exponent there is, so that it never stands above an accumulator,
    whatever its scales.

    Parameters
    ----------
    config
        A configuration with scales.
    sum_layout
        Of the step's sum, fixed point.
    waits
        Enabled cycles from a step's codes to its sum.

    Members
    -------
    enable : In(1)
    weight_scale, activation_scale : In(codes)
        Taken with the step's codes.
    sum : In(sum_layout)
    sum_flags : In(flags_layout)
        ``waits`` enabled cycles later.
    term : Out(scaled_term_layout)
    flags : Out(step_flags_layout)
        ``latency(config)`` enabled cycles after that; ``nan`` if a scale is no number, or 0 where the sum is infinite.

    Source: OCP Microscaling Formats (MX) specification v1.0, section 6.2, the dot product of two blocks.
    """

    def __init__(self, *, config: MacConfig, sum_layout: data.StructLayout, waits: int) -> None:
        scale = config.scale_format
        if scale is None:
            raise TypeError(f"ScaledTerm config must have a scale, not {config.scale!r}")
        if waits < 0:
            raise ValueError(f"ScaledTerm waits must be at least 0, not {waits!r}")
        self.config = config
        self.waits = waits
        super().__init__({
            "enable": In(1),
            "weight_scale": In(scale.bits),
            "activation_scale": In(scale.bits),
            "sum": In(sum_layout),
            "sum_flags": In(flags_layout(config)),
            "term": Out(scaled_term_layout(config)),
            "flags": Out(step_flags_layout(config)),
        })  # fmt: skip

    @staticmethod
    def latency(config: MacConfig) -> int:
        """Enabled cycles from sum to term: where there are registers after scaling, one behind it and one behind its product."""
        scales = config.scale_product
        products = int(scales is not None and not scales_are_powers(scales))
        return int(config.registers("scale")) * (1 + products)

    @property
    def _registered(self) -> bool:
        return self.config.registers("scale")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        scale_product = self.config.scale_product
        assert scale_product is not None
        scales = self._waiting_scales(m)
        sign, magnitude = self._magnitude(m)
        flags: dict[str, Value] = {
            "nan": self.sum_flags.nan | scales.nan,
            "pos_inf": self.sum_flags.pos_inf,
            "neg_inf": self.sum_flags.neg_inf,
        }
        exponent: Value = scales.exponent
        if not scales_are_powers(scale_product):
            sign, magnitude, exponent, flags = self._multiplied(m, scales, sign, magnitude, flags)
        term = Signal(self.term.shape(), reset_less=self._registered)
        met = Signal(self.flags.shape(), name="flags", reset_less=self._registered)
        moved = [
            *self._normalised(m, term, sign, magnitude, exponent),
            *(met[name].eq(value) for name, value in flags.items()),
        ]
        self._move(m, moved)
        m.d.comb += [self.term.eq(term), self.flags.eq(met)]
        return m

    def _move(self, m: Module, moved: list) -> None:
        if self._registered:
            with m.If(self.enable):
                m.d.sync += moved
        else:
            m.d.comb += moved

    def _waiting_scales(self, m: Module) -> data.View:
        """The exponent field of the sum's top bit, what the sum is multiplied by, and whether a scale is no number."""
        config = self.config
        fmt, product = config.scale_format, config.scale_product
        assert fmt is not None
        assert product is not None
        bits = 0 if scales_are_powers(product) else scale_factor(product).bit_length()
        more = {"significand": bits} | ({"sign": 1} if fmt.sign_bit else {}) if bits else {}
        layout = data.StructLayout({"exponent": self.term.exponent.shape(), "nan": 1, **more})
        scales = Signal(layout, name="scales")
        both = [self._decoded(m, code) for code in (self.weight_scale, self.activation_scale)]
        exponents = [fields["exponent"] for fields in both if "exponent" in fields]
        top = scaled_top_field(config) - len(exponents) * exponent_offset(fmt)
        m.d.comb += [
            scales.exponent.eq(sum(exponents[1:], exponents[0]) + top if exponents else top),
            scales.nan.eq(Cat(value for fields in both for name, value in fields.items() if name in _SPECIALS).any()),
        ]
        if bits:
            weight, activation = (_unsigned(fields["significand"]) for fields in both)
            m.d.comb += scales.significand.eq(self._product(m, weight, activation))
        if "sign" in more:
            m.d.comb += scales.sign.eq(Cat(fields["sign"] for fields in both).xor())
        return delayed(m, self.enable, scales, self.waits, "scales_{}")

    def _decoded(self, m: Module, code: Value) -> dict[str, Value]:
        """The fields of a scale that there are."""
        fmt = self.config.scale_format
        assert fmt is not None
        fields = decoded_fields(m, fmt, code)
        if fields is not None:
            return fields
        decoder = Decoder(fmt=fmt)
        m.submodules += decoder
        m.d.comb += decoder.code.eq(code)
        return {name: value for name, value in _views(decoder.decoded).items() if len(value)}

    def _product(self, m: Module, a: Value, b: Value) -> Value:
        """``a * b``, built as the multipliers of lanes are."""
        return a * b if self.config.multiplier == "operator" else table_product(m, a, b)

    def _magnitude(self, m: Module) -> tuple[Value, Value]:
        """Sign and magnitude of the sum."""
        bits = max(abs(bound) for bound in self.config.product.sum_range(self.config.lanes)).bit_length()
        total, carry = self.sum.significand, self.sum.carry
        # -(total + carry) is ~total + ~carry, and the sign of total serves for both, because -1 + 1 is 0 either way.
        sign = total[-1]
        low = carry ^ sign if len(carry) else sign
        flipped = (total ^ sign.replicate(len(total)))[:bits]
        return sign, add(m, flipped.as_unsigned(), 0, signed(bits + 1), carry=low, name="magnitude")[:bits]

    def _multiplied(
        self, m: Module, scales: data.View, sign: Value, magnitude: Value, flags: dict[str, Value]
    ) -> tuple[Value, Value, Value, dict[str, Value]]:
        """Sign, magnitude, exponent and flags of the sum times the scales' significands, registered or not."""
        bits = scaled_magnitude_bits(self.config)
        layout = data.StructLayout({
            "sign": 1, "magnitude": bits, "exponent": scales.exponent.shape(), "flags": self.flags.shape()
        })  # fmt: skip
        product = Signal(layout, name="product", reset_less=self._registered)
        fmt = self.config.scale_format
        negative = scales.sign if fmt is not None and fmt.sign_bit else Value.cast(0)
        infinite = {"pos_inf": flags["pos_inf"], "neg_inf": flags["neg_inf"]}
        moved = [
            product.sign.eq(sign ^ negative),
            product.magnitude.eq(self._product(m, magnitude, scales.significand)),
            product.exponent.eq(scales.exponent),
        ]
        if len(infinite["pos_inf"]):
            nothing = ~scales.significand.any()
            flags = {
                "nan": flags["nan"] | (Cat(infinite.values()).any() & nothing),
                "pos_inf": Mux(negative, infinite["neg_inf"], infinite["pos_inf"]) & ~nothing,
                "neg_inf": Mux(negative, infinite["pos_inf"], infinite["neg_inf"]) & ~nothing,
            }
        moved += [product.flags[name].eq(value) for name, value in flags.items()]
        self._move(m, moved)
        return product.sign, product.magnitude, product.exponent, {name: product.flags[name] for name in flags}

    def _normalised(self, m: Module, term: data.View, sign: Value, magnitude: Value, exponent: Value) -> list:
        """Assignments to ``term``: the magnitude shifted left until its top bit is 1, and the exponent less that."""
        bits = scaled_magnitude_bits(self.config)
        zeros = []
        for power in reversed(range((bits - 1).bit_length())):
            distance = 1 << power
            skip = Signal(name=f"zeros{power}")
            shifted = Signal(bits, name=f"normal{power}")
            m.d.comb += [
                skip.eq(~magnitude[-distance:].any()),
                shifted.eq(Mux(skip, magnitude << distance, magnitude)),
            ]
            zeros.insert(0, skip)
            magnitude = shifted
        nonzero = magnitude[-1]
        return [
            term.sign.eq(sign & nonzero),
            term.significand.eq(magnitude),
            term.exponent.eq(Mux(nonzero, exponent - Cat(zeros), scaled_exponent_range(self.config).start)),
        ]


_SPECIALS = ("nan", "inf")


def _unsigned(significand: Value) -> Value:
    """A significand that is never negative, without the sign that two's complement has."""
    return significand[:-1] if significand.shape().signed else significand


def _views(decoded: data.View) -> dict[str, Value]:
    return {str(name): decoded[name] for name, _ in decoded.shape()}
