"""The exact square root: exhaustive for short radicands, squares and their neighbours for long ones."""

import math

import numpy as np
import pytest

from bitmill.hdl.norm.square_root import SquareRoot

from .row_traffic import exchange

SEED = 53


def roots(radicand_bits, radicands, *, stalls=0.0):
    unit = SquareRoot(radicand_bits=radicand_bits)

    def look(found):
        return found.root, found.remainder

    operands = [{"radicand": int(one)} for one in radicands]
    return unit, *exchange(unit, operands, len(radicands), stalls=stalls, seed=SEED, look=look)


def wanted(radicands):
    return [(math.isqrt(v), v - math.isqrt(v) ** 2) for v in radicands]


@pytest.mark.parametrize("bits", [1, 2, 3, 8, 11])
def test_every_root_of_short_radicands(bits):
    _, got, _, _ = roots(bits, list(range(1 << bits)))
    assert got == wanted(range(1 << bits))


@pytest.mark.parametrize("bits", [31, 56, 63])
@pytest.mark.parametrize("stalls", [0.0, 0.5])
def test_squares_and_their_neighbours(bits, stalls):
    rng = np.random.default_rng(SEED)
    top = (1 << bits) - 1
    bases = [
        0,
        1,
        2,
        3,
        math.isqrt(top),
        *(int(rng.integers(1 << bits // 2)) >> int(rng.integers(20)) for _ in range(12)),
    ]
    radicands = [v for base in bases for v in (base**2 - 1, base**2, base**2 + 1, base**2 + 2 * base) if 0 <= v <= top]
    _, got, _, _ = roots(bits, [*radicands, top, top - 1], stalls=stalls)
    assert got == wanted([*radicands, top, top - 1])


def test_a_root_takes_its_latency_whatever_the_radicand():
    unit, _, taken, given = roots(20, [0, 1, (1 << 20) - 1, 1 << 18])
    assert unit.LATENCY == 11
    assert taken == [number * 12 for number in range(4)]
    assert given == [cycle + 11 for cycle in taken]


@pytest.mark.parametrize("bits", [0, -1, 1.5, True])
def test_init_wrong_width(bits):
    with pytest.raises(ValueError, match="SquareRoot radicand_bits must be an integer of at least 1, not"):
        SquareRoot(radicand_bits=bits)
