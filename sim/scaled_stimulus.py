"""Scales for the dot products that try a unit: where sums over- and underflow, where they meet the accumulator, and NaN."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np

from ..config import MacConfig
from ..formats import Format, Minifloat
from .dot_product import DotProduct
from .payload import Codes
from .stimulus import idle_codes_of, random_codes

_NEAR = Fraction(2) ** 8
"""Scales from one over this to this are near 1."""


def scaled_stimuli(config: MacConfig, work: Sequence[DotProduct], rng: np.random.Generator) -> list[DotProduct]:
    """The dot products with scales, and more of them that are aimed at scales.

    The given ones keep their values, or have random scales: near 1, anywhere, mostly at the ends of their range, or no number now
    and then. Aimed ones put a block at every distance above and below the accumulator at which bits are lost, at both ends of the
    accumulator's range as far as scales reach, and between blocks of zeros with any scales.

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
    drawn = Scales(config, scale, fmt, rng)
    return [*(drawn.of(item, index) for index, item in enumerate(work)), *drawn.aimed()]


def blocks_of(config: MacConfig, length: int) -> int:
    """Blocks that a dot product of ``length`` products takes."""
    return -(-length // config.block_size)


def codes_of_steps(config: MacConfig, codes: Codes, steps: int) -> Codes:
    """Codes ``[rows, blocks]`` as a unit gets them, ``[rows, steps]``: beside a block's first step what must not count."""
    scale, each = config.scale_format, config.steps_per_block
    if scale is None:
        return codes
    spread = np.repeat(codes.astype(np.uint64), each, axis=-1)[..., :steps]
    ignored = np.arange(steps) % each != 0
    return np.where(ignored, spread ^ np.uint64((1 << scale.bits) - 1), spread)


class Scales:
    """Draws scales of a unit's format.

    Parameters
    ----------
    config
        The unit.
    scale, fmt
        Of its scales and its accumulator.
    rng
        The only source of randomness.
    """

    def __init__(self, config: MacConfig, scale: Format, fmt: Minifloat, rng: np.random.Generator) -> None:
        self.config = config
        self.fmt = fmt
        self.rng = rng
        decoded = {code: scale.decode(code) for code in range(1 << scale.bits)}
        values = {code: row.value for code, row in decoded.items() if row.special is None}
        self.special = [code for code, row in decoded.items() if row.special is not None]
        self.finite = np.array(sorted(values), dtype=np.uint64)
        near = [code for code, value in values.items() if 1 / _NEAR <= abs(value) <= _NEAR]
        self.near = np.array(near or sorted(values), dtype=np.uint64)
        order = sorted(values, key=values.__getitem__)
        positive = [code for code in order if values[code] > 0]
        zeros = [code for code in order if values[code] == 0]
        middle = [code for code in positive if values[code] >= 1][:1]
        self.ends = np.array([*order[:1], *zeros, *positive[:2], *middle, *positive[-2:]], dtype=np.uint64)
        self.extremes = [*zeros[:1], positive[0], positive[-1]]
        self.by_exponent: dict[int, list[int]] = {}
        for code in positive:
            self.by_exponent.setdefault(_exponent(values[code]), []).append(code)
        self.powers = {e: c for e, codes in self.by_exponent.items() for c in codes if values[c] == Fraction(2) ** e}
        self.places = np.array(sorted(self.powers))

    def of(self, item: DotProduct, index: int) -> DotProduct:
        """With scales of one kind after the other."""
        blocks = blocks_of(self.config, len(item))
        kinds = (self._neutral, self._near, self._anywhere, self._ends, self._near)
        weight, activation = kinds[index % len(kinds)](blocks)
        if self.special and index % (2 * len(kinds)) == 1:
            place = self.rng.integers(blocks)
            (weight, activation)[int(self.rng.integers(2))][place] = self.rng.choice(self.special)
        return replace(item, weight_scales=weight, activation_scales=activation)

    def random(self, rows: int, length: int) -> Codes:
        """Scales near 1 of rows of ``length`` codes, ``[rows, blocks]``."""
        return self.rng.choice(self.near, (rows, blocks_of(self.config, length)))

    def _neutral(self, blocks: int) -> tuple[Codes, Codes]:
        """Pairs whose product is 1: what is aimed at an accumulator still meets it."""
        both = [place for place in self.places if -place in self.powers]
        if not both:
            return self._near(blocks)
        chosen = self.rng.choice(both, blocks)
        weight, activation = ([self.powers[sign * place] for place in chosen.tolist()] for sign in (1, -1))
        return np.array(weight, dtype=np.uint64), np.array(activation, dtype=np.uint64)

    def _near(self, blocks: int) -> tuple[Codes, Codes]:
        return self._pair(lambda: self.rng.choice(self.near, blocks))

    def _anywhere(self, blocks: int) -> tuple[Codes, Codes]:
        return self._pair(lambda: self.rng.choice(self.finite, blocks))

    def _ends(self, blocks: int) -> tuple[Codes, Codes]:
        return self._pair(lambda: self.rng.choice(self.ends, blocks))

    def _pair(self, draw: Callable[[], Codes]) -> tuple[Codes, Codes]:
        return draw(), draw()

    def aimed(self) -> Iterator[DotProduct]:
        """Two blocks so many places apart, around 1 and at both ends of the accumulator's range."""
        product, longest = self.config.product, self.config.product.sum_bits(self.config.lanes)
        reach = max(self.fmt.significand_bits, longest) + 5
        bottom = self.fmt.min_exponent - product.min_exponent
        top = self.fmt.max_exponent + self.fmt.significand_bits - product.min_exponent - longest
        reachable = [place for place in (bottom, top) if 2 * self.places[0] <= place <= 2 * self.places[-1]]
        for place in (-product.min_exponent, *reachable):
            for distance in range(-reach, reach + 1):
                exponents = [place, place + distance, place]
                if place == -product.min_exponent:
                    exponents[2] = place + 3 * distance
                yield self._blocks(exponents[: 2 + distance % 2], f"blocks {distance} apart at 2**{place}")
        if bottom in reachable:
            for exponent in range(bottom - longest - 3, bottom + 3):
                yield self._blocks([exponent], f"one block of 2**{exponent}")
        if top in reachable:
            for exponent in range(top - 3, top + longest + 3):
                yield self._blocks([exponent, exponent - 1], f"two blocks of 2**{exponent}")
        yield from self._around_zeros()

    def _around_zeros(self) -> Iterator[DotProduct]:
        """A block, zeros with an extreme scale, and the block's negation or itself, where there are two blocks."""
        size = self.config.block_size
        if self.config.padded_k_max < 2 * size:
            return
        for extreme in self.extremes:
            item = self._blocks([0, 0, 0], "zeros with an extreme scale")
            weights = item.weight_codes.copy()
            weights[size : 2 * size] = idle_codes_of(self.config)[0]
            scales = [codes.copy() for codes in (item.weight_scales, item.activation_scales) if codes is not None]
            for codes in scales:
                codes[1] = extreme
            yield replace(item, weight_codes=weights, weight_scales=scales[0], activation_scales=scales[1])

    def _blocks(self, exponents: Sequence[int], label: str) -> DotProduct:
        """Blocks of random codes, with scales that multiply to these powers of two as nearly as there are such scales."""
        config = self.config
        length = min(len(exponents) * config.block_size, config.padded_k_max)
        exponents = exponents[: blocks_of(config, length)]
        scales = [self._multiplying_to(exponent) for exponent in exponents]
        weights, activations = (
            random_codes(fmt, self.rng, length, finite=True) for fmt in (config.weight_format, config.activation_format)
        )
        # Few nonzero lanes: sums as small as single products, powers of two among them.
        few = self.rng.random(length) < self.rng.choice([1.0, 2 / config.lanes])
        weights = np.where(few, weights, np.uint64(idle_codes_of(config)[0]))
        weight, activation = np.array(scales, dtype=np.uint64).T
        return DotProduct(weights, activations, label, weight, activation)

    def _multiplying_to(self, exponent: int) -> tuple[int, int]:
        low, high = int(self.places[0]), int(self.places[-1])
        exponent = min(max(exponent, 2 * low), 2 * high)
        half = exponent // 2 + int(self.rng.integers(-3, 4))
        first = self._place(min(max(half, low, exponent - high), high, exponent - low))
        second = self._place(exponent - first)
        if self.rng.random() < 0.5:
            return self.powers[first], self.powers[second]
        return int(self.rng.choice(self.by_exponent[first])), int(self.rng.choice(self.by_exponent[second]))

    def _place(self, exponent: int) -> int:
        """The nearest exponent of a scale that is a power of two."""
        return int(self.places[np.argmin(np.abs(self.places - exponent))])


def _exponent(value: Fraction) -> int:
    """``floor(log2(value))``."""
    found = value.numerator.bit_length() - value.denominator.bit_length()
    return found if Fraction(2) ** found <= value else found - 1
