"""What to choose and what not, by rule."""

from __future__ import annotations

import pytest

from bitmill.reports.choice import Candidate, Question
from bitmill.reports.full.report import REPORT as FULL
from bitmill.reports.full.text import answer
from bitmill.studies.committed import committed_records


def asked(*rows):
    candidates = [Candidate(name, quality, {"gates": gates, "energy": energy}) for name, quality, gates, energy in rows]
    return Question(candidates, "SQNR", {"gates": (0, "gates"), "energy": (1, "pJ")})


def test_the_cheapest_that_is_good_enough_is_taken():
    question = asked(("small", 12.0, 100, 1.0), ("middle", 21.0, 200, 2.0), ("big", 33.0, 400, 4.5))
    assert question.take() == (
        "Take small for 10 dB of SQNR (12.0 dB, 100 gates, 1.0 pJ), middle for 20 dB (21.0 dB, 200 gates, 2.0 pJ) and "
        "big for 30 dB and more (33.0 dB, 400 gates, 4.5 pJ): each is the cheapest on gates and energy."
    )
    assert question.avoid() == "None of the 3 is beaten on all of these by another one: each buys something."


def test_targets_that_differ_are_told_apart():
    question = asked(("lean", 14.0, 100, 3.0), ("cool", 15.0, 200, 2.0))
    assert question.take() == (
        "Take for 10 dB of SQNR lean on gates (14.0 dB, 100 gates, 3.0 pJ) or cool on energy (15.0 dB, 200 gates, 2.0 pJ) and "
        "cool for the most (15.0 dB, 200 gates, 2.0 pJ): each is the cheapest on gates and energy, or where it says."
    )


def test_who_is_beaten_in_every_column_is_named_with_whom():
    question = asked(
        ("loser", 30.0, 300, 3.0), ("better", 31.0, 200, 2.0), ("best", 40.0, 250, 3.5), ("equal", 31.0, 300, 1.0)
    )
    assert {name: [(rival.name, dearer) for rival, dearer in found] for name, found in question.beaten().items()} == {
        "loser": [("better", []), ("best", ["energy"])]
    }
    assert question.avoid() == (
        "loser (30.0 dB, 300 gates, 3.0 pJ) never is the choice: better (31.0 dB, 200 gates, 2.0 pJ) is more accurate and "
        "cheaper on all of these, and best (40.0 dB, 250 gates, 3.5 pJ) is more accurate and cheaper on all of these but energy."
    )


def test_who_is_as_good_as_as_accurate_is_said():
    question = asked(("near", 25.5, 50, 1.0), ("best", 26.0, 100, 2.0))
    assert (
        "best for the most (26.0 dB, 100 gates, 2.0 pJ; near has 0.5 dB less for 50 gates, 1.0 pJ)" in question.take()
    )


def test_exact_results_are_no_number_of_decibels():
    question = asked(("rough", 12.0, 50, 1.0), ("perfect", float("inf"), 100, 2.0))
    assert "and perfect for the most (exact, 100 gates, 2.0 pJ)" in question.take()


def test_what_was_buried_comes_up():
    first, second = answer(committed_records(FULL.study))
    assert "E3M4 for the most (36.6 dB, 1,294 GE, 33.3 pJ)" in first
    assert second.startswith("E4M3 (30.5 dB, 1,630 GE, 40.5 pJ) never is the choice: ")
    assert (
        "E3M4 (36.6 dB, 1,294 GE, 33.3 pJ) is more accurate and cheaper on all of these but LUT4 per GMAC/s" in second
    )


@pytest.mark.parametrize("cost", ["gates", "energy"])
def test_a_record_that_changes_changes_the_answer(cost):
    rows = [["cheap", 15.0, 10.0, 1.0], ["dear", 15.5, 20.0, 2.0]]
    before = asked(*map(tuple, rows)).take()
    rows[0][2 if cost == "gates" else 3] = 99.0
    assert asked(*map(tuple, rows)).take() != before
