"""Profile ``accurate`` once more: one number at a time, in fractions, from what the docstrings say."""

import math
from bisect import bisect_left
from fractions import Fraction
from functools import lru_cache

HALF = Fraction(1, 2)
LOG2E = Fraction("1.4426950408889634073599246810018921374266459541529859341354494069")


@lru_cache
def power(rule, index):
    """The integer nearest to ``2**(table_bits - index / 2**F)``, whose ``2**F``-th power is an integer."""
    root = 2**rule.fraction_bits
    exact = 2 ** (rule.table_bits * root - index)
    return bisect_left(range(2**rule.table_bits), True, key=lambda near: (2 * near + 1) ** root >= exact * 2**root)


def slope(rule, scale):
    return round(Fraction(scale) * LOG2E * 2 ** (rule.fraction_bits + rule.guard_bits + 6))


def drop(k, c):
    """What an input that is ``c`` below the greatest takes off the exponent, digit by digit."""
    digits = [c // 4**j % 4 for j in range(4)]
    return sum(math.floor(Fraction(k * digit, 2 ** (6 - 2 * j))) for j, digit in enumerate(digits))


def softmax(rule, row, scale, mask=None):
    taken = [True] * len(row) if mask is None else list(mask)
    if not any(taken):
        return [0] * len(row)
    k, ob, mb, pb, rb = slope(rule, scale), rule.output_bits, rule.table_bits, rule.entry_bits, rule.reciprocal_bits
    least = min(127 - x for x, here in zip(row, taken, strict=True) if here)
    below = [math.floor(Fraction(drop(k, 127 - x) - drop(k, least), 2**rule.guard_bits) + HALF) for x in row]
    table = [power(rule, index) for index in range(2**rule.fraction_bits)]
    split = [divmod(a, len(table)) if here else None for a, here in zip(below, taken, strict=True)]
    total = sum(math.floor(Fraction(table[f] * 2**ob, 2**q)) for q, f in filter(None, split))
    z = next(z for z in range(100) if 2 ** (ob + mb + z) >= total)
    reciprocal = math.floor(Fraction(2 ** (ob + mb + z + rb), total))
    assert 2**rb <= reciprocal < 2 ** (rb + 1)
    entries = [
        min(math.floor(Fraction(p * reciprocal * 2**pb, 2 ** (mb + rb)) + HALF), 2 ** (pb + 1) - 1) for p in table
    ]
    out = []
    for part in split:
        share = Fraction(entries[part[1]], 2 ** (pb - ob + part[0] + z)) if part else Fraction(0)
        out.append(min(math.floor(share + HALF), 2**ob - 1))
    return out


def line(rule, table, x):
    """The line at an int8, rounded down, for its value has the half in it."""
    segment, rest = divmod(x + 128, 2**rule.segment_bits)
    value, rise = int(table.values[segment]), int(table.slopes[segment])
    exact = Fraction(value, 2**rule.value_fraction_bits) + Fraction(rise * rest, 2**rule.slope_fraction_bits)
    return min(max(math.floor(exact), -128), 127)
