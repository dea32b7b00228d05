"""How wide the integers of ``RootNormRule`` become: what golden promises and what hardware is built for."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ...formats import signed_bits
from ...system.errors import BitmillError
from .layernorm_rules import RootNormRule
from .widths import check_integer


@dataclass(frozen=True, kw_only=True)
class NormWidths:
    """Widths that suffice for every row of up to ``max_length`` elements, whatever they are.

    With ``N`` the length, ``b`` the bits of an input, ``c`` 1 where the mean is taken off and else 0, ``x`` an input and ``d``
    what ``N`` times it is above the sum (all of it where ``c`` is 0)::

        D = N * sum(x**2) - c * sum(x)**2;   D >= N - c unless D = 0;   d**2 <= D * (N - c)
        root = floor(2**R * sqrt(D + N**2 * epsilon))
        raw = (x - q) * floor(N * 2**(f+R) / root) - floor((sum(x) - q*N) * 2**(f+R) / root),   q = c * floor(sum(x) / N)

    ``D`` is the sum of ``(x - y)**2`` over all pairs, of which ``N - 1`` at least differ if any two do, or ``N`` times a sum of
    squares of which one at least is not 0. So ``root >= 2**R * sqrt(N-c) - 1``, which bounds ``N * 2**(f+R) / root``; the
    flooring of the factors moves ``raw`` by less than ``2**b`` from ``d * 2**(f+R) / root``, and that of the root by less than
    ``2**(f+1-R)`` more, so that ``raw / 2**f`` is within ``sqrt(N-c) + 2**(1-R) + 2**(b-f)``.

    Attributes
    ----------
    rule
        The algorithm.
    input_bits
        Of the signed inputs, 2 to 16.
    output_bits
        Of the signed outputs, 2 to 32.
    max_length
        Longest row, 1 to ``2**20``.

    Raises
    ------
    BitmillError
        If a value is not one of those listed.
    """

    rule: RootNormRule
    input_bits: int
    output_bits: int
    max_length: int

    def __post_init__(self) -> None:
        if not isinstance(self.rule, RootNormRule):
            raise BitmillError(f"rule must be a RootNormRule, not {self.rule!r}")
        check_integer("input_bits", self.input_bits, 2, 16)
        check_integer("output_bits", self.output_bits, 2, 32)
        check_integer("max_length", self.max_length, 1, 1 << 20)

    @property
    def length_bits(self) -> int:
        """Width of a row's length, ``N``."""
        return self.max_length.bit_length()

    @property
    def epsilon_bits(self) -> int:
        """Width of the epsilon: as great as the greatest variance, and no greater."""
        return self.rule.epsilon_fraction_bits + 2 * self.input_bits - 2

    @property
    def radicand_bits(self) -> int:
        """Width of ``D + N**2 * epsilon`` with the epsilon's bits of fraction: both are at most ``N**2 * 4**(b-1)``."""
        greatest = self.max_length**2 << (2 * self.input_bits - 1 + self.rule.epsilon_fraction_bits)
        return greatest.bit_length()

    @property
    def root_shift(self) -> int:
        """How far the radicand moves up before its root is drawn."""
        return 2 * self.rule.root_fraction_bits - self.rule.epsilon_fraction_bits

    @property
    def root_bits(self) -> int:
        """Width of the square root of the radicand, moved up by ``root_shift``."""
        return (self.radicand_bits + self.root_shift + 1) // 2

    @property
    def factor_fraction_bits(self) -> int:
        """Bits of fraction of the factor, ``f``: those of an input and the rule's guard bits."""
        return self.input_bits + self.rule.factor_guard_bits

    @property
    def factor_bits(self) -> int:
        """Width of ``floor(N * 2**(f+R) / root)``; what the sum leaves over ``N`` is below ``N``, its factor no greater."""
        # N / sqrt(N - c) grows from length 2 on, and a row of one element has D = 0 if it has a mean.
        length = max(self.max_length, 2)
        exact = 1 + math.isqrt((length**2 << 2 * self.factor_fraction_bits) // (length - self.rule.centred))
        return (exact + (exact >> (self.rule.root_fraction_bits - 1)) + 1).bit_length()

    @property
    def greatest_normalized(self) -> int:
        """Bound of the magnitude of a normalized element, rounded to its bits of fraction."""
        length = max(self.max_length, 2) - self.rule.centred
        # Rounding adds a half, the factors' flooring 1 at most, the root's less than 1, and this root's own less than 1.
        return math.isqrt(length << 2 * self.rule.normalized_fraction_bits) + 3

    @property
    def normalized_bits(self) -> int:
        """Width of a signed normalized element."""
        return signed_bits(-self.greatest_normalized, self.greatest_normalized)

    @property
    def bias_bits(self) -> int:
        """Width of a channel's signed bias, in units of the product of a normalized element and a multiplier, and of that."""
        greatest = self.greatest_normalized << (self.rule.multiplier_bits - 1)
        return signed_bits(-greatest, greatest)

    @property
    def total_bits(self) -> int:
        """Width of the sum of product and bias."""
        return self.bias_bits + 1

    @property
    def least_shift(self) -> int:
        """The least ``e`` of products and biases in units of ``2**-e`` output steps."""
        return max(self.rule.normalized_fraction_bits + self.rule.multiplier_bits - 1 - self.output_bits, 0)

    @property
    def greatest_shift(self) -> int:
        """The greatest ``e``, as far above the least as the rule's ``shift_bits`` reach."""
        return self.least_shift + (1 << self.rule.shift_bits) - 1
