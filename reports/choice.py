"""What to choose: candidates by how good they are and what they cost, the cheapest that are good enough, and who is beaten."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from .shown import shown

STEP_DB = 10
"""Between the accuracies for which a choice is named."""
NEAR_DB = 1
"""As good as as accurate."""


@dataclass(frozen=True)
class Candidate:
    """One that may be chosen.

    Attributes
    ----------
    name
        As sentences call it.
    quality
        In dB; infinite where there is no error.
    costs
        By the columns of the question; less is better.
    """

    name: str
    quality: float
    costs: Mapping[str, float]


@dataclass(frozen=True)
class Question:
    """What is to be chosen among candidates that have the same columns.

    Attributes
    ----------
    candidates
        Each with a cost in every column.
    good
        What quality is, in dB, such as ``output SQNR``.
    told
        Columns whose numbers sentences state, with digits after the point and words behind them.
    counted
        What costs are of, such as ``per MAC, registers included``.
    """

    candidates: Sequence[Candidate]
    good: str
    told: Mapping[str, tuple[int, str]]
    counted: str = ""

    def numbers(self, candidate: Candidate) -> str:
        """``36.6 dB, 1,294 gates, 33.3 pJ``."""
        quality = f"{shown(candidate.quality, 1)} dB" if isfinite(candidate.quality) else "exact"
        costs = (f"{shown(candidate.costs[name], digits)} {words}" for name, (digits, words) in self.told.items())
        return ", ".join([quality, *costs])

    def cheapest(self, least: float) -> dict[str, list[str]]:
        """The cheapest candidate of at least this quality in every column: name to the columns in which it is."""
        able = [candidate for candidate in self.candidates if candidate.quality >= least]
        found: dict[str, list[str]] = {}
        for column in able[0].costs:
            best = min(able, key=lambda candidate: (candidate.costs[column], -candidate.quality))
            found.setdefault(best.name, []).append(column)
        return found

    def take(self) -> str:
        """Which one to take for which accuracy and target, as a sentence."""
        best = max(candidate.quality for candidate in self.candidates)
        greatest = max((c.quality for c in self.candidates if isfinite(c.quality)), default=0.0)
        goals = {float(level): f"{level} dB" for level in range(STEP_DB, int(greatest) + 1, STEP_DB)} | {
            best: "the most"
        }
        last, most = list(goals)[-2:] if len(goals) > 1 else (best, best)
        if last != most and len(self.cheapest(last)) == 1 and [*self.cheapest(last)] == [*self.cheapest(most)]:
            goals = {level: goal for level, goal in goals.items() if level != last} | {best: f"{goals[last]} and more"}
        named = {candidate.name: candidate for candidate in self.candidates}
        parts: list[str] = []
        for level, goal in goals.items():
            winners = self.cheapest(level)
            of = f"{goal} of {self.good}" if not parts else goal
            told = {name: self.numbers(named[name]) for name in winners}
            if len(winners) == 1:
                parts += [f"{name} for {of} ({numbers}{self._near(named[name])})" for name, numbers in told.items()]
            else:
                those = [f"{name} on {listed(columns)} ({told[name]})" for name, columns in winners.items()]
                parts.append(f"for {of} {' or '.join(those)}")
        columns = listed(list(self.candidates[0].costs))
        alike = all(len(self.cheapest(level)) == 1 for level in goals)
        ends = ("" if alike else ", or where it says") + (f"; costs are {self.counted}" if self.counted else "")
        return f"Take {listed(parts)}: each is the cheapest on {columns}{ends}."

    def _near(self, best: Candidate) -> str:
        """Who is cheaper in every column than the most accurate one and hardly less accurate."""
        if best.quality == max(candidate.quality for candidate in self.candidates):
            for other in sorted(self.candidates, key=lambda candidate: (*candidate.costs.values(),)):
                cheaper = all(cost < best.costs[name] for name, cost in other.costs.items())
                if cheaper and best.quality - NEAR_DB <= other.quality < best.quality:
                    less, costs = shown(best.quality - other.quality, 1), self.numbers(other).partition(", ")[2]
                    return f"; {other.name} has {less} dB less for {costs}"
        return ""

    def beaten(self) -> dict[str, list[tuple[Candidate, list[str]]]]:
        """Who never is the choice, with the most accurate one that is better in every column, quality being one.

        Behind it stands one that is more accurate still and better in every column but one, with that column.
        """
        found: dict[str, list[tuple[Candidate, list[str]]]] = {}
        for loser in self.candidates:
            better = sorted((c for c in self.candidates if c.quality > loser.quality), key=lambda c: -c.quality)
            dearer = {
                rival.name: [name for name, cost in rival.costs.items() if cost >= loser.costs[name]]
                for rival in better
            }
            winner = next((rival for rival in better if not dearer[rival.name]), None)
            if winner is not None:
                almost = [rival for rival in better if len(dearer[rival.name]) == 1 and rival.quality > winner.quality]
                found[loser.name] = [(rival, dearer[rival.name]) for rival in (winner, *almost[:1])]
        return found

    def avoid(self) -> str:
        """Who is beaten by whom, the most accurate loser with all numbers, as a sentence."""
        beaten, named = self.beaten(), {candidate.name: candidate for candidate in self.candidates}
        if not beaten:
            return f"None of the {len(self.candidates)} is beaten on all of these by another one: each buys something."
        first, *others = sorted(beaten, key=lambda name: -named[name].quality)
        by = [
            f"{rival.name} ({self.numbers(rival)}) is more accurate and cheaper on all of these"
            + (f" but {listed(dearer)}" if dearer else "")
            for rival, dearer in beaten[first]
        ]
        rest = [f"{name} by {beaten[name][0][0].name}" for name in others]
        more = f"; beaten likewise: {listed(rest)}" if rest else ""
        return f"{first} ({self.numbers(named[first])}) never is the choice: {', and '.join(by)}{more}."


def listed(words: Sequence[str]) -> str:
    """``a, b and c``."""
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else words[0]


def front(points: Iterable[tuple[float, float, str]]) -> list[tuple[float, float, str]]:
    """The (cost, quality, name) that no other point beats in both, by rising cost."""
    kept: list[tuple[float, float, str]] = []
    for point in sorted(points, key=lambda point: (point[0], -point[1], point[2])):
        if not kept or point[1] > kept[-1][1]:
            kept.append(point)
    return kept
