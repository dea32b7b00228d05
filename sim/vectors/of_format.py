"""Vectors of a number format: what its codes stand for, how numbers become codes, and exact products of pairs."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...formats import Decoded, Format, Product, Special, write_format
from ...golden import ROUNDINGS
from ...golden.codec import encode_where_possible
from ...golden.grid import STOCHASTIC
from ...golden.stochastic import uniform
from .corners import ALL_CODES_BITS, few_codes, numbers_around, some_codes
from .vector_set import HexFile, VectorSet, hex_file

PAIRS = 64
"""About as many codes of a format of more than 8 bits meet each other in products."""
DRAW_BITS = 53
_MODES = {"saturate": True, "overflow": False}
_SPECIALS = ("number", "NaN", "+Inf", "-Inf")
"""By the codes of ``product_special.hex``."""


def format_vectors(fmt: Format, *, seed: int) -> VectorSet:
    """Vectors of one format; ``seed`` is that of random codes and numbers and of stochastic rounding.

    Parameters
    ----------
    fmt
        Any format, a user's too.
    seed
        At least 0.
    """
    decoding, decode_hex = _decoding(fmt, seed)
    encoding, encode_hex = _encoding(fmt, seed)
    products, product_hex = _products(fmt)
    return VectorSet(
        title=f"{fmt.name}, {fmt.bits} bits",
        data={"format": {"name": fmt.name, "bits": fmt.bits, **write_format(fmt)}, "decode": decoding, "encode": encoding,
              "products": products},
        hex={**decode_hex, **encode_hex, **product_hex},
        covers=_covers(fmt, len(decoding["codes"]), len(encoding["inputs"]), len(products["a"])),
        seed=seed,
        rules=_RULES,
    )  # fmt: skip


def bits_of(values: NDArray[np.float64]) -> list[int]:
    """The 64 bits of every float64; NaN is the positive quiet one."""
    return np.where(np.isnan(values), np.nan, values).view(np.uint64).tolist()


def _decoding(fmt: Format, seed: int) -> tuple[dict[str, Any], dict[str, HexFile]]:
    codes = some_codes(fmt, seed)
    rows = [fmt.decode(code) for code in codes]
    data = {
        "codes": list(codes),
        "sign": [row.sign for row in rows],
        "significand": [row.significand for row in rows],
        "exponent": [row.exponent for row in rows],
        "special": [_SPECIALS[_special(row)] if row.special else None for row in rows],
    }
    return data, {
        "decode_code": hex_file(codes, fmt.bits, "a code"),
        "decode_value": hex_file(
            bits_of(np.array([float(row) for row in rows])), 64, "its value as a binary64, exactly"
        ),
    }


def _special(row: Decoded) -> int:
    if row.special is None:
        return 0
    return 1 if row.special is Special.NAN else 3 if row.sign else 2


def _encoding(fmt: Format, seed: int) -> tuple[dict[str, Any], dict[str, HexFile]]:
    numbers = numbers_around(fmt, seed)
    draws = uniform(seed, numbers.shape)
    found: dict[str, dict[str, list[int | None]]] = {}
    for rounding in ROUNDINGS:
        drawn = draws if rounding == STOCHASTIC else None
        found[rounding] = {
            mode: _or_none(encode_where_possible(fmt, numbers, rounding=rounding, saturate=saturate, draws=drawn))
            for mode, saturate in _MODES.items()
        }
    steps = (draws * 2.0**DRAW_BITS).astype(np.uint64).tolist()
    data = {
        "inputs": [float(number).hex() for number in numbers],
        "draws": steps,
        "draw_bits": DRAW_BITS,
        "codes": found,
    }
    files = {
        f"encode_{rounding.replace('-', '_')}_{mode}": hex_file(codes, fmt.bits, _code_of(rounding, mode))
        for rounding, modes in found.items()
        for mode, codes in modes.items()
    }
    return data, {
        "encode_input": hex_file(bits_of(numbers), 64, "a number as a binary64"),
        "encode_draw": hex_file(
            steps, DRAW_BITS, f"its random number, in units of 2^-{DRAW_BITS}, for stochastic rounding"
        ),
        **files,
    }


def _code_of(rounding: str, mode: str) -> str:
    beyond = "the extreme number" if mode == "saturate" else "infinity, else NaN, else no code"
    return f"the code of number `i`, {rounding}; beyond the range {beyond}"


def _or_none(codes: NDArray[Any]) -> list[int | None]:
    return [None if code < 0 else code for code in codes.tolist()]


def _products(fmt: Format) -> tuple[dict[str, Any], dict[str, HexFile]]:
    codes, facts = few_codes(fmt, PAIRS), Product(fmt, fmt)
    unit = Fraction(2) ** fmt.min_exponent
    rows = [fmt.decode(code) for code in codes]
    fixed = [0 if row.special else int(row.value / unit) for row in rows]
    special = [[_product_special(x, y) for y in rows] for x in rows]
    a = [code for code in codes for _ in codes]
    b = [code for _ in codes for code in codes]
    products = [0 if special[i][j] else x * y for i, x in enumerate(fixed) for j, y in enumerate(fixed)]
    specials = [kind for row in special for kind in row]
    data = {
        "a": a,
        "b": b,
        "product": products,
        "special": specials,
        "unit_exponent": facts.min_exponent,
        "bits": facts.bits,
    }
    worth = f"their exact product in units of 2^{facts.min_exponent}, two's complement; 0 where there is none"
    return data, {
        "product_a": hex_file(a, fmt.bits, "the code of the first operand"),
        "product_b": hex_file(b, fmt.bits, "the code of the second operand"),
        "product_value": hex_file(products, facts.bits, worth),
        "product_special": hex_file(specials, 2, "0: a number; 1: NaN, also of infinity times zero; 2: +Inf; 3: -Inf"),
    }


def _product_special(x: Decoded, y: Decoded) -> int:
    if Special.NAN in (x.special, y.special):
        return 1
    if x.special is None and y.special is None:
        return 0
    if any(row.special is None and row.significand == 0 for row in (x, y)):
        return 1
    negative = (x.sign or x.significand < 0) != (y.sign or y.significand < 0)
    return 3 if negative else 2


def _covers(fmt: Format, decoded: int, encoded: int, pairs: int) -> tuple[str, ...]:
    whole = fmt.bits <= ALL_CODES_BITS
    every = (
        f"every one of the {decoded} codes"
        if whole
        else f"{decoded} codes: the ends of every run of ones, and random ones"
    )
    all_pairs = (
        "every pair of codes" if fmt.bits <= 8 else "pairs of specials, extremes, codes next to zero and some between"
    )
    return (
        f"Decoding: {every}, with sign, significand, exponent and exact value.",
        f"Encoding: {encoded} numbers: values, ties between neighbours and the binary64 on either side of each; numbers just "
        "inside and beyond both ends, where it saturates or overflows; zeros of either sign, infinities, NaN, the least and "
        f"nearly the greatest binary64; random ones. In {len(ROUNDINGS)} roundings, each saturating and overflowing.",
        f"Products: {pairs} pairs, {all_pairs}, exact in fixed point.",
    )


_RULES = (
    "A value is `(-1)^sign * significand * 2^exponent`; the significand of two's complement formats carries the sign.",
    "nearest-even: a tie goes to the value at an even place among the magnitudes, for minifloats and integers the even code.",
    "nearest-away: a tie goes to the greater magnitude. toward-zero, floor and ceil as in IEEE 754; minifloats that these lead "
    "back into the range do not overflow.",
    f"stochastic: with d the distance of the number from its neighbour on zero's side, over that between its neighbours, and u "
    f"the random number, to the far neighbour where d + u >= 1. u is `encode_draw` times 2^-{DRAW_BITS}.",
    "Minus zero is kept where the format has one, also by negative numbers that round to zero.",
)
