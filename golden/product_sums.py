"""Sums of products under any rule as few matrix products in float64: what whole models can be judged by."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..config import MacConfig
from ..system.errors import BitmillError
from .parts import Parts, checked_codes, split

Factors = Callable[[Any, Parts, Parts], Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]]
"""From facts about a product and two operands' parts to pairs of matrices, whose products add up to the sums of products."""


def product_sums(config: MacConfig, weight_codes: ArrayLike, activation_codes: ArrayLike) -> NDArray[np.float64]:
    """``sum over k of product(weight[m, k], activation[n, k])`` in float64, ``[M, N]``, whatever the unit's accumulator.

    Every product is what the rule says; sums are rounded as float64 sums are. ``matmul`` gives what the hardware gives, pair by
    pair where a rule does not separate; this takes one matrix product for exact products, two for ``l-mul`` and, for
    ``l-mul-add``, one for each mantissa that weights have.

    Parameters
    ----------
    config
        Formats and rule; nothing else counts.
    weight_codes, activation_codes
        Codes of numbers, ``[M, K]`` and ``[N, K]``.

    Raises
    ------
    BitmillError
        If a code is out of range or no number, or the lengths differ.
    """
    operands = []
    for name, fmt, codes in (
        ("weight_codes", config.weight_format, weight_codes),
        ("activation_codes", config.activation_format, activation_codes),
    ):
        parts = split(fmt, checked_codes(fmt, codes, name=name))
        if parts.special.any():
            raise BitmillError(
                f"{name} must be codes of numbers, not of {int(parts.special.sum())} NaN or infinite ones"
            )
        operands.append(parts)
    weight, activation = operands
    if weight.nan.ndim != 2 or activation.nan.ndim != 2 or weight.nan.shape[1] != activation.nan.shape[1]:
        shapes = weight.nan.shape, activation.nan.shape
        raise BitmillError(
            f"activation_codes must be [N, K] beside weight_codes [M, K], not {shapes[1]} beside {shapes[0]}"
        )
    total = np.zeros((weight.nan.shape[0], activation.nan.shape[0]))
    for of_weight, of_activation in FACTORS[config.product_rule](config.product, weight, activation):
        total += of_weight @ of_activation.T
    return total


def _exact(_product: Any, weight: Parts, activation: Parts) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    yield weight.values(), activation.values()


def _l_mul(product: Any, weight: Parts, activation: Parts) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """``(1 + x + c) * 1 + 1 * y``, each factor times its sign and power of two."""
    ones = _leading(product, weight), _leading(product, activation)
    yield weight.values() + ones[0] * product.added / (1 << product.mantissa_bits), ones[1]
    yield ones[0], activation.values() - ones[1]


def _l_mul_add(product: Any, weight: Parts, activation: Parts) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """The weights of one mantissa, and what each activation is with it."""
    ones = _leading(product, weight), _leading(product, activation)
    one = 1 << product.mantissa_bits
    for mantissa in np.unique(weight.magnitude[weight.magnitude > 0]).tolist():
        total = mantissa + activation.magnitude - 2 * one + product.added
        with_it = np.ldexp((1 + (total & (one - 1)) / one), (total >> product.mantissa_bits).astype(np.int32))
        yield np.where(weight.magnitude == mantissa, ones[0], 0.0), ones[1] * with_it


def _leading(product: Any, parts: Parts) -> NDArray[np.float64]:
    """The power of two of each number, with its sign; 0 of zeros."""
    power = np.ldexp(
        np.sign(parts.magnitude).astype(np.float64), parts.exponent.astype(np.int32) + product.mantissa_bits
    )
    return np.where(parts.negative, -power, power)


FACTORS: Mapping[str, Factors] = {"exact": _exact, "l-mul": _l_mul, "l-mul-add": _l_mul_add}
"""By the keys of ``formats.rules``."""
