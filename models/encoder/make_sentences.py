"""Recreate ``sentences.json`` from the database of WordNet 3.0, byte for byte.

Run as ``python -m bitmill.models.encoder.make_sentences`` where the Debian package ``wordnet-base`` is installed, or with
``--wordnet FOLDER`` that holds ``data.noun``, ``data.verb``, ``data.adj`` and ``data.adv``. The file format is that of
wndb(5WN). Definitions and the examples in quotation marks are taken as they stand, if they have 5 to 25 words and no
parentheses; in one sentence of every synonym pair one word is replaced. ``NOTICE.md`` gives the licence. What is taken
follows from SHA-256 sums of the text and ``SEED`` alone, so it depends on no generator of random numbers.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from pathlib import Path

from ...system.errors import BitmillError
from ...system.files import atomic_write
from ..wheel import file_sha256
from .sentences import GRADES, SENTENCES_PATH, Grade

SEED = 1
PAIRS_PER_GRADE = 150
FEWEST_WORDS, MOST_WORDS = 5, 25

CHECKSUMS = {
    "data.adj": "c89120dfc1f046ddff4a631bf9b7e9fa1a36b5e86565a23bf82dbe14f30b88a7",
    "data.adv": "444a63bf3955080ab7524f5079cfc07ff9bc682cb98bdb1db73b0fb9829f1139",
    "data.noun": "fea17d2f9656611334eac790e5d69e47645fa180c4aa481fb4cd9b3520754ca2",
    "data.verb": "adcf43e35b581e8036d8b5a52d63d9cd3d3b4870b2720d3c03c799df44777bc2",
}
"""SHA-256 of the files of WordNet 3.0."""

FIELDS = {
    0: "adjectives", 2: "adverbs", 5: "animals", 6: "artifacts", 10: "communication", 13: "food", 17: "natural objects",
    19: "natural phenomena", 20: "plants", 27: "substances", 30: "change", 31: "thinking", 32: "speaking", 34: "consumption",
    36: "creation", 38: "motion", 39: "perception", 40: "possession", 43: "weather",
}  # fmt: skip
"""Lexicographer files that are used (lexnames(5WN)): things and plain actions, nothing that labels people."""

AVOIDED = re.compile("kill|murder|massacre|suicid|nazi|hitler|drug|sex|her body", re.IGNORECASE)
"""What the sentences are not about."""

Pair = tuple[str, str]


@dataclass(frozen=True)
class Concept:
    """One synset: its field, the one above it, its words, what it means and how it is used."""

    field: int
    parent: str | None
    words: tuple[str, ...]
    definition: str | None
    examples: tuple[str, ...]


def read_concept(line: str) -> Concept:
    """Parse a line ``offset field type count words... count pointers... | gloss`` of a data file."""
    facts, _, gloss = line.partition(" | ")
    fields = facts.split()
    pointers = 4 + 2 * int(fields[3], 16)
    parent = None
    for start in range(pointers + 1, pointers + 1 + 4 * int(fields[pointers]), 4):
        symbol, offset, kind = fields[start : start + 3]
        if symbol == "@" and parent is None:
            parent = f"{kind}{offset}"
    definition = re.split('[;"]', gloss)[0].strip()
    return Concept(
        field=int(fields[1]),
        parent=parent,
        # An adjective may have its place beside it, as in "alive(p)".
        words=tuple(re.sub(r"\(.*\)", "", word).replace("_", " ") for word in fields[4:pointers:2]),
        definition=definition if is_sentence(definition) else None,
        examples=tuple(text for text in map(str.strip, re.findall(r'"([^"]+)"', gloss)) if is_sentence(text)),
    )


def is_sentence(text: str) -> bool:
    """Whether a text has 5 to 25 words, only letters, digits and plain punctuation, and nothing that is avoided."""
    plain = re.fullmatch(r"[A-Za-z0-9 ,.!?':;-]+", text) and not AVOIDED.search(text)
    return bool(plain) and FEWEST_WORDS <= len(text.split()) <= MOST_WORDS


def with_synonym(concept: Concept) -> Pair | None:
    """The first example with a word of the concept, and the same with another word of the concept in its place."""
    for text, word, other in product(concept.examples, concept.words, concept.words):
        found = re.findall(rf"(\w*) ?\b{re.escape(word)}\b", text)
        article = found and found[0] in ("a", "an") and _has_vowel(word) != _has_vowel(other)
        if len(found) == 1 and not article and word.lower() not in other.lower() and other.lower() not in word.lower():
            return text, re.sub(rf"\b{re.escape(word)}\b", other, text)
    return None


def read_wordnet(folder: Path) -> list[Concept]:
    """All concepts of the used fields.

    Raises
    ------
    BitmillError
        If a file is missing or is not that of WordNet 3.0.
    """
    concepts = []
    for name, expected in CHECKSUMS.items():
        found = file_sha256(folder / name)
        if found != expected:
            raise BitmillError(f"SHA-256 of {folder / name} must be {expected}, not {found}")
        lines = (folder / name).read_text(encoding="ascii").splitlines()
        concepts += [read_concept(line) for line in lines if not line.startswith(" ")]
    return [concept for concept in concepts if concept.field in FIELDS]


def candidates(concepts: Sequence[Concept]) -> dict[Grade, list[Pair]]:
    """Pairs of every grade, more than are needed; a sentence may be in several."""
    children: dict[str, list[str]] = {}
    for concept in concepts:
        if concept.parent is not None and concept.definition is not None:
            children.setdefault(concept.parent, []).append(concept.definition)
    siblings = [shuffled(definitions)[:2] for definitions in children.values()]
    examples = {concept.examples[0]: concept.field for concept in concepts if concept.examples}
    return {
        "synonym": [pair for pair in map(with_synonym, concepts) if pair is not None],
        "sense": _first_two(concept.examples for concept in concepts),
        "sibling": _first_two(siblings),
        "unrelated": [pair for pair in pairwise(shuffled(examples)) if examples[pair[0]] != examples[pair[1]]],
    }


def choose(found: Mapping[Grade, Sequence[Pair]], count: int) -> Iterator[tuple[Grade, str, str]]:
    """``count`` pairs of each grade, grade by grade, no sentence twice.

    Raises
    ------
    BitmillError
        If there are fewer.
    """
    used: set[str] = set()
    for grade in GRADES:
        taken = 0
        for first, second in sorted(found[grade], key=lambda pair: _digest("\n".join(pair))):
            if taken < count and first != second and not used & {first, second}:
                used |= {first, second}
                taken += 1
                yield grade, first, second
        if taken < count:
            raise BitmillError(f"pairs of grade {grade} must be at least {count}, not {taken}")


def shuffled(texts: Iterable[str]) -> list[str]:
    """Texts in an order that depends on ``SEED`` and on nothing but them."""
    return sorted(texts, key=_digest)


def to_json(pairs: Iterable[tuple[Grade, str, str]]) -> str:
    """The committed file: one pair a line."""
    rows = ",\n".join(json.dumps(pair) for pair in pairs)
    return (
        f'{{"source": "WordNet 3.0, Copyright 2006 by Princeton University; see NOTICE.md",\n"pairs": [\n{rows}\n]}}\n'
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the file and print its size and checksum."""
    parser = argparse.ArgumentParser(description="Recreate the committed sentence pairs from WordNet 3.0.")
    parser.add_argument("--wordnet", type=Path, default=Path("/usr/share/wordnet"), help="default: %(default)s")
    parser.add_argument("--output", type=Path, default=SENTENCES_PATH, help="file to write (default: %(default)s)")
    options = parser.parse_args(arguments)
    text = to_json(choose(candidates(read_wordnet(options.wordnet)), PAIRS_PER_GRADE))
    atomic_write(options.output, text)
    print(f"{options.output}: {len(text)} bytes, SHA-256 {hashlib.sha256(text.encode()).hexdigest()}, seed {SEED}")


def _first_two(groups: Iterable[Sequence[str]]) -> list[Pair]:
    return [(group[0], group[1]) for group in groups if len(group) >= 2]


def _has_vowel(word: str) -> bool:
    return word[0].lower() in "aeiou"


def _digest(text: str) -> str:
    return hashlib.sha256(f"{SEED}\n{text}".encode()).hexdigest()


if __name__ == "__main__":
    main()
