# amaranth: UnusedElaboratable=no
# Reductions may be built only to be asked for their latency and their ports.
"""Which multiplier, aligner and adder tree a configuration's lanes have: the only place that knows them by name."""

from __future__ import annotations

from amaranth.lib import data

from ...config import AlignerStyle, MacConfig
from ..products.multiplier import Multiplier
from ..products.row_multiplier import RowMultiplier, row_parts
from ..sums.adder_tree import AdderTree
from ..sums.aligner import Aligner
from ..sums.barrel_aligner import BarrelAligner
from ..sums.binned_aligner import BinnedAligner, bins
from ..sums.one_hot_aligner import PlacedAligner
from ..sums.parts_tree import Part, PartsTree, parts_layout
from ..sums.reduction import Reduction

_ALIGNERS: dict[AlignerStyle, type[Aligner]] = {
    "grouped": Aligner,
    "barrel": BarrelAligner,
    "placed": PlacedAligner,
    "binned": BinnedAligner,
}


def multiplier(config: MacConfig) -> Multiplier | RowMultiplier:
    """A new multiplier of a lane."""
    if config.multiplier == "columns":
        return RowMultiplier(product=config.product)
    return Multiplier(product=config.product, style=config.multiplier)


def aligner(config: MacConfig, *, shift: bool) -> Aligner | None:
    """A new aligner of a lane; None where the multiplier's product is the term already."""
    return None if config.multiplier == "columns" else _ALIGNERS[config.aligner](product=config.product, shift=shift)


def biased(config: MacConfig) -> bool:
    """Whether the lane inverts the sign bit of aligned terms for the adder tree behind it."""
    return config.multiplier != "columns" and _ALIGNERS[config.aligner].biased(config.product)


def term_layout(config: MacConfig, *, shift: bool) -> data.StructLayout:
    """Layout of a lane's term."""
    if config.multiplier == "columns":
        return parts_layout(row_parts(config.product))
    return _ALIGNERS[config.aligner].layout(config.product, shift=shift)


def reduction(config: MacConfig) -> Reduction:
    """A new tree that sums the terms of aligned lanes exactly."""
    lanes, registered = config.lanes, config.registers("reduce")
    parts = _parts(config)
    if parts is None:
        return AdderTree(product=config.product, lanes=lanes, registered=registered)
    layout = AdderTree.layout(config.product, lanes)
    return PartsTree(lanes=lanes, parts=parts, sum_layout=layout, registered=registered)


def _parts(config: MacConfig) -> tuple[Part, ...] | None:
    """The parts that a term is left in, each summed by a tree of its own; None for one term."""
    if config.multiplier == "columns":
        return row_parts(config.product)
    return bins(config.product) if config.aligner == "binned" else None
