"""Vectors of a number format: what its codes stand for, how numbers become codes, and exact products of pairs."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...formats import Decoded, Format, Product, Special, write_format
from ...golden import ROUNDINGS
from ...golden.codec import encode_where_possible
from ...golden.grid import STOCHASTIC, inf_code, nan_code
from ...golden.stochastic import uniform
from .corners import ALL_CODES_BITS, ALL_NEIGHBOURS_BITS, exact_in_binary32, few_codes, numbers_around, some_codes
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
        covers=_covers(fmt, decoding, encoding, len(products["a"])),
        seed=seed,
        rules=(*_RULES, *_nan_and_overflow(fmt)),
    )  # fmt: skip


def bits_of(values: NDArray[np.float64]) -> list[int]:
    """The 64 bits of every float64; NaN is the quiet one of its sign."""
    return _quiet(values).view(np.uint64).tolist()


def _quiet(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.isnan(values), np.copysign(np.nan, values), values)


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
    narrow = numbers[exact_in_binary32(numbers)]
    data = {
        "inputs": [_hex_of(number) for number in numbers.tolist()],
        "inputs_exact_in_binary32": len(narrow),
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
        "encode_input_fp32": hex_file(
            _quiet(narrow).astype(np.float32).view(np.uint32).tolist(),
            32,
            "number `i` as a binary32, exactly: the first numbers of `encode_input`, with the first words of the files below",
        ),
        "encode_draw": hex_file(
            steps, DRAW_BITS, f"its random number, in units of 2^-{DRAW_BITS}, for stochastic rounding"
        ),
        **files,
    }


def _hex_of(number: float) -> str:
    """As ``float.hex``, which has no sign of NaN."""
    return "-nan" if math.isnan(number) and math.copysign(1.0, number) < 0 else number.hex()


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


def _covers(fmt: Format, decoding: dict[str, Any], encoding: dict[str, Any], pairs: int) -> tuple[str, ...]:
    decoded, encoded = len(decoding["codes"]), len(encoding["inputs"])
    whole = fmt.bits <= ALL_CODES_BITS
    every = (
        f"every one of the {decoded} codes"
        if whole
        else f"{decoded} codes: the ends of every run of ones, and random ones"
    )
    all_pairs = (
        "every pair of codes" if fmt.bits <= 8 else "pairs of specials, extremes, codes next to zero and some between"
    )
    which = "all" if fmt.bits <= ALL_NEIGHBOURS_BITS else "those at both ends and next to zero, and random ones"
    narrow = encoding["inputs_exact_in_binary32"]
    return (
        f"Decoding: {every}, with sign, significand, exponent and exact value.",
        f"Encoding: {encoded} numbers: values and the ties between neighbours ({which}); the ends, what would follow them "
        "if there were more range, and the ties before that, where overflow begins; of each both neighbours in binary64 and in "
        "binary32; zeros, infinities and NaN of either sign, the least and the greatest binary32, the least and nearly the "
        f"greatest binary64; random ones. In {len(ROUNDINGS)} roundings, each saturating and overflowing.",
        f"For converters from binary32: the first {narrow} of the numbers are exact in binary32, and in `encode_input_fp32.hex` "
        f"as such; the first {narrow} words of `encode_draw` and of the codes belong to them. Read that many and leave the rest.",
        f"Products: {pairs} pairs, {all_pairs}, exact in fixed point.",
    )


def _nan_and_overflow(fmt: Format) -> tuple[str, ...]:
    """What NaN and overflow become in this format."""
    nan, inf, digits = nan_code(fmt), inf_code(fmt), (fmt.bits + 3) // 4
    named = "no code (an error of software; `x` digits here)" if nan is None else f"the code 0x{nan:0{digits}x}"
    signless = "" if nan is None else ", quiet and positive where the format has NaNs of either kind and sign"
    if inf is not None:
        over = f"the infinity of its sign, the codes 0x{inf:0{digits}x} and 0x{inf | 1 << (fmt.bits - 1):0{digits}x}"
    elif nan is not None:
        over = f"the same NaN code, 0x{nan:0{digits}x}, whatever the sign: that of negative numbers too, and of -inf"
    else:
        over = f"{named}, infinities included"
    return (
        f"{fmt.name}: NaN of either sign becomes {named}{signless}, in every rounding, saturating or not.",
        f"{fmt.name}, overflowing: what is beyond the range becomes {over}.",
    )


_RULES = (
    "A value is `(-1)^sign * significand * 2^exponent`; the significand of two's complement formats carries the sign.",
    "nearest-even: to the nearest value, a tie to the one at an even place in the sorted list of the format's magnitudes, which "
    "for minifloats and integers is the even code. (A tie between two even or two odd places, possible in a lopsided codebook, "
    "goes to the smaller magnitude; between a number and its negation, where there is no zero, to the positive one.)",
    "nearest-away: to the nearest value, a tie to the greater magnitude. toward-zero: to the nearest value that is not greater "
    "in magnitude; if there is none, to the least. floor, ceil: to the nearest value that is not greater, not less.",
    f"stochastic: with d the distance of the number from its neighbour on zero's side, over that between its neighbours, and u "
    f"the random number, to the far neighbour where d + u >= 1. u is `encode_draw` times 2^-{DRAW_BITS}.",
    "Saturating: overflow, infinities included, becomes the least or the greatest finite code.",
    "What overflows: of minifloats as IEEE 754 has it what, rounded with unbounded exponent, is beyond the greatest value (so a "
    "tie between it and what would follow does if the greatest code is odd, in nearest-even); toward zero, and where floor or "
    "ceil leads back into the range, infinities alone. Of integers what is out of range when rounded. Of codebooks what is "
    "out of range. E8M0 has no zero: positive numbers below its range become 2^-127, zero and negative numbers are overflow.",
    "Minus zero is kept where the format has one, also by negative numbers that round to zero; else it is plus zero.",
)
