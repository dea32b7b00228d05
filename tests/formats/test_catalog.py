"""The catalog: names, derived facts against brute force over all codes, and the closed forms of the literature."""

from __future__ import annotations

from fractions import Fraction

import pytest

from bitmill import BitmillError, formats
from bitmill.formats import Codebook, Format, Int, Minifloat, PowerOfTwo, Product, Special, TopExponent, signed_bits

ENUMERABLE = [
    pytest.param(name, marks=[pytest.mark.long] if 12 < formats.get(name).bits < 16 else [])
    for name in formats.names()
    if formats.get(name).bits <= 16
]
FINITE_MINIFLOATS = [
    name
    for name in formats.names()
    if isinstance(row := formats.get(name), Minifloat) and row.top is TopExponent.FINITE
]


def numbers(fmt: Format) -> list[Fraction]:
    decoded = (fmt.decode(code) for code in range(1 << fmt.bits))
    return [item.value for item in decoded if item.special is None]


def test_get_by_name_alias_and_case() -> None:
    for fmt in formats.CATALOG.values():
        for name in (fmt.name, fmt.name.lower(), f" {fmt.name} ", *fmt.aliases):
            assert formats.get(name) is fmt
    assert formats.get("fp4").name == "E2M1"
    assert formats.get("E4M3FN").name == "E4M3"
    assert formats.get("E8M7").name == "BF16"


def test_names_are_unique_among_aliases_too() -> None:
    every = [name.upper() for fmt in formats.CATALOG.values() for name in (fmt.name, *fmt.aliases)]
    assert len(every) == len(set(every))
    assert tuple(formats.CATALOG) == formats.names()


def test_get_wrong_name() -> None:
    with pytest.raises(BitmillError, match=r"E4M3.*not 'E4M4'"):
        formats.get("E4M4")
    with pytest.raises(BitmillError, match=r"bitmill formats.*not 'zzz'"):
        formats.get("zzz")


WIDTHS = {"E4M3": 8, "E5M2": 8, "E3M2": 6, "E2M3": 6, "E2M1": 4, "E8M0": 8, "FP16": 16, "BF16": 16, "FP32": 32}
WIDTHS |= {
    "TERNARY": 2,
    "FLINT4": 4,
    "POT4": 4,
    "INT2": 2,
    "INT16": 16,
    "UINT7": 7,
    "INT8_SYM": 8,
    "E1M1": 3,
    "E7M0": 8,
}


@pytest.mark.parametrize(("name", "bits"), WIDTHS.items())
def test_widths(name: str, bits: int) -> None:
    assert formats.get(name).bits == bits


@pytest.mark.parametrize("name", ENUMERABLE)
def test_facts_are_those_of_the_codes(name: str) -> None:
    fmt = formats.get(name)
    decoded = [fmt.decode(code) for code in range(1 << fmt.bits)]
    regular = [item for item in decoded if item.special is None]
    units = [(-1) ** item.sign * item.significand * 2 ** (item.exponent - fmt.min_exponent) for item in regular]
    unit = Fraction(2) ** fmt.min_exponent
    assert (min(units), max(units)) == (fmt.fixed_min, fmt.fixed_max)
    assert (fmt.min_value, fmt.max_value) == (min(units) * unit, max(units) * unit)
    assert fmt.min_positive == unit * min((value for value in units if value > 0), default=0)
    assert min(item.exponent for item in decoded) == fmt.min_exponent
    assert max(item.exponent for item in decoded) == fmt.max_exponent
    significands = [item.significand for item in regular]
    low = -(1 << fmt.significand_bits - 1) if fmt.significand_signed else 0
    high = (1 << fmt.significand_bits - fmt.significand_signed) - 1
    assert low <= min(significands) <= max(significands) <= high
    assert fmt.has_nan == any(item.special is Special.NAN for item in decoded)
    assert fmt.has_inf == any(item.special is Special.INF for item in decoded)
    zeros = [code for code, item in enumerate(decoded) if not item.special and item.significand == 0]
    assert fmt.zero_code == min(zeros, default=None)
    assert fmt.sign_bit == any(item.sign for item in regular)
    assert fmt.exponent_bits_decoded == (fmt.max_exponent - fmt.min_exponent).bit_length()
    bits = fmt.fixed_bits
    assert -(1 << bits - 1) <= min(units)
    assert max(units) < 1 << bits - 1
    assert bits == 1 or not (-(1 << bits - 2) <= min(units) and max(units) < 1 << bits - 2)


@pytest.mark.parametrize("name", ENUMERABLE)
def test_sign_magnitude_formats_mirror(name: str) -> None:
    fmt = formats.get(name)
    if not fmt.sign_bit:
        assert all(fmt.decode(code).sign == 0 for code in range(1 << fmt.bits))
        return
    half = 1 << (fmt.bits - 1)
    for code in range(half):
        upper, lower = fmt.decode(code), fmt.decode(code + half)
        if lower.special is Special.NAN or upper.special is Special.NAN:
            continue
        assert (upper.sign, lower.sign) == (0, 1)
        assert (upper.significand, upper.exponent, upper.special) == (lower.significand, lower.exponent, lower.special)


@pytest.mark.parametrize("name", ENUMERABLE)
def test_codes_out_of_range_are_refused(name: str) -> None:
    fmt = formats.get(name)
    for code in (-1, 1 << fmt.bits):
        with pytest.raises(ValueError, match=rf"code of {name} must be in 0\.\.{(1 << fmt.bits) - 1}, not {code}"):
            fmt.decode(code)


def test_fp32_corners() -> None:
    fmt = formats.get("FP32")
    assert fmt.decode(1).value == fmt.min_positive == Fraction(2) ** -149
    assert fmt.decode(0x7F7FFFFF).value == fmt.max_value == (2 - Fraction(2) ** -23) * 2**127
    assert fmt.decode(0x3F800000).value == 1
    assert fmt.decode(0xFF800000).special is Special.INF
    assert float(fmt.decode(0xFF800000)) == float("-inf")
    assert fmt.decode(0x7F800001).special is Special.NAN


def brute_product(a: Format, b: Format) -> tuple[int, int]:
    x, y = (sorted({int(v / Fraction(2) ** fmt.min_exponent) for v in numbers(fmt)}) for fmt in (a, b))
    products = {p * q for p in x for q in y}
    return min(products), max(products)


@pytest.mark.parametrize("name", FINITE_MINIFLOATS)
def test_product_width_of_finite_minifloats_has_a_closed_form(name: str) -> None:
    fmt = formats.get(name)
    assert isinstance(fmt, Minifloat)
    closed_form = 2 * (2**fmt.exponent_bits + fmt.mantissa_bits) - 1
    product = Product(fmt, fmt)
    low, high = brute_product(fmt, fmt)
    assert (product.fixed_min, product.fixed_max) == (low, high)
    assert product.bits == signed_bits(low, high)
    # Without mantissa bits the greatest product is 1 x 1 shifted, which does not carry into one more bit.
    assert product.bits == closed_form - (fmt.mantissa_bits == 0)


# Published product widths: E4M3 as if it had no NaN, E5M2 without and with IEEE's top exponent, INT8.
@pytest.mark.parametrize(
    ("name", "bits"),
    [
        ("E2M1", 9),
        ("E2M3", 13),
        ("E2M5", 17),
        ("E3M2", 19),
        ("E3M4", 23),
        ("E4M3_FINITE", 37),
        ("E5M2_FINITE", 67),
        ("E5M2", 65),
        ("INT8_SYM", 15),
        ("INT8", 16),
    ],
)
def test_published_product_widths(name: str, bits: int) -> None:
    assert Product(formats.get(name), formats.get(name)).bits == bits


@pytest.mark.parametrize(
    ("a", "b"), [("INT4", "UINT3"), ("UINT3", "UINT3"), ("INT3_SYM", "INT4"), ("E2M1", "INT4"), ("TERNARY", "FLINT4")]
)
def test_sums_fit_their_width_and_no_narrower(a: str, b: str) -> None:
    product = Product(formats.get(a), formats.get(b))
    low, high = brute_product(product.a, product.b)
    assert (product.fixed_min, product.fixed_max) == (low, high)
    for terms in (1, 2, 3, 7, 8, 9, 10):
        width = product.sum_bits(terms)
        worst = min(low, 0) * terms, high * terms
        assert -(1 << width - 1) <= worst[0]
        assert worst[1] < 1 << width - 1
        assert worst[0] < -(1 << width - 2) or worst[1] >= 1 << width - 2


@pytest.mark.parametrize(
    ("low", "high", "bits"), [(0, 0, 1), (-1, 0, 1), (-1, 1, 2), (-128, 127, 8), (0, 128, 9), (-129, 0, 9)]
)
def test_signed_bits(low: int, high: int, bits: int) -> None:
    assert signed_bits(low, high) == bits


@pytest.mark.parametrize("width", [0, 33])
def test_init_wrong_int_width(width: int) -> None:
    with pytest.raises(ValueError, match=rf"width must be in 1\.\.32, not {width}"):
        Int(name="BAD", width=width)


def test_init_wrong_int_unsigned_symmetric() -> None:
    with pytest.raises(ValueError, match="symmetric Int must be signed"):
        Int(name="BAD", width=4, signed=False, symmetric=True)


@pytest.mark.parametrize(
    ("exponent_bits", "mantissa_bits", "top", "message"),
    [
        (0, 3, TopExponent.FINITE, r"exponent_bits must be in 1\.\.11, not 0"),
        (12, 3, TopExponent.FINITE, r"exponent_bits must be in 1\.\.11, not 12"),
        (4, -1, TopExponent.FINITE, r"mantissa_bits must be in 0\.\.52, not -1"),
        (4, 53, TopExponent.FINITE, r"mantissa_bits must be in 0\.\.52, not 53"),
        (4, 0, TopExponent.IEEE, "not 'BAD'"),
        (1, 2, TopExponent.IEEE, "not 'BAD'"),
    ],
)
def test_init_wrong_minifloat(exponent_bits: int, mantissa_bits: int, top: TopExponent, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Minifloat(name="BAD", exponent_bits=exponent_bits, mantissa_bits=mantissa_bits, top=top)


@pytest.mark.parametrize("values", [(1,), (0, 1, 2), ()])
def test_init_wrong_codebook_length(values: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="length must be a power of two of at least 2"):
        Codebook(name="BAD", values=values)


def test_init_wrong_codebook_without_numbers() -> None:
    with pytest.raises(ValueError, match="at least one number"):
        Codebook(name="BAD", values=(None, None))


def test_codebooks_on_a_finer_grid() -> None:
    fmt = Codebook(name="HALVES", values=(0, 1, 3, -3), step_exponent=-1)
    assert numbers(fmt) == [0, Fraction(1, 2), Fraction(3, 2), Fraction(-3, 2)]
    assert fmt.significand_signed
    assert not fmt.sign_bit


def test_a_power_of_two_has_no_zero() -> None:
    fmt = PowerOfTwo(name="E3M0U", exponent_bits=3, bias=3)
    assert fmt.zero_code is None
    assert numbers(fmt) == [Fraction(2) ** (code - 3) for code in range(7)]
    assert fmt.specials == "NaN"


def test_a_decoded_special_has_no_value() -> None:
    with pytest.raises(ValueError, match="not NaN"):
        _ = formats.get("E4M3").decode(0x7F).value


def test_a_flushing_minifloat_has_no_subnormals() -> None:
    fmt = Minifloat(name="E3M2_FTZ", exponent_bits=3, mantissa_bits=2, subnormals=False)
    values = numbers(fmt)
    assert fmt.min_positive == min(v for v in values if v > 0) == Fraction(2) ** -2
    assert fmt.fixed_max * Fraction(2) ** fmt.min_exponent == max(values)
