"""Dot products of fixed-point numbers in chains of short integer sums."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...config.chained import ChainedConfig
from ...system.errors import BitmillError

Integers = NDArray[np.int64]


def dynamic_fixed(x: ArrayLike, bits: int, *, name: str = "x") -> tuple[Integers, int]:
    """A tensor as integers of one exponent: ``x ~ integers * 2**exponent``.

    ``exponent = floor(log2(amax)) - (bits - 2)``, so that the greatest magnitude takes all bits below the sign; integers are
    rounded to nearest, ties to even, and saturated at ``2**(bits - 1) - 1`` of either sign. Zeros have exponent 0.

    Raises
    ------
    BitmillError
        If the bits are not from 2 to 32, or a number is not finite.

    Source: Das et al., arXiv 1802.00930, dynamic fixed point; ties and what saturates are defined here.
    """
    if bits not in range(2, 33):
        raise BitmillError(f"bits must be from 2 to 32, not {bits!r}")
    numbers = np.asarray(x, dtype=np.float64)
    if not np.isfinite(numbers).all():
        raise BitmillError(f"{name} must be finite, not {float(numbers[~np.isfinite(numbers)][0])!r}")
    amax = float(np.abs(numbers).max(initial=0.0))
    exponent = int(np.frexp(amax)[1]) - 1 - (bits - 2) if amax else 0
    most = (1 << bits - 1) - 1
    return np.clip(np.rint(np.ldexp(numbers, -exponent)), -most, most).astype(np.int64), exponent


def words(codes: Integers, lengths: Integers) -> Integers:
    """The low ``lengths`` bits of codes, in two's complement; ``lengths`` is broadcast."""
    low = codes & (1 << lengths) - 1
    return low - ((low >> lengths - 1) << lengths)


def chained_total(config: ChainedConfig, steps: Mapping[str, Integers]) -> dict[str, Any]:
    """``total``, an FP32 code or an integer, and ``overflowed``.

    Parameters
    ----------
    config
        The unit.
    steps
        ``weights`` and ``activations [K, lanes]``, ``weight_length`` and ``activation_length [K]``, which are word lengths less
        one, and of float totals ``exponent [K]``.
    """
    operands = [words(steps[f"{name}s"], steps[f"{name}_length"][:, None] + 1) for name in ("weight", "activation")]
    of_steps = (operands[0] * operands[1]).sum(axis=1)
    half = 1 << config.chain_bits - 1
    exact, rounded, overflowed = 0, np.float32(0), False
    for start in range(0, len(of_steps), config.chain):
        chain = 0
        for step in of_steps[start : start + config.chain].tolist():
            chain += step
            overflowed |= not -half <= chain < half
            chain = (chain + half) % (2 * half) - half
        exact += chain
        if config.is_float:
            last = min(start + config.chain, len(of_steps)) - 1
            rounded += np.ldexp(np.float32(chain), int(steps["exponent"][last]))
    return {"total": int(rounded.view(np.uint32)) if config.is_float else exact, "overflowed": int(overflowed)}
