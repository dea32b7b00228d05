# amaranth: UnusedElaboratable=no
# Accumulators and reductions are built only to be asked for their widths.
"""What is behind the lanes, counted from its widths: adder trees, aligned windows, accumulators, scales."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from ...config import MacConfig
from ...hdl.accumulators import table as accumulators
from ...hdl.accumulators.accumulator import Accumulator
from ...hdl.accumulators.float_accumulator import FloatAccumulator
from ...hdl.accumulators.fused_accumulator import FusedAccumulator
from ...hdl.accumulators.scaled_accumulator import ScaledAccumulator
from ...hdl.mac import formulations
from ...hdl.mac.layouts import scaled_term_layout, step_flags_layout
from ...hdl.sums.adder_tree import AdderTree, TermRange
from ...hdl.sums.parts_tree import PartsTree
from ...hdl.sums.reduction import Reduction
from ...hdl.sums.window_tree import WindowTree


def accumulator(config: MacConfig) -> Accumulator:
    """The unit's accumulator, to be asked for its widths."""
    return accumulators.for_config(config)(config=config)


def reduction_parts(config: MacConfig, reduction: Reduction | None) -> Counter[str]:
    """Bits of every kind of circuit in what sums a step's terms."""
    return Counter() if reduction is None else _REDUCTIONS[reduction.KEY](config, reduction)


def _adder_tree(config: MacConfig, reduction: AdderTree) -> Counter[str]:
    return _tree(reduction.terms, config.lanes, "shifted " if config.product.exponent_span else "")


def _parts_tree(config: MacConfig, reduction: PartsTree) -> Counter[str]:
    found: Counter[str] = Counter()
    kind = "bin " if config.product.exponent_span else "column "
    for part in reduction.parts:
        found.update(_tree(part.terms, config.lanes, kind))
        if part.place:
            found["part add"] += max(0, reduction.sum.significand.shape().width - part.place)
    return found


def tree_widths(terms: TermRange, lanes: int) -> list[list[tuple[int, int]]]:
    """Of every level of an adder tree, how many lanes its nodes sum and how wide they are, those passed on included."""
    bits = terms.layout(1)["significand"].width
    levels, nodes = [], [1] * lanes
    while len(nodes) > 1:
        pairs = zip(nodes[0::2], nodes[1::2], strict=False)
        nodes = [left + right for left, right in pairs] + nodes[len(nodes) & ~1 :]
        levels.append([
            (count, bits + (count - 1).bit_length() if terms.biased else terms.layout(count)["significand"].width)
            for count in nodes
        ])  # fmt: skip
    return levels


def _tree(terms: TermRange, lanes: int, kind: str) -> Counter[str]:
    found: Counter[str] = Counter()
    left = lanes
    for level in tree_widths(terms, lanes):
        adders = left // 2
        found[f"{kind}tree add"] += sum(width for _, width in level[:adders])
        found[f"{kind}tree adders"] += adders
        left = len(level)
    if terms.biased:
        found["bias"] = (lanes - 1).bit_length() if lanes & (lanes - 1) else 1
    return found


def shifted_bits(bits: int, width: int, steps: int) -> int:
    """Multiplexers of a shifter in steps of 1, 2, 4 ... of so many bits that grow into ``width``."""
    return sum(min(width, bits + (2 << step) - 1) for step in range(steps))


def _window(config: MacConfig, tree: WindowTree) -> Counter[str]:
    """The search for the greatest exponent, the cuts, and the sum."""
    product, lanes = config.product, config.lanes
    exponent = formulations.term_layout(config, shift=False)["exponent"].width
    body = product.significand_product_bits + int(tree.is_signed)
    width = tree.width + int(tree.is_signed)
    found: Counter[str] = Counter()
    if tree.is_signed:
        found["window body add"] = lanes * body
    else:
        found["window body"] = lanes * body
        found["window sign"] = lanes * width
    if lanes > 1 and product.exponent_span:
        found["window nonzero"] = lanes * body
        found["window candidates"] = lanes * exponent
        found["window compare"] = (lanes - 1) * exponent
        found["window distance"] = lanes * exponent
        found["window shift"] = lanes * shifted_bits(body, width, min(exponent, width.bit_length()))
        found["window far"] = lanes * width * max(0, exponent - width.bit_length())
        found["window sticky"] = lanes * width * (tree.jams and tree.raised < product.exponent_span)
    elif tree.raised < 0 and tree.jams:
        found["window sticky"] = -lanes * tree.raised
    if lanes > 1:
        found.update(_tree(tree.terms, lanes, "window "))
    return found


_REDUCTIONS: Mapping[str, Callable[[MacConfig, Any], Counter[str]]] = {
    AdderTree.KEY: _adder_tree, PartsTree.KEY: _parts_tree, WindowTree.KEY: _window,
}  # fmt: skip


def accumulator_parts(config: MacConfig, unit: Accumulator) -> Counter[str]:
    """Bits of every kind of circuit in the accumulator and what scales its terms."""
    found = Counter({"saturation flag": int(config.saturated)})
    found.update(_ACCUMULATORS[accumulators.circuit(config)](config, unit))
    return found


def _fused(config: MacConfig, unit: FusedAccumulator) -> Counter[str]:
    found = _float(config, unit.rounder)
    # A group of one step is not kept.
    if unit.group_steps > 1:
        found["group add"] = config.product.sum_bits(config.products_per_rounding)
        found["group"] = 1
    elif unit.term.carry.shape().width:
        found["float term"] = unit.term.significand.shape().width
    return found


def _fixed(config: MacConfig, unit: Accumulator) -> Counter[str]:
    spec, bits = config.accumulator, config.accumulator_bits
    found: Counter[str] = Counter()
    dropped = config.unit_exponent - config.product.min_exponent
    saturates = spec.can_saturate and not spec.wraps
    if not saturates and not config.saturated:
        found["accumulate"] = bits
    else:
        width = max(bits + dropped, unit.term.significand.shape().width) + 1
        found["accumulate with overflow"] = width - dropped
        found["overflow"] = width - bits - dropped + 1
        found["clamp"] = bits * saturates
    # Below the register there is half a unit to add, and a tie to be seen.
    found["tie"] = dropped
    # An exact register is cleared by its reset input.
    found["clear"] = bits * spec.can_saturate
    found["zero when invalid"] = bits * bool(step_flags_layout(config).size)
    return found


def _scaled(config: MacConfig, unit: ScaledAccumulator) -> Counter[str]:
    """Scales, the term's normalisation, and a float sum of two numbers with exponents of their own."""
    # Widths that the component derives; it has no other place for them.
    width, term = unit._width, unit._term_bits  # pyright: ignore[reportPrivateUsage]
    exponent = scaled_term_layout(config)["exponent"].width
    levels = (width - 1).bit_length()
    normal_levels = (width + 1).bit_length()
    fmt = unit.fmt
    return Counter({
        "scaled leading": 2 * width,
        "scaled shift": width * levels,
        "scaled sticky": width,
        "scaled add": width + 3,
        "scaled negate": width + 2,
        "scaled normalise": (width + 2) * normal_levels,
        "scaled normalise control": normal_levels**2,
        "scaled exponent": exponent,
        "scaled round": 0 if config.accumulator.truncates else fmt.bits,
        "scaled specials": fmt.bits,
        "scaled unit": 1,
        "term negate": term,
        "term normalise": term * (term - 1).bit_length(),
        "term exponent": exponent,
        "scales": 2 * exponent,
    })  # fmt: skip


def _float(config: MacConfig, unit: FloatAccumulator) -> Counter[str]:
    """Alignment of the accumulator with the term, one sum, its magnitude, normalisation, rounding."""
    window, fmt = unit.window, unit.fmt
    truncates = config.accumulator.truncates
    significand = window.significand
    spare = significand + 1
    # A format with few exponents never moves its number wholly above the term: the window's top stays empty.
    up = min(window.gap_shift - window.low, max(0, fmt.max_exponent + 1 - window.least_exponent))
    top = max(window.term_bits + window.rounding_bits, up + significand)
    empty = max(0, window.term_bits + window.rounding_bits + significand - top)
    bits, sum_bits = window.bits - empty, window.sum_bits - empty
    steps = (up + window.low + spare).bit_length()
    levels = (sum_bits - 1).bit_length()
    return Counter({
        "float term": window.term_bits if unit.term.carry.shape().width else 0,
        "float shift": shifted_bits(significand, bits - window.sticky + spare, steps),
        "float sign": bits,
        "float add": bits + 2,
        "float negate": sum_bits,
        "float normalise": sum_bits * levels,
        "float nonzero": sum_bits,
        "float exponent": window.exponent_bits * levels,
        "float subnormal": window.exponent_bits * levels * window.subnormal_possible,
        "float distance": 3 * window.exponent_bits,
        "float round": 0 if truncates else fmt.bits,
        "float rest": 0 if truncates else max(0, sum_bits - significand),
        "float sticky": (fmt.bits + significand + window.term_bits) * window.sticky,
        "float overflow": fmt.bits * window.overflow_possible,
        "float specials": fmt.bits * bool(step_flags_layout(config).size),
        "float format": fmt.bits,
        "float unit": 1,
    })  # fmt: skip


_ACCUMULATORS: Mapping[str, Callable[[MacConfig, Any], Counter[str]]] = {
    "exact": _fixed, "fixed": _fixed, "window": _float, "float": _float, "fused": _fused, "scaled": _scaled,
}  # fmt: skip
"""By the accumulator's circuit."""
