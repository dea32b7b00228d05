"""The loop that every accumulator with a float register shares: step by step, with NaN and Inf operands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..exact import AllPairs, Pairing
from ..parts import Parts
from .accumulated import Accumulated
from .float_register import FloatRegister

AddStep = Callable[[NDArray[Any], int], NDArray[Any]]
"""From the accumulators before a step and the step's index to those after it."""


def in_blocks(
    pairing: Pairing,
    shape: tuple[int, ...],
    outputs: int,
    block: Callable[[slice], Accumulated],
) -> Accumulated:
    """``block`` of all weight rows at once, or of as many as have ``outputs`` results, so that a step stays in cache."""
    if not isinstance(pairing, AllPairs):
        return block(slice(None))
    rows = max(1, outputs // max(shape[1], 1))
    results = [block(slice(start, start + rows)) for start in range(0, max(shape[0], 1), rows)]
    flags = [block.saturated for block in results if block.saturated is not None]
    return Accumulated(np.concatenate([block.value for block in results]), np.concatenate(flags) if flags else None)


def run_steps(
    register: FloatRegister,
    pairing: Pairing,
    weight: Parts,
    activation: Parts,
    products: int,
    add_step: AddStep,
    *,
    flagged: bool = False,
) -> Accumulated:
    """Codes after all steps of ``products`` products, the last step possibly shorter; specials override the sums.

    With ``flagged`` also which sums overflowed.
    """
    special_columns = np.any(weight.special, axis=0) | np.any(activation.special, axis=0)
    zeros = [np.zeros(parts.nan.shape[0], register.dtype) for parts in (weight, activation)]
    accumulator = pairing.combine(zeros[0], zeros[1], np.add)
    saturated = np.zeros(accumulator.shape, dtype=bool) if flagged else None
    with np.errstate(over="ignore", invalid="ignore"):
        for step in range(-(-weight.nan.shape[1] // products)):
            following = add_step(accumulator, step)
            if saturated is not None:
                saturated |= np.isinf(following) & np.isfinite(accumulator)
            following = register.limited(following, accumulator)
            columns = slice(step * products, (step + 1) * products)
            if np.any(special_columns[columns]):
                special = _special_sum(pairing, weight[:, columns], activation[:, columns]).astype(register.dtype)
                following = np.where(special == 0, following, accumulator + special)
            accumulator = following
    return Accumulated(register.codes(accumulator), saturated)


def _special_sum(pairing: Pairing, weight: Parts, activation: Parts) -> NDArray[np.float64]:
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
    return np.where(nan | (undefined > 0), np.nan, value)
