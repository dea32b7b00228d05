"""I-BERT's units once more: one number at a time, unbounded integers and fractions, coefficients typed from the authors' code."""

import math
from fractions import Fraction


def exp_integers(scale):
    return (
        math.floor(-0.6931 / scale),
        math.floor(0.96963238 / 0.35815147 / scale),
        math.floor(1 / 0.35815147 / scale**2),
    )


def raw_exp(d, scale, n):
    """Before it is rounded to 16 bits: as wide as it gets."""
    x0, b, c = exp_integers(scale)
    d = max(d, n * x0)
    q = math.floor(Fraction(d, x0))
    r = d - x0 * q
    return max(math.floor(((r + b) * r + c) * Fraction(2) ** (n - q)), 0)


def exp(d, scale, n, bits):
    """Rounded by a multiplier of 31 bits whose scale makes 1.0 the greatest of ``bits``."""
    top = 2 ** (bits - 1) - 1
    one = raw_exp(0, scale, n)
    # As frexp gives it: the float nearest to the ratio, whose mantissa has 31 bits.
    ratio = Fraction(top / one)
    shift = 0
    while ratio * 2**shift < 2**30:
        shift += 1
    multiplier = math.floor(ratio * 2**shift + Fraction(1, 2))
    return min(round(Fraction(raw_exp(d, scale, n) * multiplier, 2**shift)), top)


def softmax(row, scale, n, bits, ob, mask=None):
    taken = [True] * len(row) if mask is None else mask
    if not any(taken):
        return [0] * len(row)
    greatest = max(x for x, here in zip(row, taken, strict=True) if here)
    e = [exp(x - greatest, scale, n, bits) if here else 0 for x, here in zip(row, taken, strict=True)]
    factor = math.floor(Fraction(2**32, sum(e)))
    return [math.floor(Fraction(one * factor, 2 ** (32 - ob))) for one in e]


def gelu(x, scale, n):
    """The authors' negative integers and their negative unit, as a pair of numbers."""
    step = scale / 1.4142
    b, c = math.floor(-1.769 / step), math.floor(1 / -0.2888 / step**2)
    sign = (x > 0) - (x < 0)
    erf = math.floor(Fraction(sign * ((min(abs(x), -b) + b) ** 2 + c), 2**n))
    unit = step**2 * -0.2888 * 2**n
    return x * (erf + math.floor(1 / unit)), scale * unit / 2


def layernorm(row, bias, mean=round):
    mu = mean(Fraction(sum(row), len(row)))
    y = [x - mu for x in row]
    k = math.isqrt(sum(one * one for one in y))
    return [(math.floor(Fraction(one * (2**31 // k), 2)) if k else 0) + add for one, add in zip(y, bias, strict=True)]
