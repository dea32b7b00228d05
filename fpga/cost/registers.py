# amaranth: UnusedElaboratable=no
# Accumulators and reductions are built only to be asked for their widths.
"""Flip-flops of a unit, counted from what its components register, part by part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from ...config import MacConfig
from ...formats import Codebook, Format, Int, signed_bits
from ...hdl.accumulators import table as accumulators
from ...hdl.accumulators.accumulator import Accumulator
from ...hdl.mac import formulations
from ...hdl.mac.lane import Lane
from ...hdl.mac.layouts import (
    flags_layout,
    operands_layout,
    product_layout,
    product_width,
    result_layout,
    scaled_term_layout,
    step_flags_layout,
)
from ...hdl.mac.scaled_term import ScaledTerm
from ...hdl.products.digit_product import digit_rows_size
from ...hdl.sums.adder_tree import LEVELS_PER_STAGE, AdderTree, TermRange
from ...hdl.sums.parts_tree import PartsTree
from ...hdl.sums.reduction import Reduction
from ...hdl.sums.window_tree import LEVELS_PER_STAGE as SEARCH_LEVELS
from ...hdl.sums.window_tree import WindowTree
from .few_values import known_codes
from .lane_parts import ALL_BITS, MULTIPLIERS, bits_read, digit_adders, significand_shape
from .sum_parts import tree_widths


def register_parts(config: MacConfig, unit: Accumulator, reduction: Reduction | None) -> Counter[str]:
    """Bits of registers by where they are. What synthesis finds constant or twice is left out as far as widths tell.

    Parameters
    ----------
    config
        The unit.
    unit, reduction
        Its accumulator, and what sums its lanes.
    """
    lanes = config.lanes
    found: Counter[str] = Counter()
    found["operands"] = operands_layout(config).size - _unread_bits(config)
    # A valid bit per stage and, behind the first one, which has it in its operands, a last bit.
    shift = accumulators.for_config(config).aligned(config)
    waits = Lane.latency(config, shift=shift) + (reduction.LATENCY if reduction is not None else 0)
    scaling = ScaledTerm.latency(config) if config.scale_format is not None else 0
    found["control"] = 2 * (1 + waits + scaling) - 1
    flags = flags_layout(config).size
    if config.registers("multiply"):
        found["products"] = lanes * (_product_bits(config) + flags)
    if config.registers("align") and shift and config.product.exponent_span:
        found["aligned"] = lanes * (_aligned_bits(config) + flags)
    if config.registers("reduce") and reduction is not None:
        found["flags"] = reduction.LATENCY * flags
        found.update(_reduction(config, reduction))
    if config.scale_format is not None:
        found.update(_scales(config, waits))
    found.update(_accumulator(config, unit))
    invalid = bool(step_flags_layout(config).size)
    found["result"] = result_layout(config).size + int(invalid)
    found["guard"] = config.max_steps.bit_length()
    if config.saturated and not unit.overflow_possible:
        found["result"] -= 1
    return found


def _unread_bits(config: MacConfig) -> int:
    """High bits of integers that a wrapping accumulator never reads, where no adder stands that keeps them."""
    if not MULTIPLIERS[config.multiplier].plain:
        return 0
    operands = (config.product.a, config.product.b)
    return sum(max(0, fmt.bits - bits_read(config)) for fmt in operands if isinstance(fmt, Int) and not fmt.symmetric)


def _product_bits(config: MacConfig) -> int:
    bits = formulations.multiplier(config).product.shape().size - _spare_bits(config)
    return bits - max(0, product_width(config.product) - bits_read(config))


def _spare_bits(config: MacConfig) -> int:
    """Bits of a product that are constant or copies of its sign: a plain ``*`` has no carry, codes do not reach every value."""
    product = config.product
    width = product_width(product)
    style = MULTIPLIERS[config.multiplier]
    if not style.adds_up:
        return 0
    if style.plain:
        corners = [x * y for x in _values(product.a) for y in _values(product.b)]
        if product.significand_signed:
            return 1 + width - signed_bits(min(corners), max(corners))
        return width - max(1, max(corners).bit_length())
    if not product.significand_signed:
        return 0
    size = digit_rows_size(significand_shape(product.a), significand_shape(product.b))
    return max(0, width - digit_adders(*size)[1])


@lru_cache(maxsize=512)
def _values(fmt: Format) -> tuple[int, int]:
    """The least and the greatest significand."""
    if isinstance(fmt, Codebook):
        return min(known_codes(fmt)), max(known_codes(fmt))
    bits = fmt.significand_bits
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if fmt.significand_signed else (0, (1 << bits) - 1)


def _aligned_bits(config: MacConfig) -> int:
    layout = formulations.term_layout(config, shift=True)
    if config.lanes > 1:
        return layout.size
    return layout.size - max(0, layout["significand"].width - bits_read(config))


def _tree(terms: TermRange, lanes: int) -> int:
    levels = tree_widths(terms, lanes)
    return sum(
        width + int(terms.carry)
        for index, level in enumerate(levels, start=1)
        if index % LEVELS_PER_STAGE == 0 or index == len(levels)
        for _, width in level
    )


def _adder_tree(config: MacConfig, reduction: AdderTree, unread: int) -> Counter[str]:
    return Counter({"tree": _tree(reduction.terms, config.lanes) - unread})


def _parts_tree(config: MacConfig, reduction: PartsTree, unread: int) -> Counter[str]:
    trees = sum(_tree(part.terms, config.lanes) for part in reduction.parts)
    return Counter({"tree": trees + reduction.sum.shape().size - unread})


def _window_tree(config: MacConfig, reduction: WindowTree, unread: int) -> Counter[str]:
    found: Counter[str] = Counter()
    lanes, exponent = config.lanes, product_layout(config.product)["exponent"].width
    if lanes > 1 and config.product.exponent_span:
        found.update(_search(config, reduction, exponent))
    if lanes > 1:
        found["tree"] = _tree(reduction.terms, lanes)
        waits = reduction.LATENCY - -(-(lanes - 1).bit_length() // SEARCH_LEVELS) * bool(exponent)
        found["sum's exponent"] = waits * exponent
    return found


_REDUCTIONS: Mapping[str, Callable[[MacConfig, Any, int], Counter[str]]] = {
    AdderTree.KEY: _adder_tree, PartsTree.KEY: _parts_tree, WindowTree.KEY: _window_tree,
}  # fmt: skip


def _reduction(config: MacConfig, reduction: Reduction) -> Counter[str]:
    unread = max(0, reduction.sum.significand.shape().width - _sum_bits_read(config))
    return _REDUCTIONS[reduction.KEY](config, reduction, unread)


def _sum_bits_read(config: MacConfig) -> int:
    """Bits of a sum that a wrapping accumulator reads."""
    if config.accumulator.wraps and not config.saturated:
        return config.accumulator_bits + config.unit_exponent - config.product.min_exponent
    return ALL_BITS


def _search(config: MacConfig, tree: WindowTree, exponent: int) -> Counter[str]:
    """The greatest exponents on their way, and the products that wait for the last of them."""
    lanes = config.lanes
    found: Counter[str] = Counter()
    levels = (lanes - 1).bit_length()
    nodes = lanes
    for level in range(1, levels + 1):
        nodes = -(-nodes // 2)
        if level % SEARCH_LEVELS == 0 or level == levels:
            found["greatest"] += nodes * exponent
    # A magnitude and its sign, or two's complement.
    body = config.product.significand_product_bits + 1
    found["waiting"] = -(-levels // SEARCH_LEVELS) * lanes * (body + exponent)
    found["cut"] = lanes * tree.terms.layout(1).size
    return found


def _scales(config: MacConfig, waits: int) -> Counter[str]:
    """Scales that wait for their step's sum, and the term that both make."""
    found: Counter[str] = Counter()
    term = scaled_term_layout(config)
    found["scales"] = waits * (term["exponent"].width + 1)
    if config.registers("scale"):
        found["scaled term"] = term.size + step_flags_layout(config).size
    return found


def _accumulator(config: MacConfig, unit: Accumulator) -> Counter[str]:
    """The sum, and what was met: NaN, both infinities, and that an operand was one of them."""
    found: Counter[str] = Counter()
    found["accumulator"] = config.accumulator_bits
    flags = step_flags_layout(config).size
    overflow = unit.overflow_possible
    found["saturation"] = int(config.saturated and overflow)
    if not config.accumulator.is_float:
        found["met"] = flags
        return found
    if overflow and not config.accumulator.truncates:
        found["met"] = 4 if flags else 3
    else:
        found["met"] = {0: 0, 1: 2}.get(flags, 4)
    # A group of one step is not kept.
    if unit.group_steps > 1:
        counter = (unit.group_steps - 1).bit_length()
        found["group"] = config.product.sum_bits(config.products_per_rounding) + flags + counter
    return found
