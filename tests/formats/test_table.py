"""Formats of users: tables read, written and refused in one line, and formats that a program registers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest

from bitmill import BitmillError, formats
from bitmill.formats import Codebook, Format, Int, Minifloat, PowerOfTwo, Special, catalog

NAN = math.nan


@pytest.fixture(autouse=True)
def nothing_registered() -> Iterator[None]:
    before = dict(catalog.REGISTERED)
    yield
    catalog.REGISTERED.clear()
    catalog.REGISTERED.update(before)


def values(row: Format) -> list[Fraction | None]:
    return [row.decode(code).value_or_none() for code in range(1 << row.bits)]


def test_a_codebook_is_its_list_whatever_the_grid() -> None:
    listed = [-4, -2, -1, -0.5, 0, 0.5, NAN, 2]
    row = formats.read_format("MyPosit", {"values": listed})
    assert row.name == "MYPOSIT"
    assert isinstance(row, Codebook)
    assert row.step_exponent == -1
    assert values(row) == [None if value != value else Fraction(value) for value in listed]
    assert row.decode(6).special is Special.NAN


def test_values_far_apart_have_exponents_of_their_own() -> None:
    listed = [0, 2.0**-24, 3.5, 2.0**24, -(2.0**-24), -1, -5 * 2.0**20, 2.0**10]
    row = formats.read_format("WIDE", {"values": listed})
    assert values(row) == [Fraction(value) for value in listed]
    assert row.significand_bits == 3
    assert not row.significand_signed
    assert row.sign_bit
    assert (row.min_exponent, row.max_exponent) == (-24, 22)
    exponents = [row.decode(code).exponent for code in range(8)]
    assert (min(exponents), max(exponents)) == (-24, 22)
    assert (row.min_value, row.max_value) == (-5 * 2**20, 2**24)


TABLES: list[tuple[dict[str, Any], Format]] = [
    ({"values": [1, -1]}, Codebook(name="X", values=(1, -1))),
    ({"values": [3 * 2**40, 0]}, Codebook(name="X", values=(3, 0), step_exponent=40)),
    ({"exponent_bits": 3, "mantissa_bits": 4, "bias": 5}, Minifloat(name="X", exponent_bits=3, mantissa_bits=4, bias=5)),
    ({"exponent_bits": 1, "mantissa_bits": 0}, Minifloat(name="X", exponent_bits=1, mantissa_bits=0, bias=0)),
    (
        {"exponent_bits": 4, "mantissa_bits": 3, "top": "FNUZ", "subnormals": False, "about": "mine"},
        Minifloat(name="X", exponent_bits=4, mantissa_bits=3, bias=7, top=formats.TopExponent.FNUZ, subnormals=False,
                  about="mine"),
    ),
    ({"width": 1}, Int(name="X", width=1)),
    ({"width": 5, "signed": False}, Int(name="X", width=5, signed=False)),
    ({"kind": "power-of-two", "exponent_bits": 4, "bias": 7}, PowerOfTwo(name="X", exponent_bits=4, bias=7)),
]  # fmt: skip


@pytest.mark.parametrize(("table", "row"), TABLES)
def test_tables_are_read_and_written_back(table: dict[str, Any], row: Format) -> None:
    found = formats.read_format("x", table)
    assert values(found) == values(row)
    assert (found.kind, found.bits, found.about) == (row.kind, row.bits, row.about)
    again = formats.write_format(found)
    assert formats.read_format("X", again) == found
    assert all(again[key] == value for key, value in table.items() if key not in ("top", "values"))


def test_a_catalog_row_under_another_name_is_the_same_format() -> None:
    rows = [row for row in formats.CATALOG.values() if row.bits <= 8]
    assert len(rows) > 60
    for row in rows:
        assert values(formats.read_format("OTHER", formats.write_format(row))) == values(row)


BAD: list[tuple[Any, str]] = [
    ({"E4M3": {"width": 4}}, "formats.E4M3 must have a name of its own, .* upper or lower case alike, not 'E4M3'"),
    ({"fp4": {"width": 4}}, "formats.fp4 must have a name of its own, .* upper or lower case alike, not 'fp4'"),
    ({"nvfp4": {"values": [0, 1]}}, "formats.nvfp4 must have a name of its own, not one that the catalog has"),
    ({"MxInt8": {"width": 8}}, "formats.MxInt8 must have a name of its own, .* not 'MxInt8'"),
    ({"None": {"width": 4}}, "formats.None must have a name of its own, not one that says there is no format"),
    ({"a b": {"width": 4}}, "formats must have names of at most 64 letters, .* not 'a b'"),
    ({"4A": {"width": 4}}, "a letter first, not '4A'"),
    ({"": {"width": 4}}, "a letter first, not ''"),
    ({"A" * 65: {"width": 4}}, "at most 64 letters, .*not 'AAA"),
    ({"é": {"width": 4}}, "not 'é'"),
    ({"ab": {"width": 4}, "AB": {"width": 4}}, "names that differ by more than case, not 'AB' twice"),
    ([1], r"formats must be tables by name, \[formats.NAME\], not \[1\]"),
    ({"X": 5}, "formats.X must be a table, not 5"),
    ({"X": {}}, "formats.X must have values, exponent_bits and mantissa_bits, or width, not an empty table"),
    ({"X": {"about": "?"}}, "formats.X must have values, .*, not {'about': '\\?'}"),
    ({"X": {"width": 4, "bias": 2}}, "formats.X must have keys of width, signed, .* for kind 'int', not 'bias'"),
    ({"X": {"values": [0, 1], "width": 4}}, "for kind 'codebook', not 'width'"),
    ({"X": {"kind": "posit", "width": 4}}, "formats.X.kind must be one of codebook, .*, not 'posit'"),
    ({"X": {"kind": 3}}, "formats.X.kind must be one of codebook, .*, not 3"),
    ({"X": {"width": 0}}, "formats.X.width must be an integer of 1 to 24, not 0"),
    ({"X": {"width": True}}, "formats.X.width must be an integer of 1 to 24, not True"),
    ({"X": {"width": 4, "signed": 1}}, "formats.X.signed must be true or false, not 1"),
    ({"X": {"width": 4, "signed": False, "symmetric": True}}, "formats.X.symmetric must be false for unsigned .*, not True"),
    ({"X": {"width": 1, "symmetric": True}}, "formats.X.symmetric must be false .* for 1 bit, not True"),
    ({"X": {"width": 4, "about": "a\nb"}}, "formats.X.about must be one line of at most 200 characters, not 'a"),
    ({"X": {"exponent_bits": 4}}, "formats.X.mantissa_bits must be an integer of 0 to 23, not left out"),
    ({"X": {"mantissa_bits": 4}}, "formats.X.exponent_bits must be an integer of 1 to 8, not left out"),
    ({"X": {"exponent_bits": 9, "mantissa_bits": 1}}, "formats.X.exponent_bits must be an integer of 1 to 8, not 9"),
    ({"X": {"exponent_bits": 4, "mantissa_bits": 3, "top": "nan"}}, "X.top must be one of ieee, fn, finite, fnuz, not 'nan'"),
    ({"X": {"exponent_bits": 4, "mantissa_bits": 0, "top": "ieee"}}, "formats.X.top must be fn, .* NaN has no code, not 'ieee'"),
    ({"X": {"exponent_bits": 4, "mantissa_bits": 3, "bias": 1.5}}, "formats.X.bias must be an integer of .*, not 1.5"),
    ({"X": {"exponent_bits": 4, "mantissa_bits": 3, "bias": 300}}, "formats.X.bias must be -240 to 254 for .*, not 300"),
    ({"X": {"exponent_bits": 4, "mantissa_bits": 3, "bias": -241}}, "formats.X.bias must be -240 to 254 for .*, not -241"),
    ({"X": {"exponent_bits": 8, "mantissa_bits": 9, "subnormals": False}}, "formats.X.subnormals must be true for more than 16"),
    ({"X": {"exponent_bits": 1, "mantissa_bits": 0, "top": "fn"}}, "formats.X must have a number other than 0, not"),
    ({"X": {"kind": "power-of-two", "exponent_bits": 8}}, "formats.X.bias must be an integer of -512 to 512, not left out"),
    ({"X": {"values": 5}}, "formats.X.values must be a list of numbers by code, not 5"),
    ({"X": {"values": []}}, "formats.X.values must be 2, 4, 8 .. 65536 numbers, one for every code, not 0 of them"),
    ({"X": {"values": [0]}}, "not 1 of them"),
    ({"X": {"values": [0, 1, 2]}}, "not 3 of them"),
    ({"X": {"values": [0] * (1 << 17)}}, "formats.X.values must be .* 65536 numbers, .* not 131072 of them"),
    ({"X": {"values": [0, "1"]}}, "formats.X.values must be finite numbers, or nan for reserved codes, not '1'"),
    ({"X": {"values": [0, True]}}, "not True"),
    ({"X": {"values": [0, math.inf]}}, "not inf"),
    ({"X": {"values": [0, [1]]}}, r"not \[1\]"),
    ({"X": {"values": [0, 0.1]}}, "formats.X.values must be integers of at most 24 bits times a power of two, .*, not 0.1"),
    ({"X": {"values": [1e-12, 1e12, 0, 1]}}, "formats.X.values must be integers of at most 24 bits"),
    ({"X": {"values": [2.0**-40, 2.0**40]}}, r"formats.X.values must lie on one grid of at most 64 bits, not 9\.\d+e-13 beside"),
    ({"X": {"values": [0, 2.0**300]}}, r"formats.X.values must be multiples of 2\*\*-256 below 2\*\*256, not of 2\*\*300"),
    ({"X": {"values": [0, 0, NAN, 0]}}, r"formats.X.values must have a number other than 0, not \[0, 0, nan, 0\]"),
    ({"X": {"values": [NAN, NAN]}}, "formats.X.values must have a number other than 0"),
]  # fmt: skip


@pytest.mark.parametrize(("tables", "message"), BAD)
def test_bad_tables_are_refused_in_one_line(tables: Any, message: str) -> None:
    with pytest.raises(BitmillError, match=message) as refused:
        formats.read_formats(tables)
    assert "\n" not in str(refused.value)


def test_the_limits_themselves_are_accepted() -> None:
    for bias in (-240, 254):
        formats.read_format("X", {"exponent_bits": 4, "mantissa_bits": 3, "bias": bias})
    row = formats.read_format("X", {"values": [2.0**-32, 2.0**31]})
    assert values(row) == [Fraction(1, 2**32), 2**31]
    assert formats.read_format("A" * 64, {"width": 24}).bits == 24


def test_registered_formats_are_known_by_name() -> None:
    row = formats.register(Codebook(name="Mine", values=(0, 1, 3, -2)))
    assert formats.get("mine") is row
    assert formats.registered() == {"MINE": row}
    assert "MINE" not in formats.names()
    assert formats.register(Codebook(name="MINE", values=(0, 1, 3, -2))) is row
    with pytest.raises(BitmillError, match="names that are not registered for another format, not 'mine'"):
        formats.register(Codebook(name="mine", values=(0, 1)))
    with pytest.raises(BitmillError, match="upper or lower case alike, not 'int8'"):
        formats.register(Int(name="int8", width=7))
    with pytest.raises(BitmillError, match="must be an Int, a Minifloat, a Codebook or a PowerOfTwo, not 'INT8'"):
        formats.register("INT8")  # pyright: ignore[reportArgumentType]
    with pytest.raises(BitmillError, match=r"did you mean MINE.*, not 'MINF'"):
        formats.get("MINF")


def test_a_users_own_row_comes_before_a_registered_one() -> None:
    formats.register(Int(name="MINE", width=4))
    own = formats.read_formats({"MINE": {"width": 6}})
    assert formats.get("Mine", own).bits == 6


def test_rows_of_programs_say_what_they_are_made_of():
    with pytest.raises(ValueError, match=r"values must be integers, of steps of 2\*\*step_exponent, or None, not -0.5"):
        formats.Codebook(name="MP", values=(0, 1, -0.5, 2))  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match=r"integers, .* not nan"):
        formats.Codebook(name="MP", values=(0, float("nan")))  # pyright: ignore[reportArgumentType]
    by_word = formats.Minifloat(name="M", exponent_bits=3, mantissa_bits=2, top="ieee")  # pyright: ignore[reportArgumentType]
    assert by_word == formats.Minifloat(name="M", exponent_bits=3, mantissa_bits=2, top=formats.TopExponent.IEEE)
