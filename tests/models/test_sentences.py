"""The committed sentence pairs, and the script that takes them from WordNet."""

from collections import Counter
from pathlib import Path

import pytest

from bitmill.models.encoder import make_sentences
from bitmill.models.encoder.make_sentences import Concept, candidates, choose, is_sentence, read_concept, with_synonym
from bitmill.models.encoder.sentences import SENTENCES_PATH, sentence_pairs
from bitmill.system.errors import BitmillError

WORDNET = Path("/usr/share/wordnet")


def test_pairs_are_many_graded_and_all_different():
    pairs = sentence_pairs()
    assert Counter(pair.grade for pair in pairs) == {"synonym": 150, "sense": 150, "sibling": 150, "unrelated": 150}
    texts = [text for pair in pairs for text in (pair.first, pair.second)]
    assert len(set(texts)) == len(texts) == 1200
    # One word may have become several.
    assert {len(text.split()) for text in texts} <= set(range(4, 31))
    assert all(text.isascii() and text == text.strip() for text in texts)
    assert SENTENCES_PATH.stat().st_size < 200_000


def test_licence_is_beside_the_sentences():
    notice = (SENTENCES_PATH.parent / "NOTICE.md").read_text()
    assert "WordNet 3.0 Copyright 2006 by Princeton University.  All rights reserved." in notice
    assert "Permission to use, copy, modify and distribute this software and" in notice
    assert "WordNet" in SENTENCES_PATH.read_text().splitlines()[0]


LINE = (
    '02084071 05 n 03 sofa 0 dog(p) 1 domestic_dog 2 003 #m 02083346 n 0000 @ 02083863 n 0101 @ 01317541 n 0000 '
    '| a member of the genus with paws; occurs in many breeds; "the dog barked all night"; "short one"'
)  # fmt: skip


def test_a_line_of_wordnet():
    assert read_concept(LINE) == Concept(
        field=5,
        parent="n02083863",
        words=("sofa", "dog", "domestic dog"),
        definition="a member of the genus with paws",
        examples=("the dog barked all night",),
    )
    verb = '00001740 29 v 01 breathe 0 000 02 + 02 00 + 08 00 | draw air into and out; "I can breathe better now"'
    assert read_concept(verb) == Concept(29, None, ("breathe",), "draw air into and out", ("I can breathe better now",))
    assert read_concept("1 05 n 01 x 0 000 | short").definition is None


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("one two three four", False), ("one two three four five", True), ("w " * 25, True), ("w " * 26, False),
        ("one two (three) four five", False), ("the murder of a plain afternoon", False), ("it's 5 o'clock, isn't it?", True),
        ("a café in the old town", False), ("", False),
    ],
)  # fmt: skip
def test_what_is_a_sentence(text, good):
    assert is_sentence(text) is good


@pytest.mark.parametrize(
    ("words", "example", "expected"),
    [
        (("sofa", "couch"), "he sat on the couch", "he sat on the sofa"),
        (("couch", "sofa"), "couches are not sofas", None),
        (("car", "auto"), "he drove a car home", None),
        (("auto", "engine"), "he bought an auto today", "he bought an engine today"),
        (("trade", "trade in"), "a trade is a trade", None),
        (("trade", "trade in"), "we trade old cars here", None),
        (("dog", "hound"), "dog eats dog out there", None),
    ],
)
def test_synonyms_take_a_words_place(words, example, expected):
    found = with_synonym(Concept(5, None, words, None, (example,)))
    assert found == (None if expected is None else (example, expected))


def test_pairs_of_every_grade_from_a_small_wordnet():
    concepts = [
        Concept(5 + (n % 2), f"n{n // 3}", (f"w{n}", f"v{n}"), f"definition {n}", (f"the w{n} it is", f"again {n}"))
        for n in range(30)
    ]
    found = candidates(concepts)
    home = {text: n for n, concept in enumerate(concepts) for text in (concept.definition, *concept.examples)}
    assert all(second == first.replace("w", "v") for first, second in found["synonym"])
    assert all(home[first] == home[second] for first, second in found["sense"])
    assert all(home[first] // 3 == home[second] // 3 and first != second for first, second in found["sibling"])
    assert all(home[first] % 2 != home[second] % 2 for first, second in found["unrelated"])
    assert (len(found["synonym"]), len(found["sense"]), len(found["sibling"])) == (30, 30, 10)
    chosen = list(choose(found, 3))
    texts = [text for _, *pair in chosen for text in pair]
    assert len(set(texts)) == len(texts) == 24
    assert list(choose({grade: pairs[::-1] for grade, pairs in found.items()}, 3)) == chosen
    with pytest.raises(BitmillError, match="pairs of grade sibling must be at least 11, not 10"):
        list(choose(found, 11))


def test_another_wordnet_is_refused(tmp_path):
    with pytest.raises(BitmillError, match=r"data\.adj: cannot be read"):
        make_sentences.main(["--wordnet", str(tmp_path), "--output", str(tmp_path / "out.json")])
    for name in make_sentences.CHECKSUMS:
        (tmp_path / name).write_text(LINE)
    with pytest.raises(BitmillError, match=r"SHA-256 of .*data\.adj must be c891\w+, not "):
        make_sentences.main(["--wordnet", str(tmp_path), "--output", str(tmp_path / "out.json")])
    assert not (tmp_path / "out.json").exists()


@pytest.mark.long
@pytest.mark.skipif(not WORDNET.is_dir(), reason="needs the Debian package wordnet-base")
def test_regeneration_gives_the_committed_bytes(tmp_path):
    make_sentences.main(["--output", str(tmp_path / "out.json")])
    assert (tmp_path / "out.json").read_bytes() == SENTENCES_PATH.read_bytes()
