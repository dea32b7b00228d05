"""Clipped softmax: a softmax's output stretched and clipped, so that attention may be exactly 0."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...config.nonlinear import ClippedSoftmaxRule
from ...config.nonlinear.widths import check_integer
from ...system.errors import BitmillError
from ..rows.operands import as_integers

INPUT_BITS = 32


def clip_softmax(rule: ClippedSoftmaxRule, y: ArrayLike, *, one: int) -> NDArray[np.int64]:
    """``clip((zeta - gamma) * y + gamma, 0, 1)`` of a softmax's output, in the same units.

    With ``f = rule.fraction_bits``, both constants rounded with ties to even and the result with ties up::

        A = round((zeta - gamma) * 2**f);   B = round(gamma * one * 2**f)
        clipped = clip((A * y + B + 2**(f-1)) >> f, 0, one - 1)

    1 becomes the greatest output ``one - 1``, as in the softmax. A masked element is 0 and stays so, because ``gamma`` is
    not positive; so does everything below ``-gamma / (zeta - gamma)``.

    Parameters
    ----------
    rule
        The stretch, and the bits of its constants.
    y
        Any shape and integer dtype, 0 to ``one``: a softmax's output.
    one
        What stands for 1 in ``y``: the inverse of its unit, 2 to ``2**31``.

    Returns
    -------
    int64 of the shape of ``y``, 0 to ``one - 1``.

    Raises
    ------
    BitmillError
        If a value is out of range.

    Source: Bondarenko, Nagel and Blankevoort, "Quantizable Transformers" (NeurIPS 2023), section "Clipped softmax"; the
    rounding is ours.
    """
    check_integer("one", one, 2, 1 << 31)
    values = as_integers(y, bits=INPUT_BITS + 1, name="y")
    for extreme in (int(values.min()), int(values.max())) if values.size else ():
        if not 0 <= extreme <= one:
            raise BitmillError(f"y must be from 0 to {one}, not {extreme!r}")
    unit = 1 << rule.fraction_bits
    slope, offset = round((rule.zeta - rule.gamma) * unit), round(rule.gamma * one * unit)
    return np.clip((slope * values + offset + unit // 2) >> rule.fraction_bits, 0, one - 1)
