"""Words of the report, and its findings as sentences whose numbers are the records'."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...config.nonlinear import PROFILES
from ...models.captured.rows import UNITS
from ...studies.nonlinear.contenders import IDEAL
from ...studies.records import Metric, Record, Records
from ..choice import listed
from ..libraries import USUAL, library_of, words_of
from ..shown import shown
from . import view
from .claims import ITA_LANES, ITA_LINES

NONE = Metric(None, "")


def subject(records: Records) -> str:
    """What was measured, in a phrase."""
    captured = [record for record in records.of_kind("inputs") if record.part == "softmax"]
    profiles = [title for title in view.titles(records, "softmax") if title in PROFILES]
    named = f"Profile{'s' * (len(profiles) > 1)} {', '.join(map(view.title_of, profiles))}"
    return f"{named}; made-up rows, and inputs of all {len(captured)} layers of a real encoder"


def answer(records: Records) -> list[str]:
    """Which profile to take, and what it costs."""
    best = {unit: found for unit in UNITS if (found := _ranked(records, unit))}
    return [sentence for sentence in (_take(records, best), _costs(records, best)) if sentence]


def _ranked(records: Records, unit: str) -> list[tuple[bool, float, str]]:
    """Whether it refuses places, greatest error in steps and contender, the best first; on real rows where there are some."""
    for captured in (True, False):
        found = []
        for contender in view.titles(records, unit):
            worst = view.worst(records, unit, contender, "steps", captured=captured)
            if contender != IDEAL and worst is not None:
                found.append((bool(worst.metrics.get("refused", NONE).value), worst.number("steps"), contender))
        if found:
            return sorted(found)
    return []


def _take(records: Records, best: Mapping[str, list[tuple[bool, float, str]]]) -> str:
    by_title: dict[str, list[str]] = {}
    for unit, ranked in best.items():
        by_title.setdefault(view.titles(records, unit)[ranked[0][2]], []).append(unit)
    parts = []
    for title, units in by_title.items():
        ours, others = (
            listed([shown(best[unit][place][1], 1) if len(best[unit]) > place else "none" for unit in units])
            for place in (0, 1)
        )
        parts.append(
            f"{title} for {listed([view.unit_title(unit) for unit in units])} (errors of at most {ours} output steps, the next "
            f"best {others})"
        )
    return f"Take profile {' and '.join(parts)} on the real encoder's inputs." if parts else ""


def _costs(records: Records, best: Mapping[str, list[tuple[bool, float, str]]]) -> str:
    """What the best profile of each unit takes at its widest, and the cheapest of the other profiles as wide."""
    parts, where = [], ""
    for unit, ranked in best.items():
        here = [r for r in view.cells(records) if r.config["unit"] == unit]
        own = [record for record in here if record.config["profile"] == ranked[0][2]]
        if own:
            widest = max(own, key=lambda record: (record.config["lanes"], -record.number("logic")))
            lanes, rivals = widest.config["lanes"], PROFILES.keys() - {ranked[0][2]}
            others = [r for r in here if r.config["lanes"] == lanes and r.config["profile"] in rivals]
            other = min(others, key=lambda record: record.number("logic"), default=None)
            known = [f"{view.title_of(other.config['profile'])} {_number(other, 'logic')}"] if other else []
            if (unit, USUAL, "logic") in ITA_LINES and (lanes,) == ITA_LANES[unit]:
                known.append(f"ITA's own {shown(ITA_LINES[unit, USUAL, 'logic'])}")
            beside = f" ({', '.join(known)})" if known else ""
            parts.append(
                f"{view.unit_title(unit)} of {lanes} lane{'s' * (lanes > 1)} {_number(widest, 'logic')}{beside}"
            )
            where = words_of(library_of(widest))
    return f"It costs, in gate equivalents of logic on {where}: {', '.join(parts)}." if parts else ""


def findings(records: Records) -> list[str]:
    """What else the records allow to say."""
    return [*_hardware(records), *_refused(records)]


def _refused(records: Records) -> Iterator[str]:
    for unit in UNITS:
        found = {
            title: view.worst(records, unit, contender, "refused", captured=True)
            for contender, title in view.titles(records, unit).items()
        }
        parts = [
            f"{_number(row, 'refused')} by {title}" for title, row in found.items() if row and row.number("refused")
        ]
        if parts:
            yield f"Places of the encoder whose parameters or scale {view.unit_title(unit)} refuses: {listed(parts)}."


def _hardware(records: Records) -> Iterator[str]:
    """Ours beside ITA's, unit by unit, as wide as it."""
    ours: dict[str, list[str]] = {}
    for record in view.cells(records):
        unit, lanes = record.config["unit"], record.config["lanes"]
        if (unit, USUAL, "logic") in ITA_LINES and lanes == min(ITA_LANES[unit]):
            ours.setdefault(unit, []).append(f"{_number(record, 'logic')} ({record.config['title']})")
    for unit, parts in ours.items():
        lanes, peer = min(ITA_LANES[unit]), shown(ITA_LINES[unit, USUAL, "logic"])
        yield f"ITA's {view.unit_title(unit)} (lanes: {lanes}) takes {peer} GE on {words_of(USUAL)}; ours {listed(parts)}."


def _number(record: Record, metric: str, digits: int = 0) -> str:
    return shown(record.number(metric), digits)
