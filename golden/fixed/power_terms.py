"""Weights that are sums of a few signed powers of two: their numbers, the nearest ones to a tensor's, and products."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...config.power_terms import PowerTermsConfig
from ...system.errors import BitmillError

Integers = NDArray[np.int64]


def term_values(config: PowerTermsConfig, terms: ArrayLike) -> Integers:
    """What codes of terms stand for, of any shape: 0, or ``(-1)**sign * 2**(m - 1)``."""
    codes = np.asarray(terms, dtype=np.int64)
    places = codes & (1 << config.place_bits) - 1
    return np.where(places > 0, 1 << np.maximum(places - 1, 0), 0) * (1 - 2 * (codes >> config.place_bits))


def power_sums(config: PowerTermsConfig, weights: ArrayLike, *, name: str = "weights") -> tuple[Integers, Integers]:
    """The weights nearest to numbers, as codes of terms and as what these sum up to.

    Of two that are equally near the one of less magnitude is taken; what is beyond the greatest one becomes that. Of the ways to
    write a weight the one with the fewest terms is taken.

    Parameters
    ----------
    config
        The unit.
    weights
        Finite numbers of any shape, over their scales.
    name
        What to call them in errors.

    Returns
    -------
    Codes int64 ``[..., terms]``, and weights int64.

    Raises
    ------
    BitmillError
        If a number is not finite.
    """
    x = np.asarray(weights, dtype=np.float64)
    if not np.isfinite(x).all():
        raise BitmillError(f"{name} must be finite, not {float(x[~np.isfinite(x)][0])!r}")
    values, codes = _ways(config.terms, config.place_bits)
    magnitude = np.abs(x)
    above = np.minimum(np.searchsorted(values, magnitude), len(values) - 1)
    below = np.maximum(above - 1, 0)
    index = np.where(values[above] - magnitude < magnitude - values[below], above, below)
    index = np.where(magnitude == 0, 0, index)
    found = codes[index]
    # The negation of a weight has each of its terms that is not zero negated.
    negated = np.where(found & (1 << config.place_bits) - 1, found ^ 1 << config.place_bits, 0)
    negative = x < 0
    return np.where(negative[..., None], negated, found), np.where(negative, -values[index], values[index])


def power_terms_total(config: PowerTermsConfig, steps: Mapping[str, Integers]) -> dict[str, int]:
    """``total``: sum over steps and lanes of weight times activation, exactly.

    Parameters
    ----------
    config
        The unit.
    steps
        ``terms [K, lanes * terms]`` and ``activations [K, lanes]``.
    """
    count = len(steps["activations"])
    weights = term_values(config, steps["terms"]).reshape(count, config.lanes, config.terms).sum(axis=-1)
    return {"total": int((weights * steps["activations"]).sum())}


@lru_cache(maxsize=16)
def _ways(terms: int, place_bits: int) -> tuple[Integers, Integers]:
    """All weights that are not negative, ascending, and terms that they are the sum of, as few as there can be."""
    sign, numbers = 1 << place_bits, {0: 0} | {1 << m - 1: m for m in range(1, 1 << place_bits)}
    signed = numbers | {-value: code | sign for value, code in numbers.items() if value}
    ways: dict[int, tuple[int, ...]] = {0: ()}
    for _ in range(terms):
        for (value, way), (term, code) in product(list(ways.items()), signed.items()):
            ways.setdefault(value + term, (*way, code))
    kept = sorted(value for value in ways if value >= 0)
    return np.array(kept), np.array([(*ways[value], *(0,) * (terms - len(ways[value]))) for value in kept])
