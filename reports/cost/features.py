"""What a unit is made of, counted from its configuration alone: the terms of the cost models."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from amaranth.hdl import Shape

from ...config import AcceleratorConfig, FloatAccumulator, WindowAccumulator
from ...formats import Codebook, Format, Minifloat, Product, TopExponent
from ...hdl import accumulators, step_terms
from ...hdl.adder_tree import LEVELS_PER_STAGE as ADDERS_PER_STAGE
from ...hdl.adder_tree import TermRange
from ...hdl.aligner import aligned_bits, term_is_biased
from ...hdl.float_accumulator import FloatAccumulator as FloatUnit
from ...hdl.fused_accumulator import FusedAccumulator
from ...hdl.layouts import (
    decoded_layout,
    flags_layout,
    product_exponent_offset,
    product_has_carry,
    product_layout,
    result_layout,
)
from ...hdl.window_accumulator import WindowAccumulator as WindowUnit
from ...hdl.window_tree import LEVELS_PER_STAGE as COMPARES_PER_STAGE
from ...hdl.window_tree import WindowTree


def features(config: AcceleratorConfig) -> dict[str, float]:
    """Bits of every kind of circuit in a MAC or dot product, by name; a kind that is not there is left out.

    Register bits count flip-flops with an enable. Of a shifter, bits of multiplexers of all its steps; of a multiplier, bits of
    its rows; of an adder, its width; of a comparison, likewise.

    Parameters
    ----------
    config
        A unit of one PE.
    """
    found: Counter[str] = Counter()
    found["unit"] = 1
    for _ in range(1):
        found.update(_lane(config, scale=config.lanes))
    found.update(_reduction(config))
    found.update(_accumulator(config))
    found.update(_frame(config))
    return {name: float(count) for name, count in sorted(found.items()) if count}


def _lane(config: AcceleratorConfig, *, scale: int) -> Counter[str]:
    product = config.product
    lane: Counter[str] = Counter()
    lane["register"] = product.a.bits + product.b.bits
    for fmt in (product.a, product.b):
        lane.update(_decoder(fmt))
    layout = product_layout(product)
    rows = product.a.significand_bits * product.b.significand_bits
    lane["multiply signed" if product_has_carry(product) else "multiply unsigned"] = rows
    lane["multiply edge"] = product.a.significand_bits + product.b.significand_bits
    if product.a.exponent_span and product.b.exponent_span:
        lane["exponent add"] = layout["exponent"].width
    flags = flags_layout(config).size
    if config.registers("multiply"):
        lane["register"] += layout.size + flags
    if accumulators.for_spec(config.accumulator).aligned(config):
        lane.update(_aligner(product))
        if config.registers("align") and product.exponent_span:
            lane["register"] += aligned_bits(product) + int(product.sign_bit or product_has_carry(product)) + flags
    else:
        lane["sign"] += layout["significand"].width
    return Counter({name: count * scale for name, count in lane.items()})


def _decoder(fmt: Format) -> Counter[str]:
    found: Counter[str] = Counter()
    match fmt:
        case Minifloat():
            found["decode"] = fmt.exponent_bits + (0 if fmt.subnormals else fmt.mantissa_bits)
            if fmt.top is not TopExponent.FINITE:
                found["decode special"] = fmt.bits
        case Codebook():
            found["decode table"] = decoded_layout(fmt).size << fmt.bits
        case _:
            if fmt.has_nan:
                found["decode special"] = fmt.bits
    return found


def _aligner(product: Product) -> Counter[str]:
    """``Aligner``: single steps, then groups that are selected or overridden."""
    found: Counter[str] = Counter()
    bits = product_layout(product)["significand"].width
    found["sign"] = bits
    if not product.exponent_span:
        return found
    exponent = product_layout(product)["exponent"].width
    width = aligned_bits(product) + product_exponent_offset(product)
    step, index = 1, 0
    while index < exponent and bits > 2 * step:
        bits += step
        found["shift"] += bits
        step, index = step * 2, index + 1
    if index < exponent:
        found["place"] = width
        found["place control"] = -(-width // step) * (exponent - index)
    return found


def _reduction(config: AcceleratorConfig) -> Counter[str]:
    found: Counter[str] = Counter()
    accumulator = accumulators.for_spec(config.accumulator)
    if config.lanes == 1 and not issubclass(accumulator, WindowUnit):
        return found
    tree = accumulator.reduction(config)
    if tree is None:
        return found
    if isinstance(tree, WindowTree):
        found.update(_window_tree(config, tree))
        terms = tree.terms
    else:
        terms = TermRange.aligned(config.product)
    if config.lanes > 1:
        biased = not isinstance(tree, WindowTree) and term_is_biased(config.product)
        found.update(_adder_tree(terms, config.lanes, biased=biased, registered=config.registers("reduce")))
    flags = flags_layout(config).size
    found["flags"] += flags * config.lanes
    found["register"] += flags * tree.LATENCY
    return found


def _adder_tree(terms: TermRange, lanes: int, *, biased: bool, registered: bool) -> Counter[str]:
    found: Counter[str] = Counter()
    nodes, level = [1] * lanes, 0
    base = terms.layout(1)["significand"].width
    while len(nodes) > 1:
        level += 1
        joined = [left + right for left, right in zip(nodes[0::2], nodes[1::2], strict=False)]
        for count in joined:
            found["add"] += base + (count - 1).bit_length() if biased else terms.layout(count)["significand"].width
        nodes = joined + nodes[len(nodes) & ~1 :]
        if registered and (level % ADDERS_PER_STAGE == 0 or len(nodes) == 1):
            widths = [terms.layout(count)["significand"].width + int(terms.carry) for count in nodes]
            found["register"] += sum(widths)
    return found


def _window_tree(config: AcceleratorConfig, tree: WindowTree) -> Counter[str]:
    found: Counter[str] = Counter()
    lanes, exponent = config.lanes, tree.term(0).exponent.shape().width
    found["cut"] = lanes * tree.width
    if lanes == 1 or not config.product.exponent_span:
        return found
    body = tree.width - max(0, tree.raised)
    found["nonzero"] = lanes * body
    found["compare"] = (lanes - 1) * exponent
    found["distance"] = lanes * exponent
    found["shift"] = lanes * tree.width * min(exponent, tree.width.bit_length() + 1)
    found["sticky"] = lanes * min(tree.width, config.product.exponent_span)
    if tree.registered:
        levels = (lanes - 1).bit_length()
        stages = -(-levels // COMPARES_PER_STAGE)
        left = lanes
        for stage in range(stages):
            left = max(1, -(-left // (1 << COMPARES_PER_STAGE))) if stage < stages - 1 else 1
            found["register"] += left * exponent
        found["register"] += stages * lanes * (body + 1 + exponent) + lanes * (tree.width + 2)
        found["register"] += exponent * (1 + -(-levels // ADDERS_PER_STAGE))
    return found


def _accumulator(config: AcceleratorConfig) -> Counter[str]:
    """The accumulator and its register."""
    found: Counter[str] = Counter()
    unit = accumulators.for_spec(config.accumulator)
    bits = config.accumulator_bits
    match config.accumulator:
        case FloatAccumulator() | WindowAccumulator():
            if issubclass(unit, FusedAccumulator):
                group = config.product.sum_bits(config.products_per_rounding)
                found["add"] += group
                found["register cleared"] += group
            found.update(_float(config))
            found["register cleared"] += bits + 4
        case _:
            found["add"] += bits
            found["register cleared"] += bits
            if config.accumulator.kind == "fixed" and config.accumulator.overflow == "saturate":
                found["saturate"] += bits
    return found


def _float(config: AcceleratorConfig) -> Counter[str]:
    """``FloatAccumulator``: alignment of the accumulator, one sum, normalisation, rounding."""
    found: Counter[str] = Counter()
    unit = accumulators.for_spec(config.accumulator)(config=config)
    rounder = unit.rounder if isinstance(unit, FusedAccumulator) else unit
    assert isinstance(rounder, FloatUnit)
    window = rounder.window
    shifter = window.bits + window.significand + 1
    found["float shift"] = shifter * (window.gap_shift + window.significand + 2).bit_length()
    found["float add"] = window.bits + 2
    found["float negate"] = window.sum_bits
    steps = (window.sum_bits - 1).bit_length()
    found["float normalise"] = window.sum_bits * steps
    found["float exponent"] = window.exponent_bits * (steps + 4)
    found["float round"] = config.accumulator_bits
    found["float sticky"] = window.bits - window.significand
    return found


def _frame(config: AcceleratorConfig) -> Counter[str]:
    """Handshake, counter of steps, output register."""
    found: Counter[str] = Counter()
    stages = 2 + step_terms.latency(config)
    found["control"] = stages
    found["count"] = config.max_steps.bit_length()
    found["register"] += sum(_width(shape) for shape in result_layout(config).members.values())
    return found


def _width(shape: object) -> int:
    return Shape.cast(shape).width  # pyright: ignore[reportArgumentType]


def _names() -> Iterator[str]:
    yield from ()
