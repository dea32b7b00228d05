"""Wire layouts between the stages of a multiply-accumulate unit, all derived from catalog rows and the configuration."""

from __future__ import annotations

from amaranth import signed, unsigned
from amaranth.hdl import Shape
from amaranth.lib import data

from ...config import MacConfig
from ...formats import Format, Minifloat, Product, signed_bits


def exponent_offset(fmt: Format) -> int:
    """What the decoded exponent field holds for the format's least exponent.

    A minifloat's field is ``max(E, 1)``, one more than the shift it stands for: leaving the 1 in costs nothing, because the
    aligner drops constant low bits, while taking it out costs a LUT per exponent bit and operand.
    """
    return int(isinstance(fmt, Minifloat) and fmt.exponent_span > 0)


def exponent_width(fmt: Format) -> int:
    """Width of the decoded exponent field."""
    return (fmt.exponent_span + exponent_offset(fmt)).bit_length()


def decoded_layout(fmt: Format) -> data.StructLayout:
    """One operand after its decoder: ``(-1)**sign * significand * 2**(exponent - exponent_offset + min_exponent)``.

    Fields that the format does not need have width 0. Where ``nan`` or ``inf`` is set the other fields are unspecified.
    """
    return data.StructLayout({
        "sign": int(fmt.sign_bit),
        "significand": Shape(fmt.significand_bits, fmt.significand_signed),
        "exponent": unsigned(exponent_width(fmt)),
        "nan": int(fmt.has_nan),
        "inf": int(fmt.has_inf),
    })  # fmt: skip


def product_width(product: Product) -> int:
    """Width of the significands' product: no bit more than the extreme values need."""
    a, b = product.a, product.b
    if not product.significand_signed:
        return product.significand_product_bits
    corners = [x * y for x in _significand_range(a) for y in _significand_range(b)]
    return signed_bits(min(corners), max(corners))


def _significand_range(fmt: Format) -> tuple[int, int]:
    if fmt.significand_signed:
        return -(1 << (fmt.significand_bits - 1)), (1 << (fmt.significand_bits - 1)) - 1
    return 0, (1 << fmt.significand_bits) - 1


def product_layout(product: Product) -> data.StructLayout:
    """The product before alignment: ``(-1)**sign * (significand + carry) * 2**exponent``.

    The significand is signed for two's complement operands; only those have a carry, which completes a negative partial product.
    """
    top = product.exponent_span + product_exponent_offset(product)
    return data.StructLayout({
        "sign": int(product.sign_bit),
        "significand": Shape(product_width(product), product.significand_signed),
        "carry": int(product_has_carry(product)),
        "exponent": unsigned(top.bit_length() if product.exponent_span else 0),
    })  # fmt: skip


def product_has_carry(product: Product) -> bool:
    """Whether multipliers may leave a carry to the adders behind them."""
    return product.significand_signed


def product_exponent_offset(product: Product) -> int:
    """What the product's exponent field holds for its least exponent."""
    return exponent_offset(product.a) + exponent_offset(product.b)


def flags_layout(config: MacConfig) -> data.StructLayout:
    """Which specials a step met. A fixed-point accumulator only needs to know that there was one; a float one, which."""
    a, b = config.weight_format, config.activation_format
    inf = a.has_inf or b.has_inf
    if config.accumulator.is_float:
        return data.StructLayout({"nan": int(inf or a.has_nan or b.has_nan), "pos_inf": int(inf), "neg_inf": int(inf)})
    return data.StructLayout({"nan": int(inf or a.has_nan or b.has_nan), "pos_inf": 0, "neg_inf": 0})


def step_flags_layout(config: MacConfig) -> data.StructLayout:
    """Which specials a step met, scales that are no numbers among them."""
    flags, scale = flags_layout(config), config.scale_format
    if scale is None:
        return flags
    nan = int(flags["nan"].width or scale.has_nan or scale.has_inf)
    return data.StructLayout({"nan": nan, "pos_inf": flags["pos_inf"].width, "neg_inf": flags["neg_inf"].width})


def scaled_top_field(config: MacConfig) -> int:
    """The exponent field, in the accumulator's format, of the top bit of a step's greatest sum under the least scales."""
    scales, fmt = config.scale_product, config.accumulator_format
    if scales is None or fmt is None:
        raise ValueError(f"scaled_top_field config must have scales and a float accumulator, not {config!r}")
    least = scales.min_exponent + config.product.min_exponent + fmt.exponent_bias
    return least + scaled_magnitude_bits(config) - 1


def scaled_exponent_range(config: MacConfig) -> range:
    """What exponent field of the accumulator's format the leading bit of a step's scaled sum may stand for.

    The first is also the field of a sum of 0, and below every number's, which are at least 1.
    """
    scales, fmt = config.scale_product, config.accumulator_format
    if scales is None or fmt is None:
        raise ValueError(f"scaled_exponent_range config must have scales and a float accumulator, not {config!r}")
    top = scaled_top_field(config)
    return range(min(top - scaled_magnitude_bits(config) + 1, -1), top + scales.exponent_span + 1)


def scaled_magnitude_bits(config: MacConfig) -> int:
    """Width of the greatest magnitude of a step's sum times the significands of its scales."""
    scales = config.scale_product
    factor = 1 if scales is None else scale_factor(scales)
    return (max(abs(bound) for bound in config.product.sum_range(config.lanes)) * factor).bit_length()


def scale_factor(scales: Product) -> int:
    """The greatest magnitude of the product of two scales' significands."""
    fmt = scales.a
    return (fmt.fixed_max if fmt.significand_signed else (1 << fmt.significand_bits) - 1) ** 2


def scales_are_powers(scales: Product) -> bool:
    """Whether scales are powers of two: no zero, no sign, significands of 1."""
    return scales.a.significand_bits == 1 and scales.a.fixed_min > 0


def scaled_term_layout(config: MacConfig) -> data.StructLayout:
    """A step's scaled sum: a sign, a magnitude whose top bit is 1 unless it is 0, and the exponent field of that bit."""
    return data.StructLayout({
        "sign": 1,
        "significand": scaled_magnitude_bits(config),
        "exponent": Shape.cast(scaled_exponent_range(config)),
    })  # fmt: skip


def term_layout(bits: int, *, carry: bool, exponent_bits: int = 0) -> data.StructLayout:
    """What an accumulator adds: ``(significand + carry) * 2**exponent``.

    The carry completes the negation of sign-magnitude products, whose significand is a one's complement: the adders that
    follow have a carry input to spare, a negation would need adders of its own.
    """
    return data.StructLayout({
        "significand": signed(bits),
        "carry": int(carry),
        "exponent": unsigned(exponent_bits),
    })  # fmt: skip


def operands_layout(config: MacConfig) -> data.StructLayout:
    """Payload of a unit's input stream: the codes of one step and ``last``, which ends the dot products.

    Lane 0 is lowest; an array's weights are row 0's lanes, then row 1's, and so on, its activations likewise by columns. The
    codes of the scales are there where steps have them, in an array one a row and one a column.
    """
    scale = config.scale_format
    counts = {"weight_scale": config.rows, "activation_scale": config.cols} if scale is not None else {}
    bits = 0 if scale is None else scale.bits
    scales = {
        name: data.ArrayLayout(unsigned(bits), count) if config.by_rows else bits for name, count in counts.items()
    }
    return data.StructLayout({
        "weight": data.ArrayLayout(unsigned(config.weight_format.bits), config.rows * config.lanes),
        "activation": data.ArrayLayout(unsigned(config.activation_format.bits), config.cols * config.lanes),
        **scales,
        "last": 1,
    })  # fmt: skip


def carried_bits(config: MacConfig) -> tuple[int, int]:
    """What a row's weights and a column's activations of a step take: the codes of the lanes and, above them, of the scale."""
    scale = 0 if config.scale_format is None else config.scale_format.bits
    weight, activation = (config.lanes * fmt.bits for fmt in (config.weight_format, config.activation_format))
    return weight + scale, activation + scale


def value_shape(config: MacConfig) -> Shape:
    """Shape of one result: signed fixed point in units of ``2**config.unit_exponent``, or a float's code."""
    return Shape(config.accumulator_bits, not config.accumulator.is_float)


def result_layout(config: MacConfig) -> data.StructLayout:
    """Payload of a unit's output stream.

    ``value``: see ``value_shape``; fixed point is 0 where ``invalid`` is set. ``invalid``: an operand was NaN or Inf.
    ``too_long``: more than ``max_steps`` steps. ``saturated``, if asked for: a sum was clamped, wrapped or overflowed. An array
    has a value, an ``invalid`` and a ``saturated`` bit per column, column 0 lowest, and ``last``, set with a tile's last row.
    """
    saturated = {"saturated": config.cols} if config.saturated else {}
    if config.by_rows:
        return data.StructLayout({
            "value": data.ArrayLayout(value_shape(config), config.cols),
            "invalid": config.cols,
            "too_long": 1,
            "last": 1,
            **saturated,
        })  # fmt: skip
    return data.StructLayout({
        "value": value_shape(config),
        "invalid": 1,
        "too_long": 1,
        **saturated,
    })  # fmt: skip
