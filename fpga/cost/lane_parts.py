"""What a lane is made of, counted from the formats of its operands and how it is built: decoders, multiplier, aligner."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from amaranth.hdl import Shape

from ...config import MacConfig
from ...formats import Codebook, Format, Int, Minifloat, TopExponent
from ...hdl.mac import formulations
from ...hdl.mac.layouts import (
    decoded_layout,
    flags_layout,
    product_exponent_offset,
    product_layout,
    product_width,
)
from ...hdl.products.digit_product import digit_rows_size
from ...hdl.products.table_product import TABLE_BITS
from ...hdl.sums.aligner import aligned_bits
from ...hdl.sums.binned_aligner import bin_size, bins
from ...system.errors import BitmillError
from .few_values import bits_together, choices, known_codes, selects, varying_bits

ALL_BITS = 1 << 30
"""More bits than any circuit has: nothing is left out."""

_PLACE_SELECTS = 3
"""Group bits that the two control wires of a place take in one small function; every bit more is another level."""


@dataclass(frozen=True, kw_only=True)
class CountedMultiplier:
    """How a multiplier is counted: a plain ``*`` or rows, and whether they are added up in the lane."""

    plain: bool
    adds_up: bool


MULTIPLIERS: Mapping[str, CountedMultiplier] = {
    "logic": CountedMultiplier(plain=False, adds_up=True),
    "operator": CountedMultiplier(plain=True, adds_up=True),
    "columns": CountedMultiplier(plain=False, adds_up=False),
}
"""Multipliers that the models were measured for."""


def lane_parts(config: MacConfig, *, shift: bool) -> Counter[str]:
    """Bits of every kind of circuit in one lane.

    Parameters
    ----------
    config
        The unit.
    shift
        Whether lanes shift their products into fixed point.
    """
    product = config.product
    found: Counter[str] = Counter()
    for fmt in (product.a, product.b):
        found.update(_decoder(fmt))
    found.update(_multiplier(config))
    found.update(_aligner(config, shift=shift))
    if product.a.exponent_span and product.b.exponent_span:
        found["exponent sum"] = product_layout(product)["exponent"].width
    flags = flags_layout(config)
    found["flags"] = flags.size
    if flags["pos_inf"].width:
        found["infinity times zero"] = (
            product.a.significand_bits * product.b.has_inf + product.b.significand_bits * product.a.has_inf
        )
    return found


def bits_read(config: MacConfig) -> int:
    """Low bits of a term that a wrapping accumulator reads; what adders add up is kept in any case, so only of one lane."""
    if not config.accumulator.wraps or config.lanes > 1 or config.saturated:
        return ALL_BITS
    return config.accumulator_bits + config.unit_exponent - config.product.min_exponent


@lru_cache(maxsize=512)
def _decoder(fmt: Format) -> Counter[str]:
    found = _DECODERS.get(fmt.kind)
    if found is None:
        raise BitmillError(f"format must be an integer, a minifloat or a codebook to be estimated, not {fmt.name!r}")
    return found(fmt)


def _minifloat_decoder(fmt: Minifloat) -> Counter[str]:
    found = Counter({"decode exponent": fmt.exponent_bits, "flush": 0 if fmt.subnormals else fmt.mantissa_bits})
    if fmt.top is TopExponent.IEEE:
        found["decode NaN and infinity"] = fmt.bits
    elif fmt.top is not TopExponent.FINITE:
        found["decode NaN"] = fmt.bits
    return found


def _integer_decoder(fmt: Int) -> Counter[str]:
    return Counter({"decode NaN": fmt.bits if fmt.symmetric else 0})


def _codebook_decoder(fmt: Codebook) -> Counter[str]:
    found: Counter[str] = Counter()
    codes = known_codes(fmt)
    for bit in range(fmt.significand_bits):
        nodes = choices(tuple(code >> bit & 1 for code in codes))
        if nodes > 1:
            found["table choices"] += nodes - 1
            found["table bits"] += 1
    found["decode NaN"] = fmt.bits if fmt.has_nan else 0
    return found


_DECODERS: Mapping[str, Callable[[Any], Counter[str]]] = {
    "minifloat": _minifloat_decoder, "int": _integer_decoder, "codebook": _codebook_decoder,
}  # fmt: skip


def significand_shape(fmt: Format) -> Shape:
    """Width and signedness of a decoded significand."""
    return Shape.cast(decoded_layout(fmt)["significand"].shape)


def _of_few(fmt: Format, other: Format) -> str:
    """How names begin where the operand ``fmt`` chooses multiples of ``other``: a codebook has few of them."""
    if isinstance(fmt, Codebook):
        return "both few " if isinstance(other, Codebook) else "few "
    return "of few " if isinstance(other, Codebook) else ""


def _multiplier(config: MacConfig) -> Counter[str]:
    product, style = config.product, MULTIPLIERS[config.multiplier]
    read = bits_read(config) if _is_cut(config) else ALL_BITS
    inputs = _input_bits(product.a) + _input_bits(product.b)
    few = isinstance(product.a, Codebook) or isinstance(product.b, Codebook)
    if style.adds_up:
        # So few inputs are a truth table, however the product is written down.
        if inputs <= 4:
            return Counter({"product of four": min(product_width(product), read)})
        if inputs == 5 and (few or style.plain):
            return Counter({"product of five": min(product_width(product), read)})
    if style.plain:
        return _operator(config, read)
    if product.significand_signed:
        return _digit_rows(config, read)
    return _multiples(config, read)


def _input_bits(fmt: Format) -> int:
    """Bits that a significand is a function of."""
    return fmt.bits - int(fmt.sign_bit) if isinstance(fmt, Codebook) else fmt.significand_bits


def _is_cut(config: MacConfig) -> bool:
    """Whether a product has no more bits than are read of it: no adder stands in it that keeps its bits.

    Products are only shifted up, so that what is not read of a sum is not read of them.
    """
    product = config.product
    if MULTIPLIERS[config.multiplier].plain:
        return True
    if product.significand_signed:
        return digit_rows_size(significand_shape(product.a), significand_shape(product.b))[0] == 1
    return product.b.significand_bits <= 2


def _sorted(config: MacConfig) -> tuple[Format, Format]:
    """The wider operand, which is multiplied, and the other one, whose digits are rows."""
    a, b = config.product.a, config.product.b
    return (a, b) if a.significand_bits >= b.significand_bits else (b, a)


def _operator(config: MacConfig, read: int) -> Counter[str]:
    wide, narrow = _sorted(config)
    kind = f"operator {_of_few(narrow, wide)}"
    width = min(wide.significand_bits + narrow.significand_bits, read)
    rows = varying_bits(narrow)
    found: Counter[str] = Counter()
    columns = varying_bits(wide)
    found[f"{kind}and"] = sum(max(0, min(columns, read - row)) for row in range(rows))
    # Rows of which no two are ever there together are joined by OR gates.
    together = bits_together(narrow)
    found[f"{kind}sum"] = sum(max(0, min(columns, read - row)) for row in range(1, together))
    found[f"{kind}spare sum"] = sum(max(0, min(columns, read - row)) for row in range(max(1, together), rows))
    found[f"{kind}width"] = width
    if config.product.significand_signed:
        found["operator signs"] = width
        found["operator sign rows"] = sum(max(0, width - row - wide.significand_bits) for row in range(rows))
    return found


def _digit_rows(config: MacConfig, read: int) -> Counter[str]:
    """Signed radix-4 digits of the narrower operand; of a codebook, those that any of its codes needs."""
    wide, narrow = _sorted(config)
    kind = f"digit {_of_few(narrow, wide)}"
    rows, bits = digit_rows_size(significand_shape(wide), significand_shape(narrow))
    found: Counter[str] = Counter()
    if narrow.significand_bits == 1:
        found["multiple by a bit"] = min(wide.significand_bits, read)
        return found
    for row in range(rows):
        width = max(0, min(bits, read - 2 * row))
        if isinstance(narrow, Codebook):
            chosen = selects(narrow, rows)[row]
            found[f"{kind}row of {chosen}"] += width * bool(chosen)
        elif row == rows - 1:
            found[f"{kind}{_top(narrow)}"] += width
        else:
            found[f"{kind}row"] += width
        # The lowest digit is two bits of the operand as they are.
        found["digits"] += bool(row and width)
    if MULTIPLIERS[config.multiplier].adds_up:
        for width in digit_adders(rows, bits)[0]:
            found[f"{kind}add"] += width
            found["adders"] += 1
    return found


def _top(narrow: Format) -> str:
    """What the top row is called: a whole digit or half a one, and what an unsigned operand's last carry makes."""
    odd = narrow.significand_bits % 2
    if narrow.significand_bits == 2:
        return "small row"
    if narrow.significand_signed:
        return "half" if odd else "top"
    return "unsigned top" if odd else "carry"


def digit_adders(rows: int, bits: int) -> tuple[list[int], int]:
    """Widths of the adders that join rows of so many bits, and the width of their sum."""
    widths = []
    nodes = [(2 * row, bits) for row in range(rows)]
    while len(nodes) > 1:
        joined = []
        for (low, low_bits), (high, high_bits) in zip(nodes[0::2], nodes[1::2], strict=False):
            widths.append(max(low_bits - high + low, high_bits) + 1)
            joined.append((low, high - low + widths[-1]))
        nodes = joined + nodes[len(nodes) & ~1 :]
    return widths, nodes[0][1]


def _multiples(config: MacConfig, read: int) -> Counter[str]:
    """Multiples of the weight's significand, each selected by two bits of the activation's."""
    product = config.product
    wide, other = product.a.significand_bits, product.b.significand_bits
    found: Counter[str] = Counter()
    if 1 in (wide, other):
        found["multiple by a bit"] = min(wide * other, read)
        return found
    kind = f"multiple {_of_few(product.b, product.a)}"
    pairs = -(-other // 2)
    for pair in range(pairs):
        whole = 2 * pair + 1 < other
        width = max(0, min(wide + 1 + whole, read - 2 * pair))
        # Multiples of two bits are functions of four.
        select = "small select" if wide <= 2 else f"{kind}select"
        found[select if whole else "multiple by a bit"] += width
        if pair:
            found[f"{kind}add"] += wide + other - 2 * pair
            found["adders"] += 1
    if wide > 2:
        found["triple" if wide <= TABLE_BITS else "triple add"] = wide + 2
    return found


def _aligner(config: MacConfig, *, shift: bool) -> Counter[str]:
    """Sign and position of a product."""
    found: Counter[str] = Counter()
    if formulations.aligner(config, shift=shift) is None:
        return found
    product, read = config.product, bits_read(config)
    if product.sign_bit:
        found["sign"] = min(product_width(product), read)
    if not shift or not product.exponent_span:
        return found
    found.update(ALIGNERS[config.aligner](config, read))
    return found


def _placed(config: MacConfig, _read: int) -> Counter[str]:
    product = config.product
    places = product.exponent_span + 1
    return Counter({
        "place decode": places,
        "place and": places * product_width(product),
        "place sign": aligned_bits(product),
    })  # fmt: skip


def _binned(config: MacConfig, _read: int) -> Counter[str]:
    product = config.product
    found: Counter[str] = Counter()
    low_bits = min(bin_size(product).bit_length() - 1, product_layout(product)["exponent"].width)
    bits = product_width(product)
    for index in range(low_bits):
        bits += 1 << index
        found["shift"] += bits
    found["bins"] = len(bins(product)) * (bits + 1)
    return found


def _shifter(config: MacConfig, read: int, *, grouped: bool = True) -> Counter[str]:
    """Steps of 1, 2, 4 ... places; in groups, the steps end while the number is short, and whole groups are placed at once."""
    product = config.product
    found: Counter[str] = Counter()
    exponent, offset = product_layout(product)["exponent"].width, product_exponent_offset(product)
    width = min(aligned_bits(product), read) + offset
    bits, index = product_width(product), 0
    while index < exponent and (bits > 2 << index or not grouped):
        bits += 1 << index
        found["shift"] += min(bits, width)
        index += 1
    if index < exponent:
        places = -(-width >> index)
        narrow = "narrow " * (index <= 1)
        found["group bits"] = width
        found[f"{narrow}group places"] = places
        # Two's complement is filled differently above and below.
        found["signed group places"] = places * product.significand_signed
        found["signed group selects"] = found["signed group places"] * max(0, exponent - index - _PLACE_SELECTS)
        found[f"{narrow}group selects"] = places * max(0, exponent - index - _PLACE_SELECTS)
    return found


ALIGNERS: Mapping[str, Callable[[MacConfig, int], Counter[str]]] = {
    "grouped": _shifter,
    "barrel": partial(_shifter, grouped=False),
    "placed": _placed,
    "binned": _binned,
}
"""Aligners that the models were measured for."""
