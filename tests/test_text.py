"""Text of users is shown as what it is, and no longer than is read."""

import pytest

from bitmill.system.text import LONGEST_MESSAGE, cut, message, short, visible


@pytest.mark.parametrize(
    ("value", "expected"),
    [("INT88", "'INT88'"), (3, "3"), (None, "None"), ([1, 2], "[1, 2]"), ({"a": 1}, "{'a': 1}"), (-1.5, "-1.5"),
     (1 << 4000, "an integer of 4001 bits"), (10**40, "1" + "0" * 40)],
    ids=lambda value: str(type(value)),
)  # fmt: skip
def test_short_values_are_their_repr(value, expected):
    assert short(value) == expected


def _deep():
    value = []
    for _ in range(100_000):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value", ["A" * 1_000_000, list(range(10**6)), {"k" * 10**6: 1}, b"\0" * 10**6, 10**50_000], ids=type
)
def test_long_values_are_short(value):
    assert len(short(value)) <= 60


def test_deep_values_are_short():
    value = _deep()
    assert len(short(value)) <= 60
    while value:  # Python's own way to free it would recurse.
        value = value.pop()


def test_the_ends_of_a_value_are_kept():
    assert short("begin" + "-" * 100 + "end").startswith("'begin---")
    assert short("begin" + "-" * 100 + "end").endswith("---end'")
    assert cut("a" * 10, 10) == "a" * 10


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text", "plain text"), ("ümläut 漢字", "ümläut 漢字"), ("\x1b[31m", "\\x1b[31m"), ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("\u202etxt", "\\u202etxt"), ("\u200b", "\\u200b"), ("\u2028", "\\u2028"), ("\udcff", "\\udcff"), ("\x9b2J", "\\x9b2J"),
        ("\U000e0041", "\\U000e0041"), ("[/x]", "[/x]"), ("\x7f", "\\x7f"),
    ],
)  # fmt: skip
def test_nothing_steers_the_terminal(text, shown):
    assert visible(text) == shown
    assert visible(text).encode("utf-8")


def test_a_message_is_one_line_that_is_read():
    assert message("a\n  b\x1b") == "a b\\x1b"
    assert len(message("field: must be small, not " + "\x1b" * 10**6)) <= LONGEST_MESSAGE
    assert message("weight: must be 1, not '" + "A" * 10**6 + "'").startswith("weight: must be 1, not 'AAA")
