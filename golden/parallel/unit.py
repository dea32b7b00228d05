"""What a parallel PE behind its decoders gives for a sum of products: weights as they are stored."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...config.parallel import ParallelConfig
from ..parts import split, value_table
from ..weights import olive
from .pe import parallel_pe_sum


@dataclass(frozen=True)
class UnitSum:
    """``total * 2**(exponent + config.unit_offset)``; both 0 where the sum is ``invalid`` or ``too_long``."""

    total: int
    exponent: int
    invalid: bool
    too_long: bool


def carrier_codes(config: ParallelConfig, stored: ArrayLike) -> NDArray[np.int64]:
    """Codes of the PE's carrier of weights as they are stored, of any shape.

    ANT: a 4-bit code and its group's type above it; a code that is no number is zero. OliVe: the pair, the first code lowest, and
    which of the two above it. Others are the carrier's codes already.
    """
    codes = np.asarray(stored, dtype=np.int64)
    scheme = config.scheme
    if scheme is None:
        return codes
    if scheme.outlier is None:
        tables = np.nan_to_num(np.stack([value_table(fmt) for fmt in scheme.formats]))
        values = tables[codes >> scheme.bits, codes & (1 << scheme.bits) - 1]
    else:
        pairs = np.stack([codes & 15, codes >> 4 & 15], axis=-1).astype(np.uint8)
        values = np.take_along_axis(olive.values(scheme, pairs), (codes >> 8)[..., None], axis=-1)[..., 0]
    by_value = {float(config.carrier.decode(code).value): code for code in range(1 << config.carrier.bits)}
    return np.vectorize(by_value.__getitem__, otypes=[np.int64])(values + 0.0)


def parallel_unit_sum(config: ParallelConfig, stored: ArrayLike, activations: ArrayLike) -> UnitSum:
    """The sum of weights ``[K]`` as they are stored times activation codes ``[K]``, K at least 1."""
    weights, codes = carrier_codes(config, stored), np.asarray(activations)
    special = split(config.carrier, weights).special | split(config.activation_format, codes).special
    invalid, too_long = bool(special.any()), len(weights) > config.k_max
    if invalid or too_long:
        return UnitSum(0, 0, invalid, too_long)
    found = parallel_pe_sum(config, weights[None], codes[None])
    return UnitSum(int(found.total[0]), int(found.exponent[0]), False, False)
