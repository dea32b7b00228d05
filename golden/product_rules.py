"""What a weight times an activation is under every rule of products, and the pairs of operands as one matrix."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..config import MacConfig
from ..formats import Int, Product
from .exact import FixedFacts
from .l_mul import l_mul, l_mul_add
from .parts import Parts, split

Multiply = Callable[[Any, Parts, Parts], tuple[NDArray[Any], NDArray[Any]]]
"""From facts about a product and two operands' parts, whose shapes broadcast, to magnitudes and exponents of nonzero products."""

ONE = Int(name="ONE", width=1, signed=False)
"""What products stand beside where sums of products are wanted: 1."""


@dataclass(frozen=True)
class _Row:
    """``separates``: whether sums of products are matrix products of the operands."""

    multiply: Multiply
    separates: bool = False


def _multiply_exactly(_product: Product, weight: Parts, activation: Parts) -> tuple[NDArray[Any], NDArray[Any]]:
    return weight.magnitude * activation.magnitude, weight.exponent + activation.exponent


RULES: Mapping[str, _Row] = {
    "exact": _Row(_multiply_exactly, separates=True),
    "l-mul": _Row(l_mul),
    "l-mul-add": _Row(l_mul_add),
}
"""By the keys of ``formats.rules``."""


def separates(config: MacConfig) -> bool:
    """Whether sums of the unit's products are matrix products of its operands."""
    return RULES[config.product_rule].separates


def operand_facts(config: MacConfig) -> tuple[FixedFacts, FixedFacts]:
    """Facts about what accumulators' golden functions are given: two operands, or products and ones."""
    if separates(config):
        return config.weight_format, config.activation_format
    return config.product, ONE


def products(config: MacConfig, weight: Parts, activation: Parts) -> Parts:
    """The product of every weight with the activation that it meets, in the shape that theirs broadcast to.

    NaN times anything and infinity times zero are NaN, infinity times a number is infinity; the sign is the XOR of both signs.
    A product with a zero is zero.
    """
    zero = (weight.magnitude == 0) | (activation.magnitude == 0)
    nan = weight.nan | activation.nan
    undefined = (weight.inf & (activation.magnitude == 0) & ~activation.inf) | (
        activation.inf & (weight.magnitude == 0) & ~weight.inf
    )
    inf = (weight.inf | activation.inf) & ~nan & ~undefined
    magnitude, exponent = RULES[config.product_rule].multiply(config.product, weight, activation)
    return Parts(
        negative=weight.negative ^ activation.negative,
        magnitude=np.where(zero, 0, magnitude),
        exponent=np.where(zero, config.product.min_exponent, exponent),
        nan=nan | undefined,
        inf=inf,
    )


def fixed_products(config: MacConfig, weight_codes: ArrayLike, activation_codes: ArrayLike) -> NDArray[Any]:
    """Products of numbers' codes as Python integers in units of ``2**config.product.min_exponent``; shapes broadcast."""
    weight, activation = (
        replace(parts, magnitude=parts.magnitude.astype(object))
        for parts in (
            split(config.weight_format, np.asarray(weight_codes)),
            split(config.activation_format, np.asarray(activation_codes)),
        )
    )
    found = products(config, weight, activation)
    fixed = found.magnitude * 2 ** (found.exponent - config.product.min_exponent).astype(object)
    return np.where(found.negative, -fixed, fixed)


def ones(like: Parts) -> Parts:
    """Parts of the number 1 in that shape."""
    nowhere, shape = np.zeros((), dtype=bool), like.nan.shape
    return Parts(
        *(np.broadcast_to(value, shape) for value in (nowhere, np.int64(1), np.int64(0), nowhere, nowhere)),
    )
