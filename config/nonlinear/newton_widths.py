"""How wide the integers of ``LayerNormRule`` become: what golden promises and what hardware is built for."""

from __future__ import annotations

from dataclasses import dataclass

from ...system.errors import BitmillError
from .layernorm_rules import LayerNormRule
from .widths import WIDTH, check_integer

NEWTON_INPUT_BITS = 16
NEWTON_LONGEST_ROW = 1 << 20
"""With inputs of 16 bits the sum of squares is below ``2**54``."""
NEWTON_BIAS_BITS = 32
NEWTON_START = 1 << 16


@dataclass(frozen=True, kw_only=True)
class NewtonWidths:
    """Widths that suffice for every row of up to ``max_length`` elements, whatever they are.

    From the first step on ``k >= floor(sqrt(V))``, which no deviation's magnitude exceeds: so a deviation times
    ``(2**31 - 1) // k`` is within ``2**31 - 1``, and a row of zeros has products of 0. The first step ends at most at the
    greater of ``2**16`` and ``V / 2**16``, and no later one above that.

    Attributes
    ----------
    rule
        The algorithm.
    input_bits
        Of the signed inputs, 2 to 16.
    max_length
        Longest row, 1 to ``2**20``.

    Raises
    ------
    BitmillError
        If a value is not one of those listed.
    """

    rule: LayerNormRule
    input_bits: int
    max_length: int

    def __post_init__(self) -> None:
        if not isinstance(self.rule, LayerNormRule):
            raise BitmillError(f"rule must be a LayerNormRule, not {self.rule!r}")
        check_integer("input_bits", self.input_bits, 2, NEWTON_INPUT_BITS)
        check_integer("max_length", self.max_length, 1, NEWTON_LONGEST_ROW)

    @property
    def length_bits(self) -> int:
        """Width of a row's length."""
        return self.max_length.bit_length()

    @property
    def greatest_deviation(self) -> int:
        """Magnitude of an element less the mean."""
        return (1 << self.input_bits) - 1

    @property
    def squares_bits(self) -> int:
        """Width of the sum of the deviations' squares, ``V``."""
        return (self.greatest_deviation**2 * self.max_length).bit_length()

    @property
    def root_bits(self) -> int:
        """Width of ``k``, Newton's approximation of the square root of ``V``."""
        return max(NEWTON_START.bit_length(), self.squares_bits - NEWTON_START.bit_length() + 1)

    @property
    def factor_bits(self) -> int:
        """Width of the factor, ``(2**31 - 1) // k``."""
        return WIDTH

    @property
    def product_bits(self) -> int:
        """Width of a signed deviation times the factor."""
        return WIDTH + 1

    @property
    def output_bits(self) -> int:
        """Width of the signed sum of half a product and a bias."""
        return NEWTON_BIAS_BITS + 1
