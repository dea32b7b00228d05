"""The fixed-point accumulator of a given width: saturated step by step, or wrapped."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..config import AcceleratorConfig, FixedAccumulator
from .accumulate_exact import accumulate_exact
from .exact import Limbs, Pairing, limb_operands, sums_by_shift
from .parts import Parts


def accumulate_fixed(
    config: AcceleratorConfig, pairing: Pairing, weight: Parts, activation: Parts, shape: tuple[int, ...]
) -> NDArray[Any]:
    """``acc = clamp(acc + S)`` or ``acc = wrap(acc + S)`` over the steps, in units of ``2**product.min_exponent``.

    ``S`` is the exact sum of the step's lanes; ``clamp`` goes to the nearest of ``-2**(width-1)`` and ``2**(width-1) - 1``,
    ``wrap`` is modulo ``2**width``. Operands are ``[rows, K]`` with ``K`` a multiple of ``lanes``; specials count as zero.
    int64 up to 63 bits, Python integers in an object array above.
    """
    assert isinstance(config.accumulator, FixedAccumulator)
    if config.accumulator.overflow == "wrap":
        # Wrapping after every step is wrapping at the end.
        return accumulate_exact(config, pairing, weight, activation, shape)
    width, lanes = config.accumulator.width, config.lanes
    least, greatest = -(1 << (width - 1)), (1 << (width - 1)) - 1
    limbs = limb_operands((config.weight_format, config.activation_format), (weight, activation), lanes)
    # The sum of accumulator and step fits one bit more than the wider of the two.
    narrow = max(width, config.product.sum_bits(lanes)) + 1 <= 64
    total: NDArray[Any] = np.zeros(shape, dtype=np.int64 if narrow else object)
    for start in range(0, weight.nan.shape[1], lanes):
        columns = slice(start, start + lanes)
        step = (Limbs([(shift, piece[:, columns]) for shift, piece in operand.pieces]) for operand in limbs)
        for shift, part in sums_by_shift(pairing, *step).items():
            whole = part.astype(np.int64)
            total = total + (whole << shift if narrow else whole.astype(object) * (1 << shift))
        total = np.clip(total, least, greatest)
    return total if config.accumulator_bits > 63 else total.astype(np.int64)
