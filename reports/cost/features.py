"""What a unit is made of, counted from its configuration alone: the terms of the cost models."""

from __future__ import annotations

from collections import Counter

from ...accumulators import FixedAccumulator, FloatAccumulator, WindowAccumulator
from ...config import AcceleratorConfig
from ...formats import Codebook, Format, Minifloat, Product, TopExponent

_GUARD_ROUND_STICKY = 3
_LEVELS_PER_STAGE = 2
"""Adders in a row between two registers of a reduction, to which a register bit more or less is no matter here."""


def features(config: AcceleratorConfig) -> dict[str, float]:
    """Bits of every kind of circuit in a MAC or dot product, by name; a kind that is not there is left out.

    Closed form in the widths of operands, significands and exponents, the accumulator's width, ``lanes``, ``k_max`` and
    ``pipeline``. With significands of s and t bits, products of P bits that exponents move over a span D, and k lanes: a
    multiplier has s * t bits, an aligner k * (P + D) bits of each of its steps, a tree the widths of its k - 1 adders, a float
    accumulator the width of its window once for every step of its two shifters. What such bits cost on a target is fitted.

    Parameters
    ----------
    config
        A unit of one PE.
    """
    found: Counter[str] = Counter({"unit": 1})
    lane = _lane(config)
    found.update({name: count * config.lanes for name, count in lane.items()})
    if config.lanes > 1:
        found.update(_tree(config))
    found.update(_accumulator(config))
    found["count"] = config.max_steps.bit_length()
    found["result register"] = config.accumulator_bits + 2
    found["control"] = 2 + config.pipeline
    found.update(_without_a_model(config))
    return {name: float(count) for name, count in sorted(found.items()) if count}


def _without_a_model(config: AcceleratorConfig) -> Counter[str]:
    """Formulations that no model knows: what no unit of a fit has, has no price, and is refused rather than guessed."""
    usual = AcceleratorConfig.model_fields
    names = ("multiplier", "aligner")
    return Counter(
        {f"{getattr(config, name)} {name}": 1 for name in names if getattr(config, name) != usual[name].default}
    )


def _aligned(config: AcceleratorConfig) -> bool:
    """Whether lanes shift their products into fixed point."""
    match config.accumulator:
        case WindowAccumulator():
            return config.product.exponent_span == 0
        case FloatAccumulator():
            return config.products_per_rounding > 1
        case _:
            return True


def _lane(config: AcceleratorConfig) -> Counter[str]:
    product = config.product
    found: Counter[str] = Counter()
    found["register"] = product.a.bits + product.b.bits
    for fmt in (product.a, product.b):
        found.update(_decoder(fmt))
    found.update(_digit_rows(product) if product.significand_signed else _multiples(product))
    exponent = product.exponent_span.bit_length()
    if product.a.exponent_span and product.b.exponent_span:
        found["exponent add"] = exponent
    bits = product.significand_product_bits
    flags = _specials(product)
    if config.registers("multiply"):
        found["register"] += bits + 1 + exponent + flags
    if product.sign_bit:
        found["sign"] = bits
    if _aligned(config) and product.exponent_span:
        found.update(_aligner(product))
        if config.registers("align"):
            found["register"] += product.bits + 1 + flags
    found["flags"] = flags
    return found


def _digit_rows(product: Product) -> Counter[str]:
    """Signed radix-4 digits of the narrower operand; of one with a few values, the digits that any of them needs."""
    narrow, wide = sorted((product.a, product.b), key=lambda fmt: fmt.significand_bits)
    width = wide.significand_bits + 1
    if isinstance(narrow, Codebook):
        digits = max(_nonzero_digits(abs(value)) for value in narrow.values if value is not None)
        return Counter({"few values": digits * width, "few values add": (digits - 1) * width})
    whole, half = divmod(narrow.significand_bits, 2)
    rows = Counter({"digit": whole, "digit row": whole * width, "digit add": (whole + half - 1) * (width + 1)})
    # The top digit of an odd width is 0 or -1.
    rows["half a digit"] = half * width
    return rows


def _nonzero_digits(value: int) -> int:
    """Fewest powers of two, added or subtracted, that make a number: its non-adjacent form's nonzero digits."""
    return (value ^ 3 * value).bit_count()


def _multiples(product: Product) -> Counter[str]:
    """Multiples of one significand, selected by two bits of the other."""
    wide, other = product.a.significand_bits, product.b.significand_bits
    pairs = -(-other // 2)
    return Counter({
        "multiple": pairs * (wide + 2),
        "multiple add": sum(wide + other - 2 * pair for pair in range(1, pairs)),
        "triple": (wide + 2) if other > 1 else 0,
    })  # fmt: skip


def _specials(product: Product) -> int:
    return int(product.a.has_nan or product.b.has_nan) + 2 * int(product.a.has_inf or product.b.has_inf)


def _decoder(fmt: Format) -> Counter[str]:
    found: Counter[str] = Counter()
    if isinstance(fmt, Minifloat):
        found["decode"] = fmt.exponent_bits + (0 if fmt.subnormals else fmt.mantissa_bits)
        if fmt.top is not TopExponent.FINITE:
            found["decode special"] = fmt.bits
    elif isinstance(fmt, Codebook):
        found["decode table"] = fmt.bits << fmt.bits
    return found


def _aligner(product: Product) -> Counter[str]:
    """Steps of 1, 2, 4 ... places while the number is short, then the groups of a whole result at once."""
    found: Counter[str] = Counter()
    bits, exponent = product.significand_product_bits, product.exponent_span.bit_length()
    step = index = 0
    while index < exponent and bits > 2 << index:
        step = 1 << index
        bits += step
        found["shift"] += bits
        index += 1
    if index < exponent:
        found["place"] = product.bits
        found["place control"] = -(-product.bits >> index) * (exponent - index)
    return found


def _tree(config: AcceleratorConfig) -> Counter[str]:
    """The sum of a step's terms; for an aligned window, the search for the greatest exponent and the cuts as well."""
    product, lanes = config.product, config.lanes
    found: Counter[str] = Counter()
    width = product.bits
    if not _aligned(config):
        assert isinstance(config.accumulator, WindowAccumulator)
        found.update(_window(config, config.accumulator))
        width = _cut_bits(product, config.accumulator) + 1
    nodes, level = [1] * lanes, 0
    while len(nodes) > 1:
        level += 1
        joined = [left + right for left, right in zip(nodes[0::2], nodes[1::2], strict=False)]
        found["add"] += sum(width + (count - 1).bit_length() for count in joined)
        nodes = joined + nodes[len(nodes) & ~1 :]
        if config.registers("reduce") and (level % _LEVELS_PER_STAGE == 0 or len(nodes) == 1):
            found["register"] += sum(width + (count - 1).bit_length() + 1 for count in nodes) + _specials(product)
    if product.exponent_span:
        # A shifter's many ways into the first adders are merged with them.
        found["add aligned"] = found["add"]
    return found


def _cut_bits(product: Product, window: WindowAccumulator) -> int:
    return min(window.width + _GUARD_ROUND_STICKY, product.significand_product_bits + product.exponent_span)


def _window(config: AcceleratorConfig, window: WindowAccumulator) -> Counter[str]:
    product, lanes = config.product, config.lanes
    exponent, width = product.exponent_span.bit_length(), _cut_bits(product, window)
    found: Counter[str] = Counter()
    found["nonzero"] = lanes * product.significand_product_bits
    found["compare"] = (lanes - 1) * exponent
    found["distance"] = lanes * exponent
    found["window shift"] = lanes * width * min(exponent, width.bit_length())
    if width < product.significand_product_bits + product.exponent_span:
        found["sticky"] = lanes * width
    if config.registers("reduce"):
        levels = (lanes - 1).bit_length()
        waits = -(-levels // 3)
        found["register"] = lanes * (waits * (product.significand_product_bits + 1 + exponent) + width + 2)
    return found


def _accumulator(config: AcceleratorConfig) -> Counter[str]:
    found: Counter[str] = Counter()
    accumulator, bits = config.accumulator, config.accumulator_bits
    found["accumulator register"] = bits
    match accumulator:
        case FloatAccumulator() | WindowAccumulator():
            if isinstance(accumulator, FloatAccumulator) and config.products_per_rounding > config.lanes:
                group = config.product.sum_bits(config.products_per_rounding)
                found["accumulate"] = found["accumulator register"] = group
            found.update(_float(config))
        case FixedAccumulator():
            found["accumulate"] = bits
            if accumulator.overflow == "saturate":
                found["saturate"] = bits
        case _:
            found["accumulate"] = bits
    return found


def _float(config: AcceleratorConfig) -> Counter[str]:
    """Alignment of the accumulator with the term, one sum, its magnitude, normalisation, rounding."""
    product, fmt = config.product, config.accumulator_format
    assert fmt is not None, "a float accumulator has a format"
    significand = fmt.mantissa_bits + 1
    if isinstance(config.accumulator, WindowAccumulator) and not _aligned(config):
        width = _cut_bits(product, config.accumulator) if config.lanes > 1 else product.significand_product_bits
        term = width + (config.lanes - 1).bit_length() + 1
    elif _aligned(config):
        term = product.sum_bits(config.products_per_rounding)
    else:
        term = product.significand_product_bits + 1
    moves = 0 if _aligned(config) else product.exponent_span
    least = product.min_exponent
    low = min(max(0, least + moves - max(fmt.min_exponent, least)), significand + 2)
    # The accumulator moves up as far as its format goes, and no farther than wholly above the term.
    up = min(term + 2, max(0, fmt.max_exponent - least))
    window = low + max(term + 1, up + significand) + 1
    steps = (window - 1).bit_length()
    exponent = fmt.exponent_bits + 3
    found: Counter[str] = Counter()
    found["float shift"] = (window + significand) * steps
    found["float add"] = window
    found["float normalise"] = window * steps
    found["float exponent"] = exponent * steps
    found["float round"] = significand
    found["float specials"] = config.accumulator_bits if _specials(product) else 0
    found["float unit"] = 1
    if least < fmt.min_exponent + fmt.mantissa_bits:
        found["float subnormal"] = steps * exponent
    return found
