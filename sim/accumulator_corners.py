"""Dot products aimed at what an accumulator does to sums: limits, ties, overflow, underflow, window distances, groups."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np

from ..config import MacConfig
from ..formats import Format, Minifloat
from ..golden.product_rules import fixed_products
from .dot_product import DotProduct

Pair = tuple[int, int]
"""Codes of a weight and an activation."""


def accumulator_corners(config: MacConfig, *, longest: int) -> Iterator[DotProduct]:
    """Corners of ``config.accumulator``, as far as its formats can reach them in at most ``longest`` products.

    None where no product is 0: what they aim at then moves with every lane that must be filled up.
    """
    return _Corners(config, longest).all() if config.idle_codes else iter(())


class _Corners:
    def __init__(self, config: MacConfig, longest: int) -> None:
        self.config = config
        self.longest = longest
        formats = config.weight_format, config.activation_format
        self.codes = [_some_codes(fmt) for fmt in formats]
        found = fixed_products(config, *np.ix_(*(np.array(codes, dtype=np.int64) for codes in self.codes))).tolist()
        self.products: dict[int, Pair] = {}
        for weight, row in zip(self.codes[0], found, strict=True):
            for activation, value in zip(self.codes[1], row, strict=True):
                self.products.setdefault(value, (weight, activation))
        self.ladder = {sign: sorted(abs(value) for value in self.products if value * sign > 0) for sign in (1, -1)}
        self.signs = [sign for sign in (1, -1) if self.ladder[sign]]
        self.zero = self.products[0]
        self.numbers = [_numbers(fmt, codes) for fmt, codes in zip(formats, self.codes, strict=True)]

    def all(self) -> Iterator[DotProduct]:
        corners = self.config.accumulator.corners(self.config.product)
        if corners.bound is not None:
            unit = 1 << (self.config.unit_exponent - self.config.product.min_exponent)
            yield from self._limits(corners.bound, unit)
            yield from self._least_bit_ties(unit)
        fmt = self.config.accumulator_format
        if fmt is not None:
            yield from self._ties(fmt)
            yield from self._overflow(fmt)
            yield from self._underflow(fmt)
            yield from self._cancellations()
        if corners.distances:
            yield from self._distances(corners.distances)
        if corners.group is not None:
            yield from self._group_ends(corners.group)

    def _sum(self, target: int) -> list[Pair] | None:
        """Products that add up to so many units, the greatest first; None if that takes too many or cannot be."""
        sign = -1 if target < 0 else 1
        left, pairs = abs(target), []
        while left and len(pairs) < self.longest:
            place = bisect_right(self.ladder[sign], left)
            if not place:
                return None
            value = self.ladder[sign][place - 1]
            pairs.append(self.products[sign * value])
            left -= value
        return None if left else pairs

    def _in_turn(self, label: str, *targets: int) -> Iterator[DotProduct]:
        """One dot product whose sum goes from target to target, each starting a step of its own."""
        steps: list[Pair] = []
        previous = 0
        for target in targets:
            pairs = self._sum(target - previous)
            if pairs is None:
                return
            steps += self._whole_steps(pairs)
            previous = target
        if 0 < len(steps) <= self.longest:
            yield self._dot(steps, label)

    def _whole_steps(self, pairs: Sequence[Pair]) -> list[Pair]:
        return [*pairs, *[self.zero] * (-len(pairs) % self.config.lanes)]

    def _dot(self, pairs: Sequence[Pair], label: str) -> DotProduct:
        weight, activation = np.array(pairs, dtype=np.uint64).T
        return DotProduct(weight, activation, label)

    def _limits(self, bound: int, unit: int) -> Iterator[DotProduct]:
        """Sums around the least and the greatest number, in steps of ``unit`` product steps, and what rounds to those."""
        for limit, sign in (((bound - 1) * unit, unit), (-bound * unit, -unit)):
            for target in (limit - sign, limit, limit + sign, *_around_half(limit, sign)):
                yield from self._in_turn(f"sum {target} at the limit {limit}", target)
                yield from self._in_turn(f"back from {target} at the limit {limit}", target, target - sign)
            yield from self._in_turn(f"onto the limit {limit} and beyond", limit - sign, limit, limit + sign)

    def _least_bit_ties(self, unit: int) -> Iterator[DotProduct]:
        """Sums half a least bit above an even and an odd number of them, and one product step to either side of that."""
        for sign in (unit, -unit):
            for start in (0, sign):
                for target in _around_half(start, sign):
                    yield from self._in_turn(f"rounding tie of a least bit of {unit}", start, target)

    def _ties(self, fmt: Minifloat) -> Iterator[DotProduct]:
        """Sums half a last place above an even and an odd significand, and one unit to either side of that."""
        digits = fmt.significand_bits
        for power in (digits, digits + 2):
            for sign in (1, -1):
                half = 1 << (power - digits)
                for start in (1 << power, (1 << power) + 2 * half):
                    for target in (start + half, start + half - 1, start + half + 1):
                        yield from self._in_turn(f"rounding tie of 2**{power} units", sign * start, sign * target)

    def _overflow(self, fmt: Minifloat) -> Iterator[DotProduct]:
        """Sums up to the greatest number, and half a last place beyond, where rounding passes on to infinity."""
        unit = Fraction(2) ** self.config.product.min_exponent
        greatest, half = fmt.max_value / unit, Fraction(2) ** (fmt.max_exponent - 1) / unit
        if greatest.denominator * half.denominator != 1:
            return
        for sign in self.signs:
            if greatest > self.longest * self.ladder[sign][-1]:
                continue
            for beyond in (0, int(half) - 1, int(half), int(half) + 1, 2 * int(half)):
                target = sign * (int(greatest) + beyond)
                yield from self._in_turn("overflow boundary", sign * int(greatest), target)

    def _underflow(self, fmt: Minifloat) -> Iterator[DotProduct]:
        """Halves of the least subnormal, which are lost one by one, and sums just beside them."""
        half = Fraction(2) ** (fmt.min_exponent - 1) / Fraction(2) ** self.config.product.min_exponent
        if half.denominator != 1:
            return
        for sign in (1, -1):
            step = sign * int(half)
            yield from self._in_turn("halves of the least subnormal", step, 2 * step, 3 * step)
            for units in (int(half) - 1, int(half) + 1, 3 * int(half)):
                yield from self._in_turn("around the least subnormal", sign * units, 2 * sign * units)

    def _cancellations(self) -> Iterator[DotProduct]:
        """The least product, then a step whose greatest products cancel: what is far below its exponent must stay."""
        if len(self.signs) == 1:
            return
        value = min(self.ladder[1][-1], self.ladder[-1][-1])
        if value not in self.products or -value not in self.products:
            return
        above = [self.products[value], self.products[-value]]
        for sign in (1, -1):
            least = self.products[sign * self.ladder[sign][0]]
            for rest in ([], [least], [self.products[sign * self.ladder[sign][len(self.ladder[sign]) // 2]]]):
                steps = [*self._whole_steps([least]), *self._whole_steps([*above, *rest])]
                if len(steps) <= self.longest:
                    yield self._dot(steps, "greatest products cancel above the least one")

    def _distances(self, ends: frozenset[int]) -> Iterator[DotProduct]:
        """A product as far below another as ``ends`` say, give or take a few bits, of either sign."""
        product = self.config.product
        distances = {end + step for end in ends for step in range(-2, 5)} | {product.exponent_span}
        top = sum(max(numbers) for numbers in self.numbers)
        above = self._at_exponent(top)
        for distance in sorted(distance for distance in distances if 0 <= distance <= product.exponent_span):
            for below in self._at_exponent(top - distance):
                yield self._dot([above[0], below, below], f"window, {distance} apart")
                yield self._dot([below, above[-1]], f"window, {distance} apart, the smaller first")
            for zero, place in self._zeros():
                for below in self._at_exponent(place - distance):
                    yield self._dot([zero, below], f"window, {distance} below a zero product")

    def _zeros(self) -> Iterator[tuple[Pair, int]]:
        """Zero times the greatest number, either way round, and the exponent of that zero product."""
        weight, activation = self.config.weight_format, self.config.activation_format
        nothing = self.zero
        exponents = max(self.numbers[0]), max(self.numbers[1])
        greatest = [next(iter(numbers[top].values())) for numbers, top in zip(self.numbers, exponents, strict=True)]
        yield (nothing[0], greatest[1]), weight.decode(nothing[0]).exponent + exponents[1]
        yield (greatest[0], nothing[1]), exponents[0] + activation.decode(nothing[1]).exponent

    def _at_exponent(self, exponent: int) -> list[Pair]:
        """Pairs whose exponents add up to that, in ascending order: the greatest and the least magnitude, of either sign."""
        found: dict[int, Pair] = {}
        for left, weights in self.numbers[0].items():
            for weight, code in weights.items():
                for activation, other in self.numbers[1].get(exponent - left, {}).items():
                    found.setdefault(weight * activation, (code, other))
        sides = [[value for value in found if value * sign > 0] for sign in (1, -1)]
        return [found[value] for value in sorted({end(side) for side in sides if side for end in (min, max)})]

    def _group_ends(self, fused: int) -> Iterator[DotProduct]:
        """Alternating extremes and least products up to a group's last product, one less and one more."""
        first, *others = self.signs
        cycle = [self.products[first * self.ladder[first][place]] for place in (-1, 0)]
        if others:
            cycle += [self.products[-self.ladder[-1][0]], self.products[-self.ladder[-1][-1]], cycle[1]]
        lengths = {
            end + step for end in (fused, 2 * fused) for step in (-self.config.lanes, -1, 0, 1, self.config.lanes)
        }
        for length in sorted(length for length in lengths if 1 <= length <= self.longest):
            yield self._dot([cycle[index % len(cycle)] for index in range(length)], f"{length} of groups of {fused}")


def _around_half(start: int, unit: int) -> list[int]:
    """Half a ``unit`` beyond ``start`` and the integers beside that; nothing where a unit has no half."""
    return [start + unit // 2 + step for step in (-1, 0, 1)] if unit % 2 == 0 else []


def _numbers(fmt: Format, codes: list[int]) -> dict[int, dict[int, int]]:
    """Codes of nonzero numbers by exponent, then by signed significand: the extremes of both signs."""
    numbers: dict[int, dict[int, int]] = {}
    for code in codes:
        decoded = fmt.decode(code)
        significand = -decoded.significand if decoded.sign else decoded.significand
        if significand:
            numbers.setdefault(decoded.exponent, {})[significand] = code
    for exponent, found in numbers.items():
        sides = [[value for value in found if value * sign > 0] for sign in (1, -1)]
        numbers[exponent] = {end(side): found[end(side)] for side in sides if side for end in (min, max)}
    return numbers


def _some_codes(fmt: Format) -> list[int]:
    """Every finite code of a narrow format; of a wide one evenly spaced codes and those next to runs of ones."""
    top = (1 << fmt.bits) - 1
    codes = range(top + 1)
    if fmt.bits > 8:
        powers = [1 << position for position in range(fmt.bits)]
        spaced = {top * step // 100 for step in range(101)}
        near = {code & top for power in powers for code in (power, power - 1, top + 1 - power)} | spaced
        codes = sorted(near | {code ^ 1 << fmt.bits - 1 for code in near})
    return [code for code in codes if fmt.decode(code).special is None]
