"""What somebody means by a name that is no format's: other libraries' names, families, and slips of the pen."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping

from .minifloat import Minifloat
from .scalar import Format

_PREFERRED: dict[int, tuple[str, ...]] = {
    4: ("E2M1",), 6: ("E3M2", "E2M3"), 8: ("E4M3", "E5M2"), 16: ("FP16", "BF16"), 32: ("FP32",),
}  # fmt: skip
"""Floating-point formats that are meant by their bits alone."""

_WORDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"BFLOAT(16)?|BFP16|BRAIN.*", ("BF16",)),
    (r"HALF|BINARY16", ("FP16",)),
    (r"SINGLE|FLOAT|BINARY32|DOUBLE|(FP|FLOAT|F)64|BINARY64", ("FP32",)),
    (r"TF32|TENSORFLOAT.*|FP24", ("FP32", "FP16", "BF16")),
    (r"FP|FLOATINGPOINT|MINIFLOAT", ("E4M3", "E5M2", "E2M1", "FP16")),
    (r"U(INT)?(EGER)?|UNSIGNED", ("UINT4", "UINT8")),
    (r"S?I(NT)?(EGER)?|SIGNED", ("INT4", "INT8")),
    (r"TERN.*|BITNET.*|(INT|B)?1?58(B|BITS?)?", ("TERNARY",)),
    (r"BIPOLAR.*|BINARY|XNOR|SIGN|BIT", ("BIPOLAR1", "UINT1")),
    (r"NF\d*|NORMALFLOAT\d*", ("NF4",)),
    (r"BITMOD.*3", ("BITMOD_FP3",)),
    (r"BITMOD.*", ("BITMOD_FP4", "BITMOD_FP3")),
    (r"POT\d*|POWEROFTWO|LOG\d*", ("POT4",)),
    (r"ANT\d*|FLINT\d*", ("FLINT4",)),
)
"""Whole names without punctuation, and what is meant by them."""

_BLOCKS = re.compile(r"(MX|NV)(FP|INT)?(4|6|8)\w*")
"""Formats of whole blocks, whose elements are rows of the catalog."""


def suggestion(name: object, known: Mapping[str, Format]) -> str:
    """``did you mean E4M3, E5M2?``, or where all names are listed."""
    plain = re.sub(r"[^A-Z0-9]", "", str(name)[:100].upper().removeprefix("TORCH."))
    block = _BLOCKS.fullmatch(plain)
    if block is not None:
        elements = ("INT8",) if block[2] == "INT" else _PREFERRED[int(block[3])]
        return f"a block of {' or '.join(elements)} elements, which is the format, with a shared scale, which is another field"
    found = _meant(plain, known) or difflib.get_close_matches(str(name)[:100].upper(), known, n=4, cutoff=0.5)
    return f"did you mean {', '.join(found)}?" if found else "`bitmill formats` lists them all"


def _meant(plain: str, known: Mapping[str, Format]) -> list[str]:
    """The rows that another library or a family calls so; none if nobody does."""
    for pattern, names in _WORDS:
        if re.fullmatch(pattern, plain):
            return list(names)
    same = [name for name in known if name.replace("_", "") == plain]
    if same:
        return same
    inner = re.search(r"E\d+M\d+", plain)
    if inner is not None and inner[0] != plain and inner[0] in known:
        return [name for name in (f"{inner[0]}FNUZ" * ("FNUZ" in plain), inner[0]) if name in known]
    sized = re.fullmatch(r"(U)?(FP|FLOAT|F|BF|S?INT|I|S|INTEGER)(\d{1,4})\w*", plain)
    if sized is not None:
        bits = int(sized[3])
        if sized[2] in ("FP", "FLOAT", "F", "BF"):
            return _floats(bits, known)
        if (whole := f"{sized[1] or ''}INT{bits}") in known:
            return [whole]
    letter = re.fullmatch(r"U(\d{1,2})", plain)
    if letter is not None and f"UINT{letter[1]}" in known:
        return [f"UINT{letter[1]}"]
    return []


def _floats(bits: int, known: Mapping[str, Format]) -> list[str]:
    if bits in _PREFERRED:
        return list(_PREFERRED[bits])
    same = [name for name, row in known.items() if isinstance(row, Minifloat) and row.bits == bits and name == row.name]
    return same[:4] or ["E4M3", "E5M2", "FP16", "FP32"]
