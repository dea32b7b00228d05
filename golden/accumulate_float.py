"""The FP32 accumulator: per step one rounding to nearest even, of the exact sum of accumulator and products."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..config import AcceleratorConfig
from ..formats import Product
from .exact import AllPairs, Limbs, Pairing, limb_operands, sums_by_shift
from .parts import Parts

CANONICAL_NAN = 0x7FC00000
_FLOAT32_SIGNIFICAND, _FLOAT32_MIN_EXPONENT, _FLOAT32_MAX = 24, -149, float(np.finfo(np.float32).max)
_OUTPUTS_AT_ONCE = 1 << 15
"""Outputs per block of a matrix product, so that the working arrays of a step stay in cache."""


def accumulate_float(
    config: AcceleratorConfig, pairing: Pairing, weight: Parts, activation: Parts, shape: tuple[int, ...]
) -> NDArray[np.uint32]:
    """FP32 codes of ``acc = round(acc + S)`` over the steps, ``S`` being the exact sum of ``lanes`` products.

    Operands are ``[rows, K]`` with ``K`` a multiple of ``lanes``. NaN results are 0x7FC00000.

    Source of the rounding to odd that makes the last rounding the only one: Boldo and Melquiond, "Emulation of FMA and
    correctly rounded sums: proved algorithms using rounding to odd", IEEE Transactions on Computers 57(4), 2008.
    """
    if isinstance(pairing, AllPairs):
        rows = max(1, _OUTPUTS_AT_ONCE // max(shape[1], 1))
        blocks = [slice(start, start + rows) for start in range(0, shape[0], rows)]
        results = [_accumulate_block(config, pairing, weight[block], activation) for block in blocks]
        return np.concatenate(results) if results else np.zeros(shape, dtype=np.uint32)
    return _accumulate_block(config, pairing, weight, activation)


def _accumulate_block(
    config: AcceleratorConfig, pairing: Pairing, weight: Parts, activation: Parts
) -> NDArray[np.uint32]:
    lanes = config.lanes
    steps = _StepSums(config, pairing, weight, activation)
    special_columns = np.any(weight.special, axis=0) | np.any(activation.special, axis=0)
    special_steps = np.any(np.reshape(special_columns, (-1, lanes)), axis=1)
    accumulator = pairing.combine(
        np.zeros(weight.nan.shape[0], np.float32), np.zeros(activation.nan.shape[0], np.float32), np.add
    )
    with np.errstate(over="ignore", invalid="ignore"):
        for step in range(weight.nan.shape[1] // lanes):
            following = steps.add_to(accumulator, step)
            if special_steps[step]:
                columns = slice(step * lanes, (step + 1) * lanes)
                special = _special_sum(pairing, weight[:, columns], activation[:, columns])
                following = np.where(special == 0, following, accumulator + special)
            accumulator = following
    return np.where(np.isnan(accumulator), np.uint32(CANONICAL_NAN), accumulator.view(np.uint32))


class _StepSums:
    """Adds each step's exact sum to an accumulator by the cheapest of three ways that are all exact."""

    def __init__(self, config: AcceleratorConfig, pairing: Pairing, weight: Parts, activation: Parts) -> None:
        self._pairing = pairing
        self._lanes = config.lanes
        self._in_float32 = sums_fit_float32(config.product, config.lanes)
        if config.lanes == 1 or self._in_float32:
            # One product of two significands of at most 24 bits is exact in float64, and so is a sum that fits float32.
            dtype = np.float32 if self._in_float32 else np.float64
            self._weight = _numbers(weight).astype(dtype)
            self._activation = _numbers(activation).astype(dtype)
            self._limbs: tuple[Limbs, Limbs] | None = None
        else:
            self._unit = config.product.min_exponent
            formats = config.weight_format, config.activation_format
            self._limbs = limb_operands(formats, (weight, activation), config.lanes)

    def add_to(self, accumulator: NDArray[np.float32], step: int) -> NDArray[np.float32]:
        columns = slice(step * self._lanes, (step + 1) * self._lanes)
        if self._limbs is None:
            total = self._pairing.contract(self._weight[:, columns], self._activation[:, columns])
            # Adding +0 turns a step sum of -0 into +0.
            total = total + total.dtype.type(0)
            return accumulator + total if self._in_float32 else add_rounding_once(accumulator, [total])
        weight, activation = (
            Limbs([(shift, piece[:, columns]) for shift, piece in limbs.pieces]) for limbs in self._limbs
        )
        sums = sums_by_shift(self._pairing, weight, activation)
        terms = [np.ldexp(part, shift + self._unit) for shift, part in sums.items()]
        return add_rounding_once(accumulator, terms)


def sums_fit_float32(product: Product, lanes: int) -> bool:
    """Whether every step's sum is a float32, so that float32 addition already rounds the exact sum once."""
    significand_bits = product.a.significand_bits + product.b.significand_bits
    if lanes > 1:
        significand_bits = product.sum_bits(lanes)
    largest = max(abs(product.fixed_min), abs(product.fixed_max)) * lanes
    in_range = product.min_exponent >= _FLOAT32_MIN_EXPONENT and largest * 2.0**product.min_exponent <= _FLOAT32_MAX
    return significand_bits <= _FLOAT32_SIGNIFICAND and in_range


def add_rounding_once(accumulator: NDArray[np.float32], terms: list[NDArray[np.float64]]) -> NDArray[np.float32]:
    """``accumulator`` plus all terms, rounded to float32 once, as if summed exactly.

    The terms must be float64 whose exact sum needs no exponent outside float64's range.
    """
    # -0 + 0 is +0, also when there is no term.
    expansion = [accumulator.astype(np.float64) + 0.0]
    for term in terms:
        carry, errors = term, []
        for part in expansion:
            carry, error = _two_sum(carry, part)
            errors.append(error)
        expansion = [*errors, carry]
    head, tail = expansion[-1], expansion[-2] if len(terms) == 1 else np.zeros_like(expansion[-1])
    # The parts do not overlap: the first one that does not fit into the head has the sign of all that is left.
    for part in expansion[-2::-1] if len(terms) > 1 else ():
        summed, error = _two_sum(head, part)
        settled = tail != 0
        head, tail = np.where(settled, head, summed), np.where(settled, tail, error)
    # An infinite accumulator has no rounding error to speak of; it stays.
    return np.where(np.isfinite(accumulator), _to_odd(head, tail).astype(np.float32), accumulator)


def _two_sum(a: NDArray[np.float64], b: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The rounded sum and its rounding error, which add up to ``a + b`` exactly (Knuth)."""
    total = a + b
    b_seen = total - a
    return total, (a - (total - b_seen)) + (b - b_seen)


def _to_odd(head: NDArray[np.float64], tail: NDArray[np.float64]) -> NDArray[np.float64]:
    """``head + tail`` rounded to odd, given that ``head`` is it rounded to nearest."""
    patterns = head.view(np.int64)
    inexact = tail != 0
    outward = (tail > 0) == (head > 0)
    moved = patterns + np.where(outward, 1, -1)
    return np.where(inexact & (patterns & 1 == 0), moved, patterns).view(np.float64)


def _numbers(parts: Parts) -> NDArray[np.float64]:
    return np.ldexp(
        np.where(parts.negative, -parts.magnitude, parts.magnitude).astype(np.float64), parts.exponent.astype(np.int32)
    )


def _special_sum(pairing: Pairing, weight: Parts, activation: Parts) -> NDArray[np.float32]:
    """What the specials among a step's operands add: 0 (none), +Inf, -Inf, or NaN."""

    def count(of_weight: NDArray[Any], of_activation: NDArray[Any]) -> NDArray[np.float64]:
        return pairing.contract(of_weight.astype(np.float64), of_activation.astype(np.float64))

    def infinite(parts: Parts) -> NDArray[np.float64]:
        return np.where(parts.inf, np.where(parts.negative, -1.0, 1.0), 0.0)

    def signs(parts: Parts) -> NDArray[np.float64]:
        nonzero = (parts.magnitude > 0) | parts.inf
        return np.where(nonzero, np.where(parts.negative, -1.0, 1.0), 0.0)

    def zeros(parts: Parts) -> NDArray[np.bool_]:
        return (parts.magnitude == 0) & ~parts.special

    nan = pairing.combine(np.any(weight.nan, axis=1), np.any(activation.nan, axis=1), np.logical_or)
    undefined = count(weight.inf, zeros(activation)) + count(zeros(weight), activation.inf)
    # Products with an infinite operand: how many, and the sum of their signs. Both counts see Inf x Inf twice.
    met = count(weight.inf, np.abs(signs(activation))) + count(np.abs(signs(weight)), activation.inf)
    balance = count(infinite(weight), signs(activation)) + count(signs(weight), infinite(activation))
    value = np.where(met == 0, 0.0, np.where(balance == met, np.inf, np.where(balance == -met, -np.inf, np.nan)))
    return np.where(nan | (undefined > 0), np.nan, value).astype(np.float32)
