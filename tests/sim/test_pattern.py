"""Stall patterns: shares, run lengths, reproducibility, refusals."""

from __future__ import annotations

from itertools import groupby, islice
from typing import Any

import pytest

from bitmill import BitmillError
from bitmill.sim.pattern import BACK_TO_BACK, Pattern


def _decisions(pattern: Pattern, count: int) -> list[bool]:
    return list(islice(pattern, count))


def test_back_to_back_never_stalls() -> None:
    assert all(_decisions(BACK_TO_BACK, 1000))


def test_directed_repeats() -> None:
    assert _decisions(Pattern("directed", decisions=(True, False, False)), 7) == [True, False, False] * 2 + [True]


@pytest.mark.parametrize("kind", ["random", "bursty"])
@pytest.mark.parametrize("probability", [0.0, 0.2, 0.6])
def test_share_of_stalls(kind: Any, probability: float) -> None:
    decisions = _decisions(Pattern(kind, probability, burst=5.0, seed=3), 40_000)
    assert decisions.count(False) / len(decisions) == pytest.approx(probability, abs=0.03)


@pytest.mark.parametrize(("kind", "mean"), [("random", 1 / 0.6), ("bursty", 12.0)])
def test_mean_run_of_stalls(kind: Any, mean: float) -> None:
    decisions = _decisions(Pattern(kind, 0.4, burst=12.0, seed=5), 60_000)
    runs = [len(list(run)) for go, run in groupby(decisions) if not go]
    assert sum(runs) / len(runs) == pytest.approx(mean, rel=0.1)


@pytest.mark.parametrize("kind", ["random", "bursty"])
def test_seed_decides(kind: Any) -> None:
    first, again, other = (_decisions(Pattern(kind, seed=seed), 200) for seed in (1, 1, 2))
    assert first == again
    assert first != other


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kind": "sometimes"}, "kind must be none, random, bursty or directed, not 'sometimes'"),
        ({"kind": "random", "probability": 1.0}, "probability must be at least 0 and less than 1, not 1.0"),
        ({"kind": "bursty", "burst": 0.5}, "burst must be at least 1 cycle, not 0.5"),
        ({"kind": "directed", "decisions": (False,)}, "at least one go"),
    ],
)
def test_refusals(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(BitmillError, match=message):
        Pattern(**fields)
