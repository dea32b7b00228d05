"""A set of test vectors as files: words for ``$readmemh``, the same as JSON, and the page that says what they cover."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ... import __version__
from ...system.files import to_json

JSON_FILE = "vectors.json"
PAGE = "README.md"
PAGE_BEGINS = "# Test vectors: "


@dataclass(frozen=True)
class HexFile:
    """One file of words, a word a line.

    Attributes
    ----------
    bits
        Width of a word.
    words
        What ``$readmemh`` reads: hexadecimal digits, or ``x`` for words that are not there.
    about
        What word ``i`` is.
    """

    bits: int
    words: tuple[str, ...]
    about: str


@dataclass(frozen=True)
class VectorSet:
    """All files of a directory of vectors.

    Attributes
    ----------
    title
        What the vectors are of.
    data
        What goes to ``vectors.json``, beside title, version and seed.
    hex
        Files of words by name, without ``.hex``.
    covers
        Sentences that say what is covered; the page is made of them.
    seed
        Of whatever is random.
    rules
        Sentences that say what must be known to use them.
    """

    title: str
    data: Mapping[str, Any]
    hex: Mapping[str, HexFile]
    covers: tuple[str, ...]
    seed: int
    rules: tuple[str, ...] = ()

    def files(self) -> dict[str, str]:
        """Text by file name; the same vectors and version give the same bytes."""
        head = {"title": self.title, "bitmill": __version__, "seed": self.seed}
        lines = {f"{name}.hex": "".join(f"{word}\n" for word in file.words) for name, file in self.hex.items()}
        return {PAGE: self._page(), JSON_FILE: to_json({**head, **self.data}), **lines}

    def with_prefix(self, prefix: str) -> dict[str, HexFile]:
        """Its files of words, for a set that it is a part of."""
        return {f"{prefix}_{name}": file for name, file in self.hex.items()}

    def _page(self) -> str:
        table = [
            f"| `{name}.hex` | {file.bits} | {len(file.words)} | {file.about} |" for name, file in self.hex.items()
        ]
        first, file = next(iter(self.hex.items()))
        return "\n".join([
            f"{PAGE_BEGINS}{self.title}",
            "",
            f"Written by bitmill {__version__}, seed {self.seed}. The same command writes the same bytes.",
            "",
            "## What they cover",
            "",
            *(f"- {sentence}" for sentence in self.covers),
            "",
            "## Files",
            "",
            "| file | bits a word | words | word `i` is |",
            "|---|---|---|---|",
            *table,
            "",
            f"`{JSON_FILE}` has the same as data. A line is a word in hexadecimal, `x` digits where there is none. In Verilog:",
            "",
            "```verilog",
            f"reg [{file.bits - 1}:0] words [0:{len(file.words) - 1}];",
            f'initial $readmemh("{first}.hex", words);',
            "```",
            "",
            *(["## Rules", "", *(f"- {rule}" for rule in self.rules), ""] if self.rules else []),
        ])  # fmt: skip


def hex_file(values: Iterable[int | None], bits: int, about: str) -> HexFile:
    """Integers, negative ones in two's complement, as words of so many bits; None has no word."""
    digits = (bits + 3) // 4
    mask = (1 << bits) - 1
    words = tuple("x" * digits if value is None else f"{value & mask:0{digits}x}" for value in values)
    return HexFile(bits, words, about)
