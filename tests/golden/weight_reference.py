"""Quantizers written from the papers' rules, one weight at a time, on Python numbers: what bitmill's are compared with."""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

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
    steps: list[float] | list[Fraction]

    @property
    def values(self):
        return [self.scale * float(step) for step in self.steps]


class Grid:
    """Values in order, and the place of each among their magnitudes."""

    def __init__(self, values):
        self.values = sorted(set(map(Fraction, values)))
        self.places = {value: place for place, value in enumerate(sorted({abs(value) for value in self.values}))}


def nearest(values, x):
    """The nearest of a list, exactly; halfway, the one at an even place among the magnitudes, or else the lesser."""
    grid = values if isinstance(values, Grid) else Grid(values)
    exact = Fraction(x)
    place = bisect_left(grid.values, exact)
    near = grid.values[max(place - 1, 0) : place + 1]
    return min(near, key=lambda value: (abs(exact - value), grid.places[abs(value)] % 2, abs(value)))


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


def row(scheme, weights, size, amax):
    """The groups of one output channel of a matrix whose greatest magnitude is ``amax``."""
    groups = [[float(w) for w in weights[start : start + size]] for start in range(0, len(weights), size)]
    if scheme.startswith("mx"):
        return [microscaling(scheme, group) for group in groups]
    if scheme == "nvfp4":
        return [two_levels(group, amax) for group in groups]
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


def minifloat(exponent_bits, mantissa_bits, top):
    """Magnitudes of a format with subnormals and the usual bias, up to its greatest."""
    bias = 2 ** (exponent_bits - 1) - 1
    fractions = range(2**mantissa_bits)
    found = {Fraction(f, 2**mantissa_bits) * Fraction(2) ** (1 - bias) for f in fractions}
    for field in range(1, 2**exponent_bits):
        found |= {(1 + Fraction(f, 2**mantissa_bits)) * Fraction(2) ** (field - bias) for f in fractions}
    return sorted(value for value in found if value <= top)


MX = {
    "mxfp4": (minifloat(2, 1, 6), 2),
    "mxfp6": (minifloat(2, 3, 7.5), 2),
    "mxfp6-e3m2": (minifloat(3, 2, 28), 4),
    "mxfp8": (minifloat(4, 3, 448), 8),
    "mxfp8-e5m2": (minifloat(5, 2, 57344), 15),
    "mxint4": (range(8), 2),
    "mxint8": ([Fraction(i, 64) for i in range(128)], 0),
}
"""Magnitudes of elements, and the exponent of the greatest power of two among them (OCP MX v1.0, table 1 and section 5.3)."""


@cache
def elements(scheme):
    magnitudes, _ = MX[scheme]
    return Grid([*magnitudes, *(-m for m in magnitudes), *([-2] if scheme == "mxint8" else [])])


def microscaling(scheme, group):
    magnitudes, top = MX[scheme.removesuffix("-up")]
    values = elements(scheme.removesuffix("-up"))
    greatest = max(map(abs, map(Fraction, group)))
    exponent = 0
    if greatest and not scheme.endswith("-up"):
        exponent = math.floor(math.log2(greatest)) - top
    elif greatest:
        exponent = -400
        while Fraction(max(magnitudes)) * Fraction(2) ** exponent < greatest:
            exponent += 1
    scale = Fraction(2) ** min(max(exponent, -127), 127)
    steps = [nearest(values, min(max(Fraction(w) / scale, values.values[0]), values.values[-1])) for w in group]
    return Group(float(scale), 0, [float(step) for step in steps])


def two_levels(group, amax):
    """NVFP4: the tensor's scale takes its greatest magnitude to the greatest element of the group with the greatest scale."""
    tensor = Fraction(float(np.float32(float(amax) / (6 * 448)))) if amax else Fraction(1)
    wanted = max(map(abs, map(Fraction, group))) / 6 / tensor
    scale = Fraction(0)
    if wanted:
        numbers = minifloat(4, 3, 448)
        scale = Fraction(nearest(numbers, max(min(wanted, Fraction(448)), numbers[1])))
    values = elements("mxfp4")
    steps = [nearest(values, min(max(Fraction(w) / (scale * tensor), -6), 6)) if scale else 0 for w in group]
    return Group(float(scale * tensor), 0, [float(step) for step in steps])


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
