"""LayerNorm and RMSNorm of a row in integers, with the exact integer square root, requantized in the same step."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...config.nonlinear import NormWidths
from ...config.nonlinear.widths import check_integer
from ...system.errors import BitmillError
from ..rows.operands import as_integers, as_rows
from ..rows.requantize import shift_rounded


@dataclass(frozen=True, kw_only=True)
class NormConstants:
    """The integers that a layer gives a normalization.

    Attributes
    ----------
    widths
        Algorithm and widths, to which the others are held.
    multiplier, bias
        int64 ``[C]``, one per channel: gamma and beta in units of the output; gamma may be negative or 0.
    shift
        ``e``: product and bias are in units of ``2**-e`` output steps. ``widths.least_shift`` to ``widths.greatest_shift``.
    epsilon
        What is added to the variance, in units of ``2**-epsilon_fraction_bits`` squares of an input step.

    Raises
    ------
    BitmillError
        If a value does not fit, or multiplier and bias are not two rows of one length.
    """

    widths: NormWidths
    multiplier: NDArray[np.int64]
    bias: NDArray[np.int64]
    shift: int
    epsilon: int = 0

    def __post_init__(self) -> None:
        for name, bits in (("multiplier", self.widths.rule.multiplier_bits), ("bias", self.widths.bias_bits)):
            object.__setattr__(self, name, as_integers(getattr(self, name), bits=bits, name=name))
        if self.multiplier.ndim != 1 or self.bias.shape != self.multiplier.shape:
            raise BitmillError(
                f"multiplier and bias must be of one shape [C], not {self.multiplier.shape} and {self.bias.shape}"
            )
        check_integer("shift", self.shift, self.widths.least_shift, self.widths.greatest_shift)
        check_integer("epsilon", self.epsilon, 0, (1 << self.widths.epsilon_bits) - 1)


def root_norm(constants: NormConstants, x: ArrayLike) -> NDArray[np.int64]:
    """Each row over its standard deviation or its root mean square, times gamma, plus beta.

    All exact but for the floors and the two roundings that are written here::

        S = sum(x) where rule.centred, else 0;   q, rest = divmod(S, N)
        root = floor(2**R * sqrt(N * sum(x**2) - S**2 + N**2 * epsilon / 2**F)), at least 1
        A = floor(N * 2**(f+R) / root);   B = floor(rest * 2**(f+R) / root);   f = input bits + guard bits
        y = round_half_up(((x - q) * A - B) / 2**(f-n))
        z = saturate(round((y * multiplier + bias) / 2**shift))

    with ``R``, ``F`` and ``n`` the rule's bits of fraction of root, epsilon and ``y``. What is added to all of a row changes
    ``q`` alone, so a row is worth the same wherever it lies. A row of equal elements has ``y = 0`` whatever the root is, and
    returns the rounded bias; so does a row of length 1, and without a mean a row of zeros. No width is exceeded:
    ``NormWidths``.

    Parameters
    ----------
    constants
        The layer's integers: see ``norm_constants``.
    x
        ``[..., N]``, any integer dtype, values of ``widths.input_bits``; ``N`` is the number of channels.

    Returns
    -------
    int64 of the shape of ``x``, values of ``widths.output_bits``.

    Raises
    ------
    BitmillError
        If a row's length or a value is refused.
    """
    widths, rule = constants.widths, constants.widths.rule
    rows = as_rows(x, bits=widths.input_bits, longest=widths.max_length)
    length = rows.shape[-1]
    if length != constants.multiplier.size:
        raise BitmillError(
            f"x must have a row of the {constants.multiplier.size} channels of multiplier, not {length!r}"
        )
    total = rows.sum(axis=-1, keepdims=True) * int(rule.centred)
    mean, rest = np.divmod(total, length)
    root = _root(constants, rows, total)
    fraction = widths.factor_fraction_bits
    scaled = 1 << (fraction + rule.root_fraction_bits)
    # Where a row's elements are equal, they meet a factor of any size as 0; as a Python integer, since 63 bits need not hold it.
    bounded = (length * scaled // root & ((1 << widths.factor_bits) - 1)).astype(np.int64)
    offset = (rest.astype(object) * scaled // root).astype(np.int64)
    dropped = fraction - rule.normalized_fraction_bits
    normalized = shift_rounded((rows - mean) * bounded - offset, np.asarray(dropped), up=True)
    totals = normalized * constants.multiplier + constants.bias
    outputs = shift_rounded(totals, np.asarray(constants.shift), up=rule.ties == "up")
    limit = 1 << (widths.output_bits - 1)
    return np.clip(outputs, -limit, limit - 1)


def _root(constants: NormConstants, rows: NDArray[np.int64], total: NDArray[np.int64]) -> NDArray[Any]:
    """The root of each row as a Python integer: radicands may need more than 64 bits."""
    widths, length = constants.widths, rows.shape[-1]
    squares = np.square(rows).sum(axis=-1, keepdims=True).astype(object)
    spread = length * squares - total.astype(object) ** 2
    radicand = (spread << widths.rule.epsilon_fraction_bits) + length**2 * constants.epsilon
    roots = np.frompyfunc(lambda value: max(math.isqrt(value << widths.root_shift), 1), 1, 1)(radicand)
    return np.asarray(roots, dtype=object)
