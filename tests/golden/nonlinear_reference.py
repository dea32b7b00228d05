"""The integer-only units once more: one number at a time, unbounded integers and fractions, as the authors write them."""

import math
from fractions import Fraction

TOP = 2**31 - 1


def exp(d, x0, n):
    """``floor((r/2 - x0) * 2**(n-q))``, of any size."""
    p = d + math.floor(Fraction(d, 2)) - math.floor(Fraction(d, 16))
    p = max(p, n * x0)
    q = math.floor(Fraction(p, x0))
    r = p - x0 * q
    return math.floor((Fraction(r, 2) - x0) * Fraction(2) ** (n - q))


def share(e, total, ob):
    """``e / total`` in units of ``2**(1-ob)`` by way of the integer reciprocal."""
    factor = math.floor(Fraction(TOP, min(total, TOP)))
    return math.floor(Fraction(e * factor, 2 ** (31 - ob + 1)))


def softmax(row, x0, n, ob, mask=None):
    taken = [True] * len(row) if mask is None else mask
    if not any(taken):
        return [0] * len(row)
    greatest = max(x for x, here in zip(row, taken, strict=True) if here)
    e = [exp(x - greatest, x0, n) if here else 0 for x, here in zip(row, taken, strict=True)]
    return [share(one, sum(e), ob) for one in e]


def gelu(row, x0, n, ob, elementwise):
    out = []
    for x in row:
        m = max(x, 0) if elementwise else max(row)
        e, other = exp(x - m, x0, n), exp(-m, x0, n)
        out.append(x * share(e, e + other, ob))
    return out


def root(v, iterations):
    k = 2**16
    for _ in range(iterations):
        k = math.floor(Fraction(k + math.floor(Fraction(v, k)), 2))
    return k


def layernorm(row, bias, iterations, mean=round):
    mu = mean(Fraction(sum(row), len(row)))
    y = [x - mu for x in row]
    k = root(sum(one * one for one in y), iterations)
    return [math.floor(Fraction(one * (TOP // k), 2)) + add for one, add in zip(y, bias, strict=True)]


def requantize(z, m, e, bits, ties):
    exact = Fraction(z * m, 2**e)
    whole = round(exact) if ties == "even" else math.floor(exact + Fraction(1, 2))
    return min(max(whole, -(2 ** (bits - 1))), 2 ** (bits - 1) - 1)


def nearest(exact, ties):
    return round(exact) if ties == "even" else math.floor(exact + Fraction(1, 2))


def root_norm(rule, row, input_bits, output_bits, multiplier, bias, shift, epsilon):
    """One row, from deviations instead of sums of squares."""
    n = len(row)
    mean = Fraction(sum(row), n) if rule.centred else Fraction(0)
    variance = sum((x - mean) ** 2 for x in row) / n + Fraction(epsilon, 2**rule.epsilon_fraction_bits)
    square = variance * n**2 * 4**rule.root_fraction_bits
    # floor(sqrt(f)) is isqrt(floor(f)).
    root = Fraction(max(math.isqrt(math.floor(square)), 1), 2**rule.root_fraction_bits)
    one = 2 ** (input_bits + rule.factor_guard_bits)
    slope, offset = (math.floor(part * n / root * one) for part in (1, mean - math.floor(mean)))
    out = []
    for x, m, b in zip(row, multiplier, bias, strict=True):
        y = Fraction((x - math.floor(mean)) * slope - offset, one)
        scaled = nearest(y * 2**rule.normalized_fraction_bits, "up") * m + b
        whole = nearest(Fraction(scaled, 2**shift), rule.ties)
        out.append(min(max(whole, -(2 ** (output_bits - 1))), 2 ** (output_bits - 1) - 1))
    return out
