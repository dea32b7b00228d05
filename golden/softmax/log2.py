"""Softmax as codes of powers of two, from exponentials and their sum without a division."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...config.nonlinear import LARGEST, Log2SoftmaxRule, PolynomialSoftmaxRule, ShiftmaxRule
from ...system.errors import BitmillError
from ..rows.by_rule import ByRule
from .polynomial import polynomial_exponentials
from .shiftmax import shiftmax_exponentials

EXPONENTIALS = ByRule("softmax", "whose exponentials are integers of one step")
EXPONENTIALS.register(ShiftmaxRule.KEY)(shiftmax_exponentials)
EXPONENTIALS.register(PolynomialSoftmaxRule.KEY)(polynomial_exponentials)


def log2_softmax(
    rule: ShiftmaxRule | PolynomialSoftmaxRule,
    x: ArrayLike,
    *,
    scale: float,
    mask: ArrayLike | None = None,
    codes: Log2SoftmaxRule,
) -> NDArray[np.int64]:
    """Softmax of each row as ``log2_codes`` of the exponentials that ``rule`` computes.

    Parameters
    ----------
    rule, x, scale, mask
        As for the rule's softmax, whose output bits play no part.
    codes
        Width of the codes.

    Raises
    ------
    BitmillError
        As the rule's softmax, or if a row's sum passes ``2**31 - 1``.
    """
    return log2_codes(codes, EXPONENTIALS.of(rule)(rule, x, scale=scale, mask=mask))


def log2_codes(codes: Log2SoftmaxRule, exponentials: NDArray[np.int64]) -> NDArray[np.int64]:
    """``clip(round(-log2(e / S)), 0, 2**bits - 1)`` of each element of a row, ``S`` its sum.

    Exact, because a code is at least ``k + 1`` if ``S > e * 2**(k + 1/2)``, which compares integers; a tie there is none::

        T[k] = floor(sqrt(S**2 / 2**(2*k + 1)));   code = number of k from 0 to 2**bits - 2 with e <= T[k]

    So a row needs ``2**bits - 1`` thresholds, and an element as many comparisons. There is no code for 0: what is masked,
    or 0, gets the greatest code, and who multiplies by ``2**-code`` must leave masked elements out.

    Parameters
    ----------
    codes
        Width of the codes.
    exponentials
        int64 ``[..., L]``, at least 0.

    Returns
    -------
    int64 of the same shape, 0 to ``2**bits - 1``; a row of zeros gives the greatest code throughout.

    Raises
    ------
    BitmillError
        If a row's sum passes ``2**31 - 1``.

    Source: FQ-ViT (Lin et al., IJCAI 2022), section "Log-Int-Softmax", whose rounding of the logarithm is approximate.
    """
    total = exponentials.sum(axis=-1, keepdims=True)
    if total.size and int(total.max()) > LARGEST:
        raise BitmillError(f"exponentials of a row must sum to at most {LARGEST}, not {int(total.max())!r}")
    greatest = (1 << codes.bits) - 1
    # S > e * 2**(k + 1/2) compares squares; they are never equal, so the floor leaves the answer as it is.
    squares, most = np.square(exponentials), np.square(total)
    found = sum(((squares <= most >> (2 * k + 1)).astype(np.int64) for k in range(greatest)), start=0 * squares)
    return np.where(exponentials == 0, greatest, found)
