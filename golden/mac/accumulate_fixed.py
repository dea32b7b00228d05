"""The fixed-point accumulator of a given width and least bit: rounded, then saturated or wrapped, step by step."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...config import MacConfig
from ..exact import Limbs, Pairing, limb_operands, sums_by_shift
from ..parts import Parts
from ..product_rules import operand_facts
from .accumulate_exact import accumulate_exact
from .accumulated import Accumulated


def accumulate_fixed(
    config: MacConfig, pairing: Pairing, weight: Parts, activation: Parts, shape: tuple[int, ...]
) -> Accumulated:
    """``acc = clamp(round(acc + S))`` or ``acc = wrap(round(acc + S))`` over the steps, in units of ``2**config.unit_exponent``.

    ``S`` is the exact sum of the step's lanes; ``round`` goes to the nearest whole unit, ties to the even one; ``clamp`` to the
    nearest of ``-2**(width-1)`` and ``2**(width-1) - 1``; ``wrap`` is modulo ``2**width``. Operands are ``[rows, K]`` with ``K``
    a multiple of ``lanes``; specials count as zero. int64 up to 63 bits, Python integers in an object array above.
    """
    wraps, width, lanes = config.accumulator.wraps, config.accumulator_bits, config.lanes
    dropped = config.unit_exponent - config.product.min_exponent
    if wraps and not dropped and not config.saturated:
        # Wrapping after every step is wrapping at the end.
        return accumulate_exact(config, pairing, weight, activation, shape)
    least, greatest = -(1 << (width - 1)), (1 << (width - 1)) - 1
    limbs = limb_operands(operand_facts(config), (weight, activation), lanes)
    # The sum of accumulator and step fits one bit more than the wider of the two.
    narrow = max(width + dropped, config.product.sum_bits(lanes)) + 1 <= 64
    total: NDArray[Any] = np.zeros(shape, dtype=np.int64 if narrow else object)
    saturated = np.zeros(shape, dtype=bool) if config.saturated else None
    for start in range(0, weight.nan.shape[1], lanes):
        columns = slice(start, start + lanes)
        step = (Limbs([(shift, piece[:, columns]) for shift, piece in operand.pieces]) for operand in limbs)
        total = total << dropped
        for shift, part in sums_by_shift(pairing, *step).items():
            whole = part.astype(np.int64)
            total = total + (whole << shift if narrow else whole.astype(object) * (1 << shift))
        total = _without_low_bits(total, dropped)
        if saturated is not None:
            saturated |= ((total < least) | (total > greatest)).astype(bool)
        total = ((total - least) & ((1 << width) - 1)) + least if wraps else np.clip(total, least, greatest)
    return Accumulated(total if config.accumulator_bits > 63 else total.astype(np.int64), saturated)


def _without_low_bits(total: NDArray[Any], dropped: int) -> NDArray[Any]:
    """``total / 2**dropped`` to the nearest integer, ties to the even one."""
    if not dropped:
        return total
    half = 1 << (dropped - 1)
    nearest = (total + half) >> dropped
    tie = (total & (2 * half - 1)) == half
    return np.where(tie, nearest & ~1, nearest)
