"""Quantizers written from the papers' rules, one weight at a time, on Python numbers: what bitmill's are compared with."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

FP3, FP4 = [1, 2, 4], [1, 2, 3, 4, 6, 8, 12]
FLINT = [1, 2, 3, 4, 6, 8, 16]
OUTLIERS = [24, 32, 48, 64, 96, 128, 192]
NF4 = [
    -1, -0.6961928, -0.52507305, -0.39491749, -0.28444138, -0.18477343, -0.09105004, 0,
    0.0795803, 0.1609302, 0.2461123, 0.33791524, 0.44070983, 0.562617, 0.72295684, 1,
]  # fmt: skip
"""Single-precision numbers of QLoRA's appendix, to eight digits."""


def signed(magnitudes):
    return sorted([0, *magnitudes, *(-value for value in magnitudes)])


def integers(bits):
    top = 2 ** (bits - 1) - 1
    return list(range(-top, top + 1))


LISTS = {
    "bitmod-fp4": [[*signed(FP4), special] for special in (10, -10, 16, -16)],
    "bitmod-fp3": [[*signed(FP3), special] for special in (3, -3, 6, -6)],
    "fp4": [signed(FP4)],
    "fp3": [signed(FP3)],
    "ant4": [integers(4), signed(FLINT)],
    "nf4": [[round(value * 32768) / 32768 for value in NF4]],
    **{f"int{bits}": [integers(bits)] for bits in (3, 4, 5, 6, 8)},
}


@dataclass
class Group:
    """One group: its scale, which list it chose, and what each weight became, in scale steps."""

    scale: float
    choice: int
    steps: list[float]

    @property
    def values(self):
        return [self.scale * step for step in self.steps]


def nearest(values, x):
    """The nearest of a list, exactly; halfway, the one at an even place among the magnitudes, or else the lesser."""
    exact = Fraction(float(x))
    places = sorted({abs(value) for value in values})
    return min(values, key=lambda value: (abs(exact - Fraction(value)), places.index(abs(value)) % 2, abs(value)))


def error(weights, group):
    return math.fsum((float(w) - value) ** 2 for w, value in zip(weights, group.values, strict=True))


def half_float_above(x):
    """The least FP16 number that is no less."""
    candidate = np.float16(x)
    while float(candidate) < x:
        candidate = np.nextafter(candidate, np.float16(np.inf))
    return float(candidate)


def integer_scale(wanted, channel):
    """The nearest of 1/256 .. 255/256 of the channel's scale."""
    if wanted == 0:
        return 0.0
    return max(1, min(255, round(wanted / channel * 256))) * channel / 256


def quotient(weight, scale):
    return float(np.float32(weight) / np.float32(scale)) if scale else 0.0


def row(scheme, weights, size):
    """The groups of one output channel."""
    groups = [[float(w) for w in weights[start : start + size]] for start in range(0, len(weights), size)]
    if scheme in ("mxfp4", "mxint4"):
        return [microscaling(scheme, group) for group in groups]
    if scheme.endswith("-asym"):
        return asymmetric(int(scheme[3]), groups)
    if scheme == "olive4":
        return olive(groups)
    lists = LISTS[scheme]
    wanted = [[max(map(abs, group)) / max(map(abs, values)) for values in lists] for group in groups]
    channel = half_float_above(max(map(max, wanted)) * 256 / 255)
    found = []
    for group, of_lists in zip(groups, wanted, strict=True):
        scales = [integer_scale(scale, channel) for scale in of_lists]
        tried = [
            Group(scale, choice, [nearest(values, quotient(w, scale)) for w in group])
            for choice, (values, scale) in enumerate(zip(lists, scales, strict=True))
        ]
        found.append(min(tried, key=lambda candidate: error(group, candidate)))
    return found


def asymmetric(bits, groups):
    top = 2**bits - 1
    ends = [(min(0, *group), max(0, *group)) for group in groups]
    channel = half_float_above(max((high - low) / top for low, high in ends) * 256 / 255)
    found = []
    for group, (low, high) in zip(groups, ends, strict=True):
        scale = integer_scale((high - low) / top, channel)
        zero = min(top, round(quotient(-low, scale)))
        codes = [max(0, min(top, round(quotient(w, scale)) + zero)) for w in group]
        found.append(Group(scale, zero, [code - zero for code in codes]))
    return found


def microscaling(scheme, group):
    values, top = (integers(4), 2) if scheme == "mxint4" else ([value / 2 for value in signed(FP4)], 2)
    greatest = max(map(abs, group))
    scale = 2.0 ** (math.floor(math.log2(greatest)) - top) if greatest else 1.0
    return Group(scale, 0, [nearest(values, min(max(quotient(w, scale), min(values)), max(values))) for w in group])


def olive(groups):
    largest = [max(map(abs, group)) / 16 for group in groups]
    channel = half_float_above(max(largest) * 256 / 255)
    found = []
    for group, scale in zip(groups, largest, strict=True):
        tried = [olive_group(group, integer_scale(scale * 2 ** (-j / 4), channel)) for j in range(15)]
        found.append(min(tried, key=lambda candidate: error(group, candidate)))
    return found


def olive_group(group, scale):
    steps = []
    for first, second in zip(group[::2], group[1::2], strict=True):
        x, y = quotient(first, scale), quotient(second, scale)
        if max(abs(x), abs(y)) <= 20:
            steps += [nearest(signed(FLINT), x), nearest(signed(FLINT), y)]
        elif abs(x) >= abs(y):
            steps += [math.copysign(nearest(OUTLIERS, abs(x)), x), 0]
        else:
            steps += [0, math.copysign(nearest(OUTLIERS, abs(y)), y)]
    return Group(scale, 0, steps)
