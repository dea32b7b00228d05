"""Uncased WordPiece tokenizer in pure Python, enough for plain text and a BERT ``vocab.txt``.

Text is cleaned, lower-cased, stripped of accents and split at white space, punctuation and CJK ideographs; each word
is then covered from the left by the longest vocabulary entries, with ``##`` before every piece but the first. The
scheme is that of BERT (Devlin et al., 2019, https://arxiv.org/abs/1810.04805). Special tokens written out in the text,
such as ``[MASK]``, are treated as ordinary text.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path

from ...system.files import read_text

VOCABULARY_BYTES = 1 << 26
"""Longest vocabulary that is read."""

UNKNOWN = "[UNK]"
START = "[CLS]"
END = "[SEP]"
LONGEST_WORD = 100

_IDEOGRAPHS = (
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2CEAF),
    (0x2F800, 0x2FA1F),
)


def load_vocabulary(path: Path) -> dict[str, int]:
    """Read a ``vocab.txt`` of one token per line; a token's id is its line number from zero."""
    lines = read_text(path, "a vocabulary of one token a line", limit=VOCABULARY_BYTES).removesuffix("\n").split("\n")
    return {token: index for index, token in enumerate(lines)}


def split_words(text: str) -> list[str]:
    """Return the lower-case words and single punctuation marks of ``text``, without accents or control characters."""
    return "".join(_normalised(text)).split()


def word_pieces(word: str, vocabulary: Mapping[str, int]) -> list[str]:
    """Cover ``word`` greedily from the left by the longest entries of ``vocabulary``.

    Returns ``["[UNK]"]`` if some rest of the word has no entry as its prefix, or for words over 100 characters.
    """
    if len(word) > LONGEST_WORD:
        return [UNKNOWN]
    pieces: list[str] = []
    start = 0
    while start < len(word):
        prefix = "##" if start else ""
        for end in range(len(word), start, -1):
            piece = prefix + word[start:end]
            if piece in vocabulary:
                pieces.append(piece)
                start = end
                break
        else:
            return [UNKNOWN]
    return pieces


def tokenize(text: str, vocabulary: Mapping[str, int]) -> list[str]:
    """Return the WordPiece tokens of ``text``, without the start and end tokens."""
    return [piece for word in split_words(text) for piece in word_pieces(word, vocabulary)]


def encode(text: str, vocabulary: Mapping[str, int]) -> list[int]:
    """Return the token ids of ``text`` between ``[CLS]`` and ``[SEP]``, without truncation or padding."""
    return [vocabulary[token] for token in (START, *tokenize(text, vocabulary), END)]


def _normalised(text: str) -> Iterator[str]:
    for character in unicodedata.normalize("NFD", "".join(_cleaned(text))):
        if unicodedata.category(character) == "Mn":
            continue
        yield f" {character} " if _is_punctuation(character) else character.lower()


def _cleaned(text: str) -> Iterator[str]:
    for character in text:
        if character in "\t\n\r" or unicodedata.category(character).startswith("Z"):
            yield " "
        elif character == "\ufffd" or unicodedata.category(character).startswith("C"):
            continue
        elif any(first <= ord(character) <= last for first, last in _IDEOGRAPHS):
            yield f" {character} "
        else:
            yield character


def _is_punctuation(character: str) -> bool:
    if character.isascii():
        return character.isprintable() and not character.isalnum() and character != " "
    return unicodedata.category(character).startswith("P")
