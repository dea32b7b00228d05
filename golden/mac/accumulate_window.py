"""The aligned window: a step's products cut to a window below their greatest exponent, then one rounding."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...config import MacConfig, WindowAccumulator
from ...config.checks import accumulator_of
from ..exact import Pairing
from ..parts import Parts
from .accumulated import Accumulated
from .float_register import FloatRegister
from .float_steps import in_blocks, run_steps

_OUTPUTS_AT_ONCE = 1 << 12
_PRODUCTS_AT_ONCE = 1 << 18
"""Outputs per block and products per pass, so that the working arrays stay in cache."""
_LOW_BITS = 31


def accumulate_window(
    config: MacConfig, pairing: Pairing, weight: Parts, activation: Parts, shape: tuple[int, ...]
) -> Accumulated:
    """Codes, in ``config.accumulator_format``, of an aligned window of W bits.

    Products are ``m * 2**e``, integers ``m`` of at most P = ``product.significand_product_bits`` bits, not normalised. ``E`` is
    the greatest ``e`` among a step's nonzero products; a zero product takes no part. The window is the W bits from weight
    ``2**(E+P-1)`` down to ``2**(E+P-W)``; below it stand a guard bit, a round bit and a sticky bit, weights ``2**(E+P-W-1)``,
    ``2**(E+P-W-2)`` and ``2**(E+P-W-3)``. Each magnitude ``|m| * 2**e`` is cut to these W+3 bits, the sticky bit being 1 if any
    of its bits at that weight or below is 1. The signed terms are summed exactly, the sum is added to an accumulator with a
    W-bit significand exactly, and the result is rounded to nearest even, once per step. The accumulator's exponent neither
    overflows nor underflows, however long the dot product is; NaN and Inf follow IEEE 754. With ``rounding`` = ``truncate``
    nothing is kept below the window; ``accumulators.WindowAccumulator`` says what is cut then.

    Operands are ``[rows, K]`` with ``K`` a multiple of ``lanes``. uint32, or uint64 where the format is wider.
    """
    fmt = config.accumulator_format
    assert fmt is not None, "a window accumulator has a format"
    register = FloatRegister(fmt, truncates=config.accumulator.truncates)

    def block(rows: slice) -> Accumulated:
        terms = _step_terms(config, pairing, weight[rows], activation)
        return run_steps(
            register,
            pairing,
            weight[rows],
            activation,
            config.lanes,
            lambda accumulator, _: register.add(accumulator, next(terms)),
        )

    return in_blocks(pairing, shape, _OUTPUTS_AT_ONCE, block)


def _step_terms(
    config: MacConfig, pairing: Pairing, weight: Parts, activation: Parts
) -> Iterator[list[NDArray[np.float64]]]:
    """For one step after the other, float64 terms that add up to its window's sum."""
    lanes, (weight_rows, length) = config.lanes, weight.nan.shape
    outputs = pairing.combine(np.zeros(weight_rows), np.zeros(activation.nan.shape[0]), np.add).size
    steps = max(1, _PRODUCTS_AT_ONCE // max(1, outputs * lanes))
    for start in range(0, length, steps * lanes):
        columns = slice(start, start + steps * lanes)
        total, place = _window_sums(config, pairing, weight[:, columns], activation[:, columns])
        high = total >> _LOW_BITS
        parts = [(total - (high << _LOW_BITS), place)] + ([(high, place + _LOW_BITS)] if high.any() else [])
        terms = [np.ldexp(part.astype(np.float64), at) for part, at in parts]
        for step in range(total.shape[-1]):
            yield [term[..., step] for term in terms]


def _window_sums(
    config: MacConfig, pairing: Pairing, weight: Parts, activation: Parts
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The sum of each step's terms, and the exponent of its unit, the sticky bit's: ``[outputs..., steps]`` twice."""
    spec = accumulator_of(config, WindowAccumulator, "accumulate_window")

    def of_products(field: str, operation: np.ufunc) -> NDArray[Any]:
        by_step = [np.reshape(getattr(p, field), (p.nan.shape[0], -1, config.lanes)) for p in (weight, activation)]
        return pairing.combine(by_step[0], by_step[1], operation)

    significand = of_products("magnitude", np.multiply)
    exponent = of_products("exponent", np.add)
    negative = of_products("negative", np.logical_xor)
    # Where all products are zero any exponent will do.
    greatest = np.max(np.where(significand > 0, exponent, config.product.min_exponent), axis=-1, keepdims=True)
    # A significand stands this far above the least bit that is kept; narrow windows cut even the greatest product.
    raised = spec.width + spec.bits_below - config.product.significand_product_bits
    right = np.clip(greatest - exponent + max(0, -raised), 0, 63)
    wide = significand << max(0, raised)
    if config.accumulator.truncates and config.product.significand_signed:
        signed = np.where(negative, -wide, wide)
        return (signed >> right).sum(axis=-1), greatest[..., 0] - raised
    cut = wide >> right
    if not config.accumulator.truncates:
        cut |= (cut << right) != wide
    return np.where(negative, -cut, cut).sum(axis=-1), greatest[..., 0] - raised
