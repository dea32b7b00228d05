"""600 pairs of English sentences of graded similarity, committed; ``make_sentences.py`` recreates them from WordNet 3.0."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

SENTENCES_PATH = Path(__file__).parent / "sentences.json"

Grade = Literal["synonym", "sense", "sibling", "unrelated"]
"""How near the two sentences of a pair are, the nearest first: a sentence and the same with one word
replaced by a synonym, two uses of one concept, definitions of two concepts under the same next higher one, and uses of two
concepts from different fields."""

GRADES: tuple[Grade, ...] = get_args(Grade)


@dataclass(frozen=True)
class SentencePair:
    """Two sentences, and how WordNet relates them."""

    grade: Grade
    first: str
    second: str


def sentence_pairs() -> tuple[SentencePair, ...]:
    """The committed pairs, in their order. No sentence occurs twice."""
    rows = json.loads(SENTENCES_PATH.read_text(encoding="utf-8"))["pairs"]
    return tuple(SentencePair(grade, first, second) for grade, first, second in rows)


__all__ = ["GRADES", "SENTENCES_PATH", "Grade", "SentencePair", "sentence_pairs"]
