"""Functions of Liberty: how they bind, and that what is written for the tools binds so in every reader."""

from __future__ import annotations

import pytest

from bitmill.fpga.liberty_function import FunctionError, read_function


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("A&B^C", "(A & (B ^ C))"),
        ("A^B C", "((A ^ B) & C)"),
        ("A | B^C", "(A | (B ^ C))"),
        ("A^B+C", "((A ^ B) | C)"),
        ("A^!(B C)", "A^!(B C)"),
        ("A^(B C)'", "A^(B C)'"),
        ("A B + C", "A B + C"),
        ("(A B')+(A' B)", "(A B')+(A' B)"),
        ("A\t&\nB", "(A & B)"),
        ("A''", "A"),
        ("!A'", "A"),
        ("!(A B)'", "(A & B)"),
        ("A'B", "((!A) & B)"),
        ("(A)(B)", "(A & B)"),
        ("!A B", "!A B"),
    ],
)
def test_what_readers_would_bind_otherwise_is_written_with_parentheses(text, written):
    assert read_function(text).text == written


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("A & B ^ C", lambda a, b, c: a & (b ^ c)),
        ("A ^ B C", lambda a, b, c: (a ^ b) & c),
        ("A + B * C", lambda a, b, c: a | (b & c)),
        ("A ^ B | C", lambda a, b, c: (a ^ b) | c),
        ("!A ^ B' C", lambda a, b, c: ((1 - a) ^ (1 - b)) & c),
        ("(A | B)' ^ C", lambda a, b, c: (1 - (a | b)) ^ c),
        ("!(A ^ B) & C", lambda a, b, c: (1 - (a ^ b)) & c),
    ],
)
def test_values(text, value):
    expected = sum(value(i & 1, i >> 1 & 1, i >> 2 & 1) << i for i in range(8))
    found = read_function(text)
    assert (found.names, found.values) == (("A", "B", "C"), expected)
    assert read_function(found.text).values == expected


@pytest.mark.parametrize("text", ["1", "0", "A A'", "A + !A", "A ^ A", "(A B) & !B", "1 + A"])
def test_constants(text):
    assert read_function(text).constant
    assert not read_function(f"({text}) ^ Z").constant


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("", "its end"), ("A &", "its end"), ("(A", "its end"), ("A)", ")"), ("A ? B : C", "? B : C"), ("& A", "& A"),
        ("'A", "'A"), ("A @ B", "@ B"), ("A + + B", "+ B"), ("A & X", "X"),
    ],
)  # fmt: skip
def test_what_is_no_function(text, rest):
    with pytest.raises(FunctionError) as caught:
        read_function(text, {"A", "B", "C"})
    assert str(caught.value) == rest


def test_long_ones_take_no_recursion():
    assert read_function("!" * 30001 + "A").text == "(!A)"
    assert read_function("(" * 20000 + "A" + ")" * 20000).text == "A"
    assert read_function("^".join(["A", "B"] * 1500)).operators == 2999
