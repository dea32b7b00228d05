"""Partly binarized matrices: a few salient weights of 8 bits, all others -1 and 1, as two parts of one product."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...config.trits import TritsConfig
from ...system.errors import BitmillError

SALIENT_BITS = 8
_GREATEST = 127
_PASSES = SALIENT_BITS // 2
"""A dual-binary unit takes two planes at a time."""

Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class PartlyBinary:
    """Weights ``[out, K]``: ``scale * sign`` or, where salient, ``salient_scale * code``.

    Attributes
    ----------
    signs
        int64 ``[out, K]``: -1 and 1, 0 where salient.
    codes
        int64 ``[out, K]``: -127 to 127 where salient, 0 elsewhere.
    salient
        bool ``[out, K]``, as many in every row.
    scale, salient_scale
        float16 ``[out]``.
    """

    signs: Integers
    codes: Integers
    salient: NDArray[np.bool_]
    scale: NDArray[np.float16]
    salient_scale: NDArray[np.float16]

    @property
    def count(self) -> int:
        """Salient weights of a row."""
        return int(self.salient[0].sum())

    @property
    def bits_per_weight(self) -> Fraction:
        """A bit that tells which weights are salient, 1 or 8 bits for each of them, and two FP16 scales a row."""
        length = self.signs.shape[1]
        return 1 + Fraction(length - self.count + SALIENT_BITS * self.count + 32, length)

    def values(self) -> NDArray[np.float64]:
        """The weights as numbers."""
        scales = self.scale.astype(np.float64), self.salient_scale.astype(np.float64)
        return self.signs * scales[0][:, None] + self.codes * scales[1][:, None]

    def totals(self, activations: ArrayLike) -> tuple[Integers, Integers]:
        """The two parts int64 ``[out]`` of the product with integers ``[K]``, before their scales."""
        vector = np.asarray(activations, dtype=np.int64)
        return self.signs @ vector, self.codes @ vector


def partly_binary(weights: ArrayLike, fraction: float) -> PartlyBinary:
    """The ``fraction`` of each row's weights that are greatest in magnitude as 8-bit integers, the others by sign.

    ``salient_scale = max|w| / 127`` of the salient ones, codes ``round(w / salient_scale)``; ``scale = mean|w|`` of the others,
    which is where the sum of squared errors of ``scale * sign(w)`` is least. Zero has the sign of positive numbers; of equals the
    first are salient.

    Parameters
    ----------
    weights
        ``[out, K]``, finite.
    fraction
        0 to less than 1; of K, rounded up.

    Raises
    ------
    BitmillError
        If the weights are no finite matrix, or the fraction takes all of a row.

    Source: PB-LLM (arXiv 2310.00034), section 3, magnitudes as the criterion; here as many in every row, so that rows take
    as long.
    """
    matrix = np.asarray(weights, dtype=np.float64)
    if matrix.ndim != 2 or not matrix.size or not np.isfinite(matrix).all():
        raise BitmillError(
            f"weights must be a finite matrix [out, K] of at least one number, not of shape {list(matrix.shape)}"
        )
    length = matrix.shape[1]
    count = ceil(Fraction(fraction) * length) if 0 <= fraction < 1 else length
    if count >= length:
        raise BitmillError(
            f"fraction must be 0 to less than 1 and leave a weight of each row of {length}, not {fraction!r}"
        )
    salient = np.zeros(matrix.shape, dtype=bool)
    order = np.argsort(-np.abs(matrix), axis=1, kind="stable")[:, :count]
    np.put_along_axis(salient, order, True, axis=1)
    magnitudes = np.abs(matrix)
    scale = (np.where(salient, 0, magnitudes).sum(axis=1) / (length - count)).astype(np.float16)
    salient_scale = (np.where(salient, magnitudes, 0).max(axis=1) / _GREATEST).astype(np.float16)
    steps = np.where(salient_scale > 0, salient_scale, 1).astype(np.float64)[:, None]
    codes = np.clip(np.rint(matrix / steps), -_GREATEST, _GREATEST)
    return PartlyBinary(
        signs=np.where(salient, 0, np.where(matrix < 0, -1, 1)).astype(np.int64),
        codes=np.where(salient, codes, 0).astype(np.int64),
        salient=salient,
        scale=scale,
        salient_scale=salient_scale,
    )


def partial_steps(
    config: TritsConfig, parts: PartlyBinary, row: int, activations: ArrayLike
) -> Iterator[tuple[dict[str, Integers], tuple[int, int]]]:
    """A row's product as sums of a dual-binary unit of one row: steps, and what its two totals count.

    The first sum is of the binary part: the weights that are 1 in the first plane and those that are -1 in the second, which
    count 1 and -1. Where there are salient weights four more follow, of their activations alone: two planes of their codes each,
    which count ``2**place``, the highest one negatively.

    Parameters
    ----------
    config
        A dual-binary unit of one row.
    parts
        The matrix.
    row
        Of it.
    activations
        int ``[K]``.

    Raises
    ------
    BitmillError
        If the unit is another.
    """
    if config.weight != "dual-binary" or config.rows != 1:
        raise BitmillError(f"unit must be dual-binary and of one row for partly binarized matrices, not {config.title}")
    vector = np.asarray(activations, dtype=np.int64)
    signs = parts.signs[row]
    yield _steps(config, (signs > 0) + 2 * (signs < 0), vector), (1, -1)
    columns = np.flatnonzero(parts.salient[row])
    if not len(columns):
        return
    codes = parts.codes[row, columns] & (1 << SALIENT_BITS) - 1
    for place in range(0, SALIENT_BITS, 2):
        high = -1 if place + 2 == SALIENT_BITS else 1
        yield _steps(config, codes >> place & 3, vector[columns]), (1 << place, high << place + 1)


def partial_cycles(config: TritsConfig, length: int, salient: int) -> int:
    """Cycles of a row of ``length`` weights, ``salient`` of them so: ``ceil(length / lanes) + 4 * ceil(salient / lanes)``."""
    return ceil(length / config.lanes) + _PASSES * ceil(salient / config.lanes)


def _steps(config: TritsConfig, codes: Integers, activations: Integers) -> dict[str, Integers]:
    """Steps of whole lanes: activations of 0 beyond the end."""
    beyond = -len(codes) % config.lanes
    return {
        "weights": np.pad(codes.astype(np.int64), (0, beyond)).reshape(-1, config.lanes),
        "activations": np.pad(activations, (0, beyond)).reshape(-1, config.lanes),
    }
