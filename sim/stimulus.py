"""Dot products that try a unit: directed corners of its formats and sizes, then seeded random codes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from ..config import MacConfig
from ..formats import Format, Special
from ..system.errors import BitmillError
from .accumulator_corners import accumulator_corners
from .dot_product import DotProduct
from .payload import Codes

__all__ = ["DotProduct", "exhaustive_pairs", "random_codes", "stimuli"]

_ENUMERATED_BITS = 12
_LONGEST_RANDOM_STEPS = 24


@dataclass(frozen=True)
class _Corners:
    """Codes of a format that matter: extremes, least magnitudes, zeros and specials."""

    greatest: int
    least: int
    zeros: tuple[int, ...]
    tiny: tuple[int, ...]
    specials: tuple[int, ...]
    infinities: tuple[int, ...]


@cache
def _corners(fmt: Format) -> _Corners:
    if fmt.bits <= _ENUMERATED_BITS:
        codes: list[int] = list(range(1 << fmt.bits))
    else:
        # Every extreme of a wide format is a run of ones or next to it: 2**a - 2**b - 1 .. 2**a - 2**b + 1.
        powers = [1 << position for position in range(fmt.bits + 1)]
        runs = {high - low + step for high, low, step in product(powers, powers, (-1, 0, 1)) if high >= low}
        codes = sorted(code for code in runs if 0 <= code < 1 << fmt.bits)
    decoded = {code: fmt.decode(code) for code in codes}
    finite = {code: number.value for code, number in decoded.items() if number.special is None}
    magnitudes = sorted({abs(value) for value in finite.values() if value})[:3]
    return _Corners(
        greatest=max(finite, key=finite.__getitem__),
        least=min(finite, key=finite.__getitem__),
        zeros=tuple(code for code, value in finite.items() if value == 0),
        tiny=tuple(code for code, value in finite.items() if abs(value) in magnitudes),
        specials=tuple(code for code, number in decoded.items() if number.special is not None)[:8],
        infinities=tuple(code for code, number in decoded.items() if number.special is Special.INF),
    )


def random_codes(fmt: Format, rng: np.random.Generator, size: int, *, finite: bool) -> Codes:
    """Codes drawn uniformly [size]; with ``finite`` specials are replaced by a zero."""
    codes = rng.integers(0, 1 << fmt.bits, size, dtype=np.uint64)
    if finite and (fmt.has_nan or fmt.has_inf):
        special = np.fromiter((fmt.decode(int(code)).special is not None for code in codes), bool, size)
        codes[special] = fmt.first_number if fmt.zero_code is None else _corners(fmt).zeros[0]
    return codes


def idle_codes_of(config: MacConfig) -> tuple[int, int]:
    """Codes of a weight and an activation whose product is 0, or is any number where none is 0."""
    return config.idle_codes or (config.weight_format.first_number, config.activation_format.first_number)


def whole_length(config: MacConfig, length: int) -> int:
    """Products of a dot product that ask for nothing to fill up its last step, where nothing can."""
    return length if config.idle_codes else -(-length // config.lanes) * config.lanes


def _whole(config: MacConfig, item: DotProduct) -> DotProduct:
    """The dot product with its last codes repeated up to a whole step, where products of 0 would be missing."""
    missing = whole_length(config, len(item)) - len(item)
    weights, activations = (
        np.pad(codes, (0, missing), mode="edge") for codes in (item.weight_codes, item.activation_codes)
    )
    return replace(item, weight_codes=weights, activation_codes=activations) if missing else item


def stimuli(
    config: MacConfig, rng: np.random.Generator, *, count: int = 100, corner_steps: int = 4200
) -> list[DotProduct]:
    """Directed corners followed by ``count`` random dot products.

    Corners: extreme times extreme of either sign, alone and repeated to the accumulator's limit; zeros; least
    magnitudes; cancellation; every kind of special in either operand and in the last lane; ragged lengths; exactly
    k_max and one step more; what the accumulator does to sums (limits, ties, over- and underflow, window distances, ends
    of groups). A quarter of the random ones may hold specials, which would otherwise hide most sums of formats that have
    them.

    Parameters
    ----------
    config
        The unit.
    rng
        The only source of randomness.
    count
        Random dot products.
    corner_steps
        The most steps one corner may take; repeated extremes are cut to it, and too_long is left out if it needs more.

    Raises
    ------
    BitmillError
        If ``count`` is negative or ``corner_steps`` is not positive.
    """
    if count < 0:
        raise BitmillError(f"dot_products must be at least 0, not {count!r}")
    if corner_steps < 1:
        raise BitmillError(f"corner_steps must be at least 1, not {corner_steps!r}")
    builder = _Builder(config, rng, corner_steps)
    aimed = accumulator_corners(config, longest=min(config.padded_k_max, corner_steps * config.lanes))
    found = [
        *builder.extremes(),
        *builder.small(),
        *builder.specials(),
        *builder.lengths(),
        *builder.random(count),
        *aimed,
    ]
    return [_whole(config, item) for item in found]


def exhaustive_pairs(config: MacConfig) -> tuple[Codes, Codes]:
    """Every pair of codes as a dot product of length 1: weight codes and activation codes [pairs, 1].

    Raises
    ------
    BitmillError
        If there are more than 2**16 pairs.
    """
    weight_bits, activation_bits = config.weight_format.bits, config.activation_format.bits
    if weight_bits + activation_bits > 16:
        raise BitmillError(f"exhaustive pairs need at most 16 operand bits, not {weight_bits + activation_bits}")
    pairs = np.arange(1 << (weight_bits + activation_bits), dtype=np.uint64)[:, None]
    return pairs >> np.uint64(activation_bits), pairs & np.uint64((1 << activation_bits) - 1)


class _Builder:
    def __init__(self, config: MacConfig, rng: np.random.Generator, corner_steps: int) -> None:
        self.config = config
        self.rng = rng
        self.steps = corner_steps
        self.weight, self.activation = _corners(config.weight_format), _corners(config.activation_format)

    def _draw(self, length: int, *, finite: bool = True) -> tuple[Codes, Codes]:
        weight, activation = self.config.weight_format, self.config.activation_format
        return (
            random_codes(weight, self.rng, length, finite=finite),
            random_codes(activation, self.rng, length, finite=finite),
        )

    def _choice(self, codes: tuple[int, ...], length: int) -> Codes:
        return self.rng.choice(np.array(codes, dtype=np.uint64), length)

    def extremes(self) -> Iterator[DotProduct]:
        w, a = self.weight, self.activation
        pairs = [(x, y) for x in (w.least, w.greatest) for y in (a.least, a.greatest)]
        longest = min(self.config.padded_k_max, self.steps * self.config.lanes)
        for x, y in pairs:
            yield _repeated(x, y, 1, "one extreme product")
        weight, activation = self.config.weight_format, self.config.activation_format
        values = [(_fixed(weight, x) * _fixed(activation, y), x, y) for x, y in pairs]
        for _, x, y in (max(values), min(values)):
            yield _repeated(x, y, longest, f"extreme product repeated {longest} times")
        _, x, y = max(values)
        length = 6 * self.config.lanes + 1
        negative = min(values)[1:]
        weights = np.where(np.arange(length) % 2, np.uint64(x), np.uint64(negative[0]))
        activations = np.where(np.arange(length) % 2, np.uint64(y), np.uint64(negative[1]))
        yield DotProduct(*self._clip(weights, activations), "alternating extremes")

    def small(self) -> Iterator[DotProduct]:
        w, a, lanes = self.weight, self.activation, self.config.lanes
        length = min(3 * lanes, self.config.padded_k_max)
        if w.zeros and a.zeros:
            yield DotProduct(self._choice(w.zeros, length), self._choice(a.zeros, length), "zeros")
        if w.zeros:
            yield DotProduct(self._choice(w.zeros, length), self._draw(length)[1], "zero weights")
        if a.zeros:
            yield DotProduct(self._draw(length)[0], self._choice(a.zeros, length), "zero activations")
        yield DotProduct(self._choice(w.tiny, length), self._choice(a.tiny, length), "least magnitudes")
        # The least product between two greatest ones that cancel: an accumulator that rounds loses it.
        weights = np.array([w.greatest, w.tiny[0], w.least, w.greatest], dtype=np.uint64)
        activations = np.array([a.greatest, a.tiny[-1], a.greatest, idle_codes_of(self.config)[1]], dtype=np.uint64)
        yield DotProduct(*self._clip(weights, activations), "cancellation around the least product")

    def specials(self) -> Iterator[DotProduct]:
        w, a, lanes = self.weight, self.activation, self.config.lanes
        length = min(2 * lanes + 1, self.config.padded_k_max)
        for in_weight, codes in ((True, w.specials), (False, a.specials)):
            for code in codes:
                for position in sorted({0, length // 2, length - 1}):
                    operands = self._draw(length)
                    operands[0 if in_weight else 1][position] = code
                    yield DotProduct(*operands, "one special")
            if codes:
                yield DotProduct(*self._draw(length), "no special after specials")
        for code in w.infinities:
            if a.zeros:
                yield _repeated(code, a.zeros[0], 1, "infinity times zero")
            for other in w.infinities:
                weights, activations = self._draw(length)
                activations[0] = activations[-1] = a.greatest
                weights[0], weights[-1] = code, other
                yield DotProduct(weights, activations, "two infinities")
        for code in a.infinities:
            if w.zeros:
                yield _repeated(w.zeros[0], code, 1, "zero times infinity")
            for other in w.infinities:
                yield _repeated(other, code, 1, "infinity times infinity")

    def lengths(self) -> Iterator[DotProduct]:
        lanes, longest, steps = self.config.lanes, self.config.padded_k_max, self.config.max_steps
        ragged = {1, 2, lanes - 1, lanes, lanes + 1, 2 * lanes - 1, 2 * lanes, 2 * lanes + 1, 3 * lanes}
        for length in sorted(length for length in ragged if 1 <= length <= longest):
            yield DotProduct(*self._draw(length), f"length {length}")
        if steps <= self.steps:
            yield DotProduct(*self._draw(self.config.k_max), "exactly k_max")
        if steps < self.steps:
            yield DotProduct(*self._draw(longest + 1), "one step more than k_max")
            yield DotProduct(*self._draw(lanes), "a short one after too_long")
        if 2 * steps + 3 <= min(self.steps, 64):
            yield DotProduct(*self._draw((2 * steps + 2) * lanes + 1), "more than twice k_max")

    def random(self, count: int) -> Iterator[DotProduct]:
        lanes = self.config.lanes
        longest = min(self.config.padded_k_max, _LONGEST_RANDOM_STEPS * lanes)
        for index in range(count):
            length = int(np.exp(self.rng.uniform(0, np.log(longest + 1))))
            yield DotProduct(*self._draw(max(1, length), finite=index % 4 != 0), "random")

    def _clip(self, weights: NDArray[np.uint64], activations: NDArray[np.uint64]) -> tuple[Codes, Codes]:
        longest = self.config.padded_k_max
        return weights[:longest], activations[:longest]


def _repeated(weight: int, activation: int, length: int, label: str) -> DotProduct:
    return DotProduct(np.full(length, weight, np.uint64), np.full(length, activation, np.uint64), label)


def _fixed(fmt: Format, code: int) -> int:
    """The value of a finite code in units of the format's least step."""
    return int(fmt.decode(code).value / Fraction(2) ** fmt.min_exponent)
