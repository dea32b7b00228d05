# amaranth: UnusedElaboratable=no
# Reductions and rounders may be built only to be asked for their latency and their ports.
"""The aligned window's accumulator: a float as wide as the window, and the tree that cuts products to it."""

from __future__ import annotations

from ...config import MacConfig
from ...config import WindowAccumulator as WindowSpec
from ...config.checks import accumulator_of
from ..mac import formulations
from ..sums.reduction import Reduction
from .float_accumulator import FloatAccumulator


class WindowAccumulator(FloatAccumulator):
    """``acc = round(acc + sum of the step's products, each cut to the window)`` with a W-bit significand.

    Products are ``m * 2**e``, integers ``m`` of at most P = ``product.significand_product_bits`` bits, not normalised. ``E`` is
    the greatest ``e`` among a step's nonzero products; a zero product takes no part. The window is the W bits from weight
    ``2**(E+P-1)`` down to ``2**(E+P-W)``; below it stand a guard bit, a round bit and a sticky bit, weights ``2**(E+P-W-1)``,
    ``2**(E+P-W-2)`` and ``2**(E+P-W-3)``. Each magnitude ``|m| * 2**e`` is cut to these W+3 bits, the sticky bit being 1 if any
    of its bits at that weight or below is 1. The signed terms are summed exactly, the sum is added to an accumulator with a
    W-bit significand exactly, and the result is rounded to nearest even, once per step. The accumulator's exponent neither
    overflows nor underflows, however long the dot product is; NaN and Inf follow IEEE 754. With ``rounding`` = ``truncate``
    nothing is kept below the window; ``accumulators.WindowAccumulator`` says what is cut then.

    Where the window holds every bit that a pair of formats can have, nothing of the sticky logic is built, and integers take
    the exact tree.

    Parameters
    ----------
    config
        The unit's configuration with a ``WindowAccumulator``.

    Members
    -------
    As ``Accumulator``; ``total`` is a code of ``config.accumulator_format``.
    """

    @classmethod
    def _tree_raised(cls, config: MacConfig) -> int | None:
        """``raised`` of the ``WindowTree``; None if none is needed, because the products of a step are exact without."""
        spec = accumulator_of(config, WindowSpec, "WindowAccumulator")
        room = spec.width + spec.bits_below - config.product.significand_product_bits
        reach = config.product.exponent_span if config.lanes > 1 else 0
        return None if reach == 0 and room >= 0 else min(room, reach)

    @classmethod
    def raised(cls, config: MacConfig) -> int:
        return cls._tree_raised(config) or 0

    @classmethod
    def aligned(cls, config: MacConfig) -> bool:
        return cls._tree_raised(config) is None and super().aligned(config)

    @classmethod
    def reduction(cls, config: MacConfig) -> Reduction | None:
        raised = cls._tree_raised(config)
        if raised is None:
            return super().reduction(config)
        return formulations.window_tree(config, raised=raised)
