"""Five trits in a byte against the definitions of the two codes, written out once more."""

from __future__ import annotations

import re
from itertools import product

import pytest

from bitmill.formats.trit_bytes import BYTE_OF, TRIT_BYTES

# Khronos Data Format Specification 1.3, "Integer Sequence Encoding", bits 7 to 0; letters are bits of digits.
UPPER = {
    "111": re.compile(r"(?P<c>...)111(?P<d>..)"),
    "11": re.compile(r"(?P<t3>.)11(?P<c>.....)"),
    "": re.compile(r"(?P<t4>.)(?P<t3>..)(?P<c>.....)"),
}


def by_specification(byte: int) -> list[int]:
    text = f"{byte:08b}"
    for pattern in UPPER.values():
        if found := pattern.fullmatch(text):
            break
    parts = found.groupdict()  # pyright: ignore[reportOptionalMemberAccess, reportPossiblyUnboundVariable]
    c = parts["c"] + parts.get("d", "")
    upper = [int(parts.get("t3", "10"), 2), int(parts.get("t4", "10"), 2)]
    number = [int(bit) for bit in c]  # c4 to c0
    if c.endswith("11"):
        c4, c3, c2 = number[:3]
        return [2 if c3 else c2, c4, 2, *upper]
    if c[1:3] == "11":
        return [int(c[3:], 2), 2, 2, *upper]
    c4, _, _, c1, c0 = number
    return [2 if c1 else c0, int(c[1:3], 2), c4, *upper]


def test_astc_is_as_specified():
    assert [[trit + 1 for trit in trits] for trits in TRIT_BYTES["astc"]] == [
        by_specification(byte) for byte in range(256)
    ]


def test_base3_is_a_number():
    for byte in range(243):
        assert sum((trit + 1) * 3**place for place, trit in enumerate(TRIT_BYTES["base3"][byte])) == byte


@pytest.mark.parametrize("code", TRIT_BYTES)
def test_all_trits_have_a_byte(code):
    every = set(product((-1, 0, 1), repeat=5))
    assert set(BYTE_OF[code]) == every
    assert set(TRIT_BYTES[code]) == every
    for trits, byte in BYTE_OF[code].items():
        assert TRIT_BYTES[code][byte] == trits
        assert TRIT_BYTES[code].index(trits) == byte
