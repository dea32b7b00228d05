# amaranth: UnusedElaboratable=no
# Reductions may be built only to be asked for their latency and their ports.
"""The components of a configuration's multiplier, aligner and reduction, under the keys of ``config.formulations``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from amaranth.lib import data

from ...config import MacConfig
from ...formats import Product
from ..products.bit_multiplier import BitMultiplier, bit_weights, bits_layout
from ..products.digit_multiplier import DigitMultiplier, digit_weights, digits_layout
from ..products.l_mul import LMul, LMulAdd
from ..products.multiplier import Multiplier
from ..products.placed_multiplier import PlacedMultiplier
from ..products.row_multiplier import LowRowMultiplier, RowMultiplier, row_parts
from ..sums.adder_tree import AdderTree
from ..sums.aligner import Aligner
from ..sums.barrel_aligner import BarrelAligner
from ..sums.binned_aligner import BinnedAligner, bins
from ..sums.compressed_tree import CompressedTree
from ..sums.compressed_window_tree import CompressedWindowTree
from ..sums.counted_aligner import CountedAligner, counted_weights
from ..sums.early_window_tree import EarlyAligner, EarlyWindowTree
from ..sums.one_hot_aligner import PlacedAligner
from ..sums.parts_tree import Part, PartsTree, parts_layout
from ..sums.reduction import Reduction
from ..sums.weights import Weights
from ..sums.window_tree import WindowTree

Parts = Callable[[Product], tuple[Part, ...]]
"""The parts that a term is left in, each summed by a tree of its own."""


AnyMultiplier = Multiplier | RowMultiplier | BitMultiplier | DigitMultiplier | PlacedMultiplier | LMul
"""All have the ports ``weight``, ``activation`` and ``product``."""


@dataclass(frozen=True)
class _MultiplierRow:
    """How a lane's multiplier is made, and the parts of its product where that is the term already, with no aligner.

    A product that is left as ``bits`` has their layout and what they are worth, which is the negated product; one that is
    ``placed`` is as the usual aligner would give it. ``columns`` of an array take one such multiplication together; ``make`` is
    then for columns that are left over.
    """

    make: Callable[[Product], AnyMultiplier]
    parts: Parts | None = None
    bits: tuple[Callable[[Product], data.StructLayout], Callable[[Product], Weights]] | None = None
    placed: bool = False
    columns: int = 1

    @property
    def is_term(self) -> bool:
        """Whether the product is the term."""
        return self.placed or self.parts is not None or self.bits is not None


@dataclass(frozen=True)
class _AlignerRow:
    """A lane's aligner, the parts of its term where it is left in parts, and the tree of windows behind such lanes.

    ``weights`` is what a term's bits are worth where it is no number and no parts, ``circuits`` which accumulators' circuits
    others take the place of.
    """

    component: type[Aligner]
    parts: Parts | None = None
    window: type[WindowTree] = WindowTree
    circuits: Mapping[str, str] = field(default_factory=dict)
    weights: Callable[[Product], Weights] | None = None


@dataclass(frozen=True)
class _ReductionRow:
    """What sums the terms of a configuration's lanes, and which circuits of accumulators take that over, without registers.

    ``window`` takes the place of the aligner's tree of windows. ``waits`` is that of ``BitHeap.rows``.
    """

    make: Callable[[MacConfig], Reduction]
    merged: Mapping[str, str] = field(default_factory=dict)
    circuits: Mapping[str, str] = field(default_factory=dict)
    window: type[WindowTree] | None = None
    waits: bool = True


_MULTIPLIERS: Mapping[str, _MultiplierRow] = {
    "logic": _MultiplierRow(lambda product: Multiplier(product=product, style="logic")),
    "operator": _MultiplierRow(lambda product: Multiplier(product=product, style="operator")),
    "columns": _MultiplierRow(lambda product: RowMultiplier(product=product), row_parts),
    "recoded": _MultiplierRow(lambda product: LowRowMultiplier(product=product), row_parts),
    "bits": _MultiplierRow(lambda product: BitMultiplier(product=product), bits=(bits_layout, bit_weights)),
    "digits": _MultiplierRow(lambda product: DigitMultiplier(product=product), bits=(digits_layout, digit_weights)),
    "placed": _MultiplierRow(lambda product: PlacedMultiplier(product=product), placed=True),
    "packed": _MultiplierRow(lambda product: Multiplier(product=product, style="operator"), columns=2),
}
_ALIGNERS: Mapping[str, _AlignerRow] = {
    "grouped": _AlignerRow(Aligner),
    "barrel": _AlignerRow(BarrelAligner),
    "placed": _AlignerRow(PlacedAligner),
    "binned": _AlignerRow(BinnedAligner, bins),
    "counted": _AlignerRow(CountedAligner, weights=counted_weights),
    "early": _AlignerRow(EarlyAligner, window=EarlyWindowTree, circuits={"window": "lean window"}),
}


RULES: Mapping[str, Callable[[Any], AnyMultiplier] | None] = {
    "exact": None,
    "l-mul": lambda product: LMul(product=product),
    "l-mul-add": lambda product: LMulAdd(product=product),
}
"""What takes the multiplier's place, by the keys of ``formats.rules``; None where products are multiplied."""


def multiplier(config: MacConfig) -> AnyMultiplier:
    """A new multiplier of a lane, or what its rule of products has in place of one."""
    make = RULES[config.product_rule] or _MULTIPLIERS[config.multiplier].make
    return make(config.product)


def aligner(config: MacConfig, *, shift: bool) -> Aligner | None:
    """A new aligner of a lane; None where the multiplier's product is the term already."""
    if _MULTIPLIERS[config.multiplier].is_term:
        return None
    return _ALIGNERS[config.aligner].component(product=config.product, shift=shift)


def columns_at_once(config: MacConfig) -> int:
    """Columns of an array that multiply together: 2 where two products are one multiplication."""
    return _MULTIPLIERS[config.multiplier].columns


def pairs_of_columns(config: MacConfig) -> int:
    """How many pairs of columns multiply together."""
    return config.cols // 2 if columns_at_once(config) == 2 else 0


def columns_alone(config: MacConfig) -> int:
    """How many columns multiply by themselves."""
    return config.cols - 2 * pairs_of_columns(config)


def biased(config: MacConfig) -> bool:
    """Whether the lane inverts the sign bit of aligned terms for the adder tree behind it."""
    row = _MULTIPLIERS[config.multiplier]
    if row.parts is not None or row.bits is not None:
        return False
    return _ALIGNERS[config.aligner].component.biased(config.product)


def term_layout(config: MacConfig, *, shift: bool) -> data.StructLayout:
    """Layout of a lane's term."""
    row = _MULTIPLIERS[config.multiplier]
    if row.parts is not None:
        return parts_layout(row.parts(config.product))
    if row.bits is not None:
        return row.bits[0](config.product)
    return _ALIGNERS[config.aligner].component.layout(config.product, shift=shift)


def reduction(config: MacConfig) -> Reduction:
    """A new tree that sums the terms of aligned lanes exactly."""
    return _REDUCTIONS[config.reduction].make(config)


def circuit(config: MacConfig) -> str:
    """The accumulator's circuit: its own, or the one that takes over the reduction where no register is between the two."""
    own = config.accumulator.circuit if config.scale_format is None else "scaled"
    for row in (_ALIGNERS[config.aligner], _REDUCTIONS[config.reduction]):
        own = row.circuits.get(own, own)
    if config.lanes == 1 or config.registers("reduce") or config.registers("sum"):
        return own
    return _REDUCTIONS[config.reduction].merged.get(own, own)


def weights(config: MacConfig) -> Weights:
    """What the bits of a lane's term are worth; if it is ``negated``, together they are the negated product."""
    row, of_aligner, parts = _MULTIPLIERS[config.multiplier], _ALIGNERS[config.aligner].weights, term_parts(config)
    if row.bits is not None:
        return row.bits[1](config.product)
    if of_aligner is not None:
        return of_aligner(config.product)
    return Weights.of_product(config.product) if parts is None else Weights.of_parts(parts)


def negated(config: MacConfig) -> bool:
    """Whether the bits of lanes' terms are worth the negated products."""
    return _MULTIPLIERS[config.multiplier].bits is not None


def waits(config: MacConfig) -> bool:
    """Whether bits may wait for carries in the full adders of the reduction and of the circuit that takes it over."""
    return _REDUCTIONS[config.reduction].waits


def window_tree(config: MacConfig, *, raised: int, component: type[WindowTree] | None = None) -> WindowTree:
    """A new tree that cuts the products of a step to a window and sums them; ``component`` is another one for the same lanes."""
    found = component or _REDUCTIONS[config.reduction].window or _ALIGNERS[config.aligner].window
    return found(
        product=config.product,
        lanes=config.lanes,
        raised=raised,
        jams=not config.accumulator.truncates,
        registered=config.registers("reduce"),
    )


def term_parts(config: MacConfig) -> Sequence[Part] | None:
    """The parts that a term is left in; None for one number."""
    parts = _MULTIPLIERS[config.multiplier].parts or _ALIGNERS[config.aligner].parts
    return None if parts is None else parts(config.product)


def _tree(config: MacConfig) -> Reduction:
    lanes, registered, parts = config.lanes, config.registers("reduce"), term_parts(config)
    if parts is None:
        return AdderTree(product=config.product, lanes=lanes, registered=registered)
    layout = AdderTree.layout(config.product, lanes)
    return PartsTree(lanes=lanes, parts=parts, sum_layout=layout, registered=registered)


def _compressed(config: MacConfig) -> Reduction:
    return CompressedTree(
        lanes=config.lanes,
        term=term_layout(config, shift=True),
        weights=weights(config),
        negated=negated(config),
        waits=waits(config),
        sum_layout=AdderTree.layout(config.product, config.lanes),
        registered=config.registers("reduce"),
    )


_REDUCTIONS: Mapping[str, _ReductionRow] = {
    "tree": _ReductionRow(_tree),
    "compressed": _ReductionRow(_compressed, {"exact": "merged"}, {"float": "lean float", "scaled": "lean scaled"}),
    "flat": _ReductionRow(
        _compressed, {"exact": "merged"}, {"float": "lean float", "scaled": "lean scaled"}, waits=False
    ),
    "late": _ReductionRow(_compressed, circuits={"scaled": "late scaled"}, waits=False),
    "carried": _ReductionRow(_tree, {"lean window": "merged window"}, window=CompressedWindowTree, waits=False),
}
TABLES: Mapping[str, Mapping[str, object]] = {
    "multiplier": _MULTIPLIERS,
    "aligner": _ALIGNERS,
    "reduction": _REDUCTIONS,
}
"""By the fields of ``config.formulations``, for the test that every row there has its component."""
