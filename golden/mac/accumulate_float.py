"""The float accumulators: per step one rounding, of the exact sum of accumulator and products."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...config import MacConfig
from ...formats import Product
from ..exact import FLOAT64_BITS, Limbs, Pairing, limb_operands, sums_by_shift
from ..parts import Parts
from ..product_rules import operand_facts
from .accumulated import Accumulated
from .float_register import FloatRegister
from .float_steps import in_blocks, run_steps
from .step_scales import StepScales

_FLOAT32_SIGNIFICAND, _FLOAT32_MIN_EXPONENT, _FLOAT32_MAX = 24, -149, float(np.finfo(np.float32).max)
_PIECE_BITS = 21
"""Two significands of scales of 16 bits multiply to at most 32 bits."""
_OUTPUTS_AT_ONCE = 1 << 15
"""Outputs per block of a matrix product, so that the working arrays of a step stay in cache."""


def accumulate_float(
    config: MacConfig,
    pairing: Pairing,
    weight: Parts,
    activation: Parts,
    shape: tuple[int, ...],
    *,
    scales: tuple[StepScales, StepScales] | None = None,
) -> Accumulated:
    """Codes of ``acc = round(acc + S)`` over the steps, ``S`` being the exact sum of ``products_per_rounding`` products.

    That is the products of one step, or of a fused group; the last group of a dot product may have fewer. Rounding is to
    nearest even in the accumulator's format, or toward zero, with IEEE 754's subnormals, overflow and specials. Operands are
    ``[rows, K]`` with ``K`` a multiple of ``lanes``. uint32; NaN results are the positive quiet NaN.

    With ``scales`` of both operands, ``S`` is the sum of the steps' exact sums, each times both of its scales.
    """
    fmt = config.accumulator_format
    assert fmt is not None, "a float accumulator has a format"
    register = FloatRegister(fmt, truncates=config.accumulator.truncates)
    products = config.products_per_rounding

    def block(rows: slice) -> Accumulated:
        mine = None if scales is None else (scales[0].of_rows(rows), scales[1])
        sums = _StepSums(config, register, pairing, weight[rows], activation, mine)
        return run_steps(register, pairing, weight[rows], activation, products, sums.add_to, flagged=config.saturated)

    return in_blocks(pairing, shape, _OUTPUTS_AT_ONCE, block)


class _StepSums:
    """Adds each step's exact sum to an accumulator by the cheapest of three ways that are all exact."""

    def __init__(
        self,
        config: MacConfig,
        register: FloatRegister,
        pairing: Pairing,
        weight: Parts,
        activation: Parts,
        scales: tuple[StepScales, StepScales] | None,
    ) -> None:
        self._register = register
        self._pairing = pairing
        self._products = config.products_per_rounding
        self._scales = scales
        self._lanes = config.lanes
        nearest_fp32 = register.is_fp32 and not register.truncates and scales is None
        self._in_float32 = nearest_fp32 and sums_fit_float32(config.product, self._products)
        if (self._products == 1 and scales is None) or self._in_float32:
            # One product of two significands of at most 24 bits is exact in float64, and so is a sum that fits float32.
            dtype = np.float32 if self._in_float32 else np.float64
            self._weight = _numbers(weight).astype(dtype)
            self._activation = _numbers(activation).astype(dtype)
            self._limbs: tuple[Limbs, Limbs] | None = None
        else:
            self._unit = config.product.min_exponent
            self._limbs = limb_operands(operand_facts(config), (weight, activation), self._products)

    def add_to(self, accumulator: NDArray[Any], step: int) -> NDArray[Any]:
        columns = slice(step * self._products, (step + 1) * self._products)
        if self._limbs is None:
            total = self._pairing.contract(self._weight[:, columns], self._activation[:, columns])
            # Adding +0 turns a step sum of -0 into +0.
            total = total + total.dtype.type(0)
            return accumulator + total if self._in_float32 else self._register.add(accumulator, [total])
        if self._scales is None:
            terms = [np.ldexp(part, shift + self._unit) for shift, part in self._sums(columns).items()]
            return self._register.add(accumulator, terms)
        steps = range(columns.start, min(columns.stop, self._scales[0].parts.nan.shape[1]), self._lanes)
        terms = [term for first in steps for term in self._scaled(self._scales, first)]
        return self._register.add(accumulator, terms)

    def _sums(self, columns: slice) -> dict[int, NDArray[np.float64]]:
        assert self._limbs is not None
        weight, activation = (
            Limbs([(shift, piece[:, columns]) for shift, piece in limbs.pieces]) for limbs in self._limbs
        )
        return sums_by_shift(self._pairing, weight, activation)

    def _scaled(self, scales: tuple[StepScales, StepScales], first: int) -> Iterator[NDArray[np.float64]]:
        """Float64 terms that add up to the sum of one step's products, from column ``first`` on, times both scales."""
        step = first // self._lanes
        exponent = self._pairing.combine(scales[0].exponents[:, step], scales[1].exponents[:, step], np.add)
        factor = self._pairing.combine(scales[0].magnitudes[:, step], scales[1].magnitudes[:, step], np.multiply)
        for shift, part in self._sums(slice(first, first + self._lanes)).items():
            # Integers of 53 bits in pieces whose products with the factor, of 32 bits at most, are integers of 53 bits again.
            for piece, raised in _pieces(part) if np.any(factor != 1) else [(part, 0)]:
                yield np.ldexp(piece * factor, exponent + (shift + raised + self._unit))


def _pieces(part: NDArray[np.float64]) -> Iterator[tuple[NDArray[np.float64], int]]:
    """Integers of at most 53 bits as sums of ``piece * 2**raised``, pieces of at most ``_PIECE_BITS``."""
    for raised in range(0, FLOAT64_BITS + 1, _PIECE_BITS):
        above = np.trunc(np.ldexp(part, -raised - _PIECE_BITS))
        piece = np.trunc(np.ldexp(part, -raised)) - np.ldexp(above, _PIECE_BITS)
        if piece.any():
            yield piece, raised


def sums_fit_float32(product: Product, products: int) -> bool:
    """Whether every sum of so many products is a float32, so that float32 addition already rounds the exact sum once."""
    significand_bits = product.significand_product_bits if products == 1 else product.sum_bits(products)
    largest = max(abs(product.fixed_min), abs(product.fixed_max)) * products
    in_range = product.min_exponent >= _FLOAT32_MIN_EXPONENT and largest * 2.0**product.min_exponent <= _FLOAT32_MAX
    return significand_bits <= _FLOAT32_SIGNIFICAND and in_range


def _numbers(parts: Parts) -> NDArray[np.float64]:
    return np.ldexp(
        np.where(parts.negative, -parts.magnitude, parts.magnitude).astype(np.float64), parts.exponent.astype(np.int32)
    )
