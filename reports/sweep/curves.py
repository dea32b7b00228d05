"""Area against clock on osu018: the smallest circuit at every period, its spread, the fastest one, and throughput per area."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from ...studies.records import Record, Records
from ...studies.sweep.task import FASTEST, LIBERTY, SPREAD
from .. import shown
from ..drawing import GREY, THOUSANDS, figure, label_points
from ..shown import Cell, Table

MOST_CURVES = 8
"""Units that the picture shows, the smallest ones."""

AREA, RATE = "logic_per_mac", "throughput_per_area"
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f3f98", "#555555")
_MARKS = ("o", "s", "D", "^")


def curve_targets(records: Records) -> set[str]:
    """Targets, as in ids, whose areas are points of a curve: those that a spread was measured of."""
    return {record.id.partition("/")[2].replace(SPREAD, LIBERTY, 1) for record in records.of_kind(SPREAD)}


def curve_units(records: Records) -> list[str]:
    """Units that have a curve, the smallest at its longest period first."""
    units = dict.fromkeys(record.part for record in records.of_kind(SPREAD))
    return sorted(units, key=lambda unit: _points(records, unit)[-1].number(AREA))


def _points(records: Records, unit: str) -> list[Record]:
    """Areas of a unit by rising period."""
    ids = [
        spread.id.replace(f"/{SPREAD}-", f"/{LIBERTY}-") for spread in records.of_kind(SPREAD) if spread.part == unit
    ]
    return sorted((records[record_id] for record_id in ids), key=lambda record: record.number("period"))


def _spread(records: Records, point: Record) -> Record:
    return records[point.id.replace(f"/{LIBERTY}-", f"/{SPREAD}-")]


def _fastest(records: Records, unit: str) -> Record:
    return records[f"{unit}/{FASTEST}"]


def _clock(point: Record) -> float:
    """The period that a circuit runs at: the one asked for, or what it reaches."""
    return max(point.number("period"), point.number("delay"))


def curves_answer(records: Records) -> Iterator[str]:
    """The fastest unit, and the one that does most per area, as sentences."""
    units = curve_units(records)
    if not units:
        return
    fastest = min((_fastest(records, unit) for unit in units), key=lambda record: record.number("delay"))
    yield f"osu018: fastest is {fastest.part} with a period of {shown.shown(fastest.number('delay'), 2)} ns."
    every = [point for unit in units for point in (*_points(records, unit), _fastest(records, unit))]
    best = max(every, key=lambda record: record.number(RATE))
    yield (
        f"osu018: most throughput per area has {best.part} at {shown.shown(_clock(best), 2)} ns with "
        f"{shown.shown(best.number(RATE), 2)} {best.metrics[RATE].unit}."
    )


def curves_picture(records: Records) -> Figure:
    """Logic per MAC and throughput per area against the clock period, a line per unit."""
    units = curve_units(records)
    left_out = len(units) - MOST_CURVES
    note = f" The {MOST_CURVES} smallest of {len(units)} units." if left_out > 0 else ""
    made = figure(
        11.0, 5.6, "Area against clock on osu018",
        "The smallest circuit that meets each period, before layout; star: the fastest one. Bars: least and greatest area when\n"
        f"the period is up to 2 % shorter or longer. Hollow: the period is not met, drawn at the clock that is reached.{note}",
        top=0.92,
    )  # fmt: skip
    area, rate = made.subplots(1, 2)
    made.subplots_adjust(left=0.075, right=0.985, bottom=0.115, wspace=0.2)
    shown_units = units[:MOST_CURVES]
    names = {
        AREA: "logic, GE per MAC (registers apart)",
        RATE: "throughput per area, MMAC/s per GE (registers included)",
    }
    for axes, (name, title) in zip((area, rate), names.items(), strict=True):
        labels = []
        for unit, tint, mark in zip(shown_units, cycle(_COLOURS), cycle(_MARKS), strict=False):
            spot = _curve(axes, records, unit, name, tint, mark)
            labels.append((*spot, unit, tint, False))
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("clock period / ns", color=GREY)
        axes.set_xscale("log")
        periods = sorted({point.number("period") for unit in shown_units for point in _points(records, unit)})
        axes.xaxis.set_major_locator(
            FixedLocator([min(_clock(_fastest(records, unit)) for unit in shown_units), *periods])
        )
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:.3g}")
        axes.yaxis.set_major_formatter(THOUSANDS)
        axes.set_ylim(0, axes.get_ylim()[1] * 1.08)
        low, high = axes.get_xlim()
        axes.set_xlim(low, high * (high / low) ** 0.22)
        if name == AREA:
            # The same units, colours and marks on the right, where lines meet at long periods.
            label_points(axes, labels)
    return made


def _curve(axes: Axes, records: Records, unit: str, name: str, tint: str, mark: str) -> tuple[float, float]:
    """Draw a unit's line; where its name goes."""
    points, fastest = _points(records, unit), _fastest(records, unit)
    along = sorted([*points, fastest], key=_clock)
    axes.plot([_clock(p) for p in along], [p.number(name) for p in along], color=tint, linewidth=1.4, zorder=2)
    for point in points:
        x, y = _clock(point), point.number(name)
        if name == AREA:
            spread, macs = _spread(records, point), point.number("macs")
            low, high = (spread.number(f"logic_{end}") / macs for end in ("min", "max"))
            axes.plot([x, x], [low, high], color=tint, linewidth=5, alpha=0.35, solid_capstyle="butt", zorder=1)
        filled = point.number("delay") <= point.number("period")
        axes.plot(x, y, mark, color=tint, markersize=6, markerfacecolor=tint if filled else "white", zorder=3)
    axes.plot(_clock(fastest), fastest.number(name), "*", color=tint, markersize=11, markeredgecolor="white", zorder=4)
    last = along[-1]
    return _clock(last), last.number(name)


def curves_table(records: Records) -> Table:
    """A row per unit and period, and the fastest circuit of each unit."""
    rows: list[tuple[Cell, ...]] = []
    for unit in curve_units(records):
        for point in _points(records, unit):
            spread = _spread(records, point)
            rows.append((
                unit,
                shown.number(records, point.id, "period", 2),
                shown.number(records, point.id, "delay", 2),
                shown.number(records, point.id, "logic", 1),
                *(shown.number(records, spread.id, name, 1) for name in ("logic_min", "logic", "logic_max")),
                shown.number(records, point.id, "total", 1),
                shown.number(records, point.id, RATE, 3),
            ))  # fmt: skip
        fastest = _fastest(records, unit).id
        rows.append((
            unit, "fastest", shown.number(records, fastest, "delay", 2), shown.number(records, fastest, "logic", 1),
            shown.DASH, shown.DASH, shown.DASH, shown.number(records, fastest, "total", 1),
            shown.number(records, fastest, RATE, 3),
        ))  # fmt: skip
    return Table(
        "Area against clock",
        "osu018, before layout, GE of the whole unit. Least, median and greatest are of whole searches at periods 2 and 1 % "
        "shorter, as asked for, and 1 and 2 % longer. Throughput per area is at the period asked for, or at the clock reached "
        "where that is longer; registers are included.",
        ("unit", "period / ns", "reached / ns", "logic / GE", "least", "median", "greatest", "with registers / GE",
         "MMAC/s per GE"),
        tuple(rows),
    )  # fmt: skip
