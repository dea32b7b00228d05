"""The exact accumulator: a fixed-point sum that never rounds and wraps only when a dot product is too long."""

from __future__ import annotations

import numpy as np

from ...config import MacConfig
from ..exact import Pairing, limb_operands, sums_by_shift
from ..parts import Parts
from ..product_rules import operand_facts
from .accumulated import Accumulated


def accumulate_exact(
    config: MacConfig, pairing: Pairing, weight: Parts, activation: Parts, shape: tuple[int, ...]
) -> Accumulated:
    """Sums of products in units of ``2**product.min_exponent``, wrapped to ``accumulator_bits``.

    Operands are ``[rows, K]``; specials count as zero. int64 up to 63 bits, Python integers in an object array above.
    """
    limbs = limb_operands(operand_facts(config), (weight, activation), weight.nan.shape[-1])
    sums = sums_by_shift(pairing, *limbs)
    bits = config.accumulator_bits
    if bits <= 63:
        total = np.zeros(shape, dtype=np.int64)
        for shift, part in sums.items():
            # int64 addition and shift are modulo 2**64, of which 2**bits is a divisor; no product has bits beyond 62.
            total += part.astype(np.int64) << shift
        unused = 64 - bits
        return Accumulated((total << unused) >> unused, None)
    wide = np.zeros(shape, dtype=object)
    for shift, part in sums.items():
        wide = wide + part.astype(np.int64).astype(object) * (1 << shift)
    half = 1 << (bits - 1)
    return Accumulated((wide + half) % (1 << bits) - half, None)
