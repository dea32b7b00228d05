"""Accumulators by their definitions, on fractions, and a comparison of golden with them."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

from bitmill import ExactAccumulator, FixedAccumulator, MacConfig, WindowAccumulator, formats
from bitmill.golden import dot, to_float

PRODUCT_BITS = {
    ("INT8", "INT8"): 15,  # 128 * 128
    ("INT4", "INT8"): 11,  # 8 * 128
    ("E4M3", "E4M3"): 8,  # 15 * 15
    ("E5M2", "E5M2"): 6,  # 7 * 7
    ("E2M1", "E4M3"): 6,  # 3 * 15
    ("BF16", "BF16"): 16,  # 255 * 255
    ("INT8", "E5M2"): 10,  # 128 * 7
    ("FP32", "FP32"): 48,
}
"""Width of the greatest product of two significands, for the pairs of these tests."""
FLOATS = {"FP32": (24, -126, 127), "FP16": (11, -14, 15), "BF16": (8, -126, 127)}
"""Significand bits, least and greatest exponent of a normal number."""


def make(
    pair: tuple[str, str], accumulator: Any, *, lanes: int = 1, k_max: int = 4096, saturated: bool = False
) -> MacConfig:
    unit = "mac" if lanes == 1 else "dot"
    fields: dict[str, Any] = {"weight": pair[0], "activation": pair[1], "unit": unit, "lanes": lanes, "k_max": k_max}
    return MacConfig(**fields, accumulator=accumulator, saturated=saturated)


def floor_log2(value: Fraction) -> int:
    """The exponent of a positive fraction's leading bit."""
    exponent = value.numerator.bit_length() - value.denominator.bit_length()
    return exponent if value >= Fraction(2) ** exponent else exponent - 1


def nearest(value: Fraction, bits: int, least: int | None = None, greatest: int | None = None) -> Fraction | float:
    """To nearest even with that many significand bits; without bounds the exponent is unbounded."""
    if not value:
        return value
    leading = floor_log2(abs(value))
    place = Fraction(2) ** ((leading if least is None else max(leading, least)) - bits + 1)
    rounded = round(value / place) * place
    if greatest is not None and abs(rounded) >= Fraction(2) ** (greatest + 1):
        return float("inf") if value > 0 else float("-inf")
    return rounded


def toward_zero(value: Fraction, bits: int, least: int | None = None, greatest: int | None = None) -> Fraction:
    """The magnitude's first bits; beyond the greatest number, that number."""
    if not value:
        return value
    leading = floor_log2(abs(value))
    if greatest is not None and leading > greatest:
        magnitude = (2**bits - 1) * Fraction(2) ** (greatest - bits + 1)
    else:
        place = Fraction(2) ** ((leading if least is None else max(leading, least)) - bits + 1)
        magnitude = abs(value) // place * place
    return magnitude if value > 0 else -magnitude


class Model:
    """One dot product on fractions, by the definitions in the issue, specials spelled out."""

    def __init__(self, config: MacConfig) -> None:
        self.config = config
        self.spec: Any = config.accumulator
        self.value: Fraction | float = Fraction(0)
        self.invalid = False
        self.saturated = False

    def run(self, weight: list[int], activation: list[int]) -> Fraction | float:
        formats_ = formats.get(self.config.weight), formats.get(self.config.activation)
        pairs = [(formats_[0].decode(w), formats_[1].decode(a)) for w, a in zip(weight, activation, strict=True)]
        group = getattr(self.spec, "fused", None) or self.config.lanes
        for start in range(0, len(pairs), group):
            self._step(pairs[start : start + group])
        if self.invalid and isinstance(self.spec, FixedAccumulator | ExactAccumulator):
            return Fraction(0)
        return self.value

    def _step(self, pairs: list[tuple[formats.Decoded, formats.Decoded]]) -> None:
        special = [float(w) * float(a) for w, a in pairs if w.special or a.special]
        numbers = [(w, a) for w, a in pairs if not (w.special or a.special)]
        self.invalid |= bool(special)
        if isinstance(self.spec, FixedAccumulator):
            self.value = self._fixed(numbers)
            return
        if special or isinstance(self.value, float):
            known = [self.value] if isinstance(self.value, float) else []
            self.value = sum([*known, *special], start=0.0)  # no finite part: Inf and NaN swallow it
            return
        rounded = toward_zero if self.spec.rounding == "truncate" else nearest
        if isinstance(self.spec, WindowAccumulator):
            self.value = rounded(self.value + self._window(numbers), self.spec.width)
        else:
            total = sum((w.value * a.value for w, a in numbers), Fraction(0))
            bits, least, greatest = FLOATS[self.spec.format]
            beyond = rounded(self.value + total, bits, least)
            self.saturated |= abs(beyond) >= Fraction(2) ** (greatest + 1)
            self.value = rounded(self.value + total, bits, least, greatest)

    def _fixed(self, numbers: list[tuple[formats.Decoded, formats.Decoded]]) -> Fraction:
        unit = Fraction(2) ** (self.config.weight_format.min_exponent + self.config.activation_format.min_exponent)
        assert isinstance(self.value, Fraction)
        if self.spec.lsb is not None:
            unit = Fraction(2) ** self.spec.lsb
        # Python rounds a fraction to the nearest integer, ties to the even one.
        total = round((self.value + sum((w.value * a.value for w, a in numbers), Fraction(0))) / unit)
        bound = 2 ** (self.spec.width - 1)
        self.saturated |= not -bound <= total < bound
        if self.spec.overflow == "saturate":
            return min(max(total, Fraction(-bound)), Fraction(bound - 1)) * unit
        # The only number congruent to the total that two's complement of that width can hold.
        low_bits = total & (2 * bound - 1)
        return (low_bits - 2 * bound if low_bits & bound else low_bits) * unit

    def _window(self, numbers: list[tuple[formats.Decoded, formats.Decoded]]) -> Fraction:
        nonzero = [(w, a) for w, a in numbers if w.value and a.value]
        if not nonzero:
            return Fraction(0)
        greatest = max(w.exponent + a.exponent for w, a in nonzero)
        top = greatest + PRODUCT_BITS[self.config.weight, self.config.activation]
        if self.spec.rounding == "truncate":
            place = Fraction(2) ** (top - self.spec.width)
            whole = [w.value * a.value / place for w, a in nonzero]
            twos_complement = "INT" in self.config.weight + self.config.activation
            return place * sum(math.floor(units) if twos_complement else math.trunc(units) for units in whole)
        round_bit = Fraction(2) ** (top - self.spec.width - 2)
        total = Fraction(0)
        for w, a in nonzero:
            product = w.value * a.value
            kept = abs(product) // round_bit * round_bit
            kept += round_bit / 2 if kept != abs(product) else 0
            total += kept if product > 0 else -kept
        return total


def same(expected: Fraction | float, got: float) -> bool:
    return got != got if expected != expected else float(expected) == got


def check(config: MacConfig, weight: np.ndarray, activation: np.ndarray) -> np.ndarray:
    """``dot`` agrees with the model on every row; the results as real numbers."""
    result = dot(config, weight, activation)
    got = to_float(config, result)
    for row in range(len(weight)):
        model = Model(config)
        expected = model.run(weight[row].tolist(), activation[row].tolist())
        assert bool(result.invalid[row]) == model.invalid
        if config.saturated:
            assert result.saturated is not None
            assert bool(result.saturated[row]) == (model.saturated and not model.invalid)
        if isinstance(config.accumulator, FixedAccumulator):
            assert int(result.value[row]) * Fraction(2) ** config.unit_exponent == expected
        else:
            assert same(expected, float(got[row])), f"{config.title}, row {row}: {got[row]!r}, not {expected!r}"
    return got
