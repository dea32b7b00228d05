"""Scales for the dot products that try a unit: where sums over- and underflow, where they meet the accumulator, and NaN."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from ..config import MacConfig
from ..formats import Minifloat, PowerOfTwo
from .dot_product import DotProduct
from .payload import Codes
from .stimulus import idle_codes_of, random_codes


def scaled_stimuli(config: MacConfig, work: Sequence[DotProduct], rng: np.random.Generator) -> list[DotProduct]:
    """The dot products with scales, and more of them that are aimed at scales.

    The given ones keep their values, or have random scales: near 1, anywhere, mostly at the ends of their range, or NaN now and
    then. Aimed ones put a step at every distance above and below the accumulator at which bits are lost, at both ends of the
    accumulator's range, and between steps of zeros with any scales.

    Parameters
    ----------
    config
        A unit with scales.
    work
        Dot products without.
    rng
        The only source of randomness.
    """
    scale, fmt = config.scale_format, config.accumulator_format
    if scale is None or fmt is None:
        raise ValueError(f"scaled_stimuli config must have scales and a float accumulator, not {config!r}")
    drawn = _Scales(config, scale, fmt, rng)
    return [*(drawn.of(item, index) for index, item in enumerate(work)), *drawn.aimed()]


class _Scales:
    def __init__(self, config: MacConfig, scale: PowerOfTwo, fmt: Minifloat, rng: np.random.Generator) -> None:
        self.config = config
        self.one = -scale.min_exponent
        self.top = scale.exponent_span
        self.nan = (1 << scale.bits) - 1
        self.fmt = fmt
        self.rng = rng

    def of(self, item: DotProduct, index: int) -> DotProduct:
        """With scales of one kind after the other."""
        steps = -(-len(item) // self.config.lanes)
        kinds = (self._neutral, self._near, self._anywhere, self._ends, self._near)
        weight, activation = kinds[index % len(kinds)](steps)
        if index % (2 * len(kinds)) == 1:
            (weight, activation)[int(self.rng.integers(2))][self.rng.integers(steps)] = self.nan
        return replace(item, weight_scales=weight, activation_scales=activation)

    def _neutral(self, steps: int) -> tuple[Codes, Codes]:
        """Pairs whose product is 1: what is aimed at an accumulator still meets it."""
        codes = self.rng.integers(0, self.top + 1, steps, dtype=np.uint64)
        return codes, np.uint64(2 * self.one) - codes

    def _near(self, steps: int) -> tuple[Codes, Codes]:
        return self._pair(lambda: self.rng.integers(self.one - 8, self.one + 9, steps, dtype=np.uint64))

    def _anywhere(self, steps: int) -> tuple[Codes, Codes]:
        return self._pair(lambda: self.rng.integers(0, self.top + 1, steps, dtype=np.uint64))

    def _ends(self, steps: int) -> tuple[Codes, Codes]:
        ends = np.array([0, 1, self.one, self.top - 1, self.top], dtype=np.uint64)
        return self._pair(lambda: self.rng.choice(ends, steps))

    def _pair(self, draw: Callable[[], Codes]) -> tuple[Codes, Codes]:
        return draw(), draw()

    def aimed(self) -> Iterator[DotProduct]:
        """Two steps so many places apart, around 1 and at both ends of the accumulator's range."""
        product, longest = self.config.product, self.config.product.sum_bits(self.config.lanes)
        reach = max(self.fmt.significand_bits, longest) + 5
        bottom = self.fmt.min_exponent - product.min_exponent
        top = self.fmt.max_exponent + self.fmt.significand_bits - product.min_exponent - longest
        for place in (-product.min_exponent, bottom, top):
            for distance in range(-reach, reach + 1):
                exponents = [place, place + distance, place]
                if place == -product.min_exponent:
                    exponents[2] = place + 3 * distance
                yield self._steps(exponents[: 2 + distance % 2], f"steps {distance} apart at 2**{place}")
        for exponent in range(bottom - longest - 3, bottom + 3):
            yield self._steps([exponent], f"one step of 2**{exponent}")
        for exponent in range(top - 3, top + longest + 3):
            yield self._steps([exponent, exponent - 1], f"two steps of 2**{exponent}")
        yield from self._around_zeros()

    def _around_zeros(self) -> Iterator[DotProduct]:
        """A step, zeros with the greatest and the least scale, and the step's negation or itself, where there are two steps."""
        if self.config.max_steps == 1:
            return
        for extreme in (0, self.top):
            item = self._steps([0, 0, 0], "zeros with an extreme scale")
            lanes, zero = self.config.lanes, idle_codes_of(self.config)[0]
            weights = item.weight_codes.copy()
            weights[lanes : 2 * lanes] = zero
            scales = [codes.copy() for codes in (item.weight_scales, item.activation_scales) if codes is not None]
            for codes in scales:
                codes[1] = extreme
            yield replace(item, weight_codes=weights, weight_scales=scales[0], activation_scales=scales[1])

    def _steps(self, exponents: Sequence[int], label: str) -> DotProduct:
        """Steps of random codes, with scales that multiply to these powers of two as nearly as there are such scales."""
        steps = min(len(exponents), self.config.max_steps)
        both = np.clip(np.array(exponents[:steps]) + 2 * self.one, 0, 2 * self.top)
        weight = np.clip(
            both // 2 + self.rng.integers(-3, 4, steps), np.maximum(both - self.top, 0), np.minimum(both, self.top)
        )
        length = steps * self.config.lanes
        weights, activations = (
            random_codes(fmt, self.rng, length, finite=True)
            for fmt in (self.config.weight_format, self.config.activation_format)
        )
        # Few nonzero lanes: sums as small as single products, powers of two among them.
        few = self.rng.random(length) < self.rng.choice([1.0, 2 / self.config.lanes])
        weights = np.where(few, weights, np.uint64(idle_codes_of(self.config)[0]))
        scales = weight.astype(np.uint64), (both - weight).astype(np.uint64)
        return DotProduct(weights, activations, label, *scales)
