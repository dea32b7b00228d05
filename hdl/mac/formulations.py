# amaranth: UnusedElaboratable=no
# Reductions may be built only to be asked for their latency and their ports.
"""The components of a configuration's multiplier, aligner and reduction, under the keys of ``config.formulations``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from amaranth.lib import data

from ...config import MacConfig
from ...formats import Product
from ..products.multiplier import Multiplier
from ..products.row_multiplier import RowMultiplier, row_parts
from ..sums.adder_tree import AdderTree
from ..sums.aligner import Aligner
from ..sums.barrel_aligner import BarrelAligner
from ..sums.binned_aligner import BinnedAligner, bins
from ..sums.one_hot_aligner import PlacedAligner
from ..sums.parts_tree import Part, PartsTree, parts_layout
from ..sums.reduction import Reduction

Parts = Callable[[Product], tuple[Part, ...]]
"""The parts that a term is left in, each summed by a tree of its own."""


@dataclass(frozen=True)
class _MultiplierRow:
    """How a lane's multiplier is made, and the parts of its product where that is the term already, with no aligner."""

    make: Callable[[Product], Multiplier | RowMultiplier]
    parts: Parts | None = None


@dataclass(frozen=True)
class _AlignerRow:
    """A lane's aligner, and the parts of its term where it is left in parts."""

    component: type[Aligner]
    parts: Parts | None = None


@dataclass(frozen=True)
class _ReductionRow:
    """What sums terms that are one number of a product's range each, and terms in parts."""

    whole: Callable[..., Reduction]
    in_parts: Callable[..., Reduction]


_MULTIPLIERS: Mapping[str, _MultiplierRow] = {
    "logic": _MultiplierRow(lambda product: Multiplier(product=product, style="logic")),
    "operator": _MultiplierRow(lambda product: Multiplier(product=product, style="operator")),
    "columns": _MultiplierRow(lambda product: RowMultiplier(product=product), row_parts),
}
_ALIGNERS: Mapping[str, _AlignerRow] = {
    "grouped": _AlignerRow(Aligner),
    "barrel": _AlignerRow(BarrelAligner),
    "placed": _AlignerRow(PlacedAligner),
    "binned": _AlignerRow(BinnedAligner, bins),
}
_REDUCTIONS: Mapping[str, _ReductionRow] = {
    "tree": _ReductionRow(AdderTree, PartsTree),
}
TABLES: Mapping[str, Mapping[str, object]] = {
    "multiplier": _MULTIPLIERS,
    "aligner": _ALIGNERS,
    "reduction": _REDUCTIONS,
}
"""By the fields of ``config.formulations``, for the test that every row there has its component."""


def multiplier(config: MacConfig) -> Multiplier | RowMultiplier:
    """A new multiplier of a lane."""
    return _MULTIPLIERS[config.multiplier].make(config.product)


def aligner(config: MacConfig, *, shift: bool) -> Aligner | None:
    """A new aligner of a lane; None where the multiplier's product is the term already."""
    if _MULTIPLIERS[config.multiplier].parts is not None:
        return None
    return _ALIGNERS[config.aligner].component(product=config.product, shift=shift)


def biased(config: MacConfig) -> bool:
    """Whether the lane inverts the sign bit of aligned terms for the adder tree behind it."""
    if _MULTIPLIERS[config.multiplier].parts is not None:
        return False
    return _ALIGNERS[config.aligner].component.biased(config.product)


def term_layout(config: MacConfig, *, shift: bool) -> data.StructLayout:
    """Layout of a lane's term."""
    parts = _MULTIPLIERS[config.multiplier].parts
    if parts is not None:
        return parts_layout(parts(config.product))
    return _ALIGNERS[config.aligner].component.layout(config.product, shift=shift)


def reduction(config: MacConfig) -> Reduction:
    """A new tree that sums the terms of aligned lanes exactly."""
    lanes, registered, row = config.lanes, config.registers("reduce"), _REDUCTIONS[config.reduction]
    parts = term_parts(config)
    if parts is None:
        return row.whole(product=config.product, lanes=lanes, registered=registered)
    layout = AdderTree.layout(config.product, lanes)
    return row.in_parts(lanes=lanes, parts=parts, sum_layout=layout, registered=registered)


def term_parts(config: MacConfig) -> Sequence[Part] | None:
    """The parts that a term is left in; None for one number."""
    parts = _MULTIPLIERS[config.multiplier].parts or _ALIGNERS[config.aligner].parts
    return None if parts is None else parts(config.product)
