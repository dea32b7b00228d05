"""Cells told: area against clock with its spread, the fastest circuit, throughput per area, and energy per MAC by part."""

from __future__ import annotations

from collections.abc import Iterator

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from ...fpga.power_parts import POWER_PARTS
from ...studies.records import Record, Records
from ...studies.sweep.power import ENERGY, LEAKAGE
from ...studies.sweep.task import FASTEST, POWER, SPREAD
from .. import shown
from ..charts import family_handles, left_label, stack_handles, stacked
from ..colours import PARTS, colour, family_of, marker
from ..drawing import THOUSANDS, as_rows, figure, label_columns, label_points, legend_above
from ..libraries import by_library, libraries, library_of, per_library, words_of
from ..names import sentence, unit_names
from ..report import Drawing
from ..shown import Cell, Table

MOST_CURVES = 8
"""Units that the picture shows, the smallest ones."""

AREA, RATE = "logic_per_mac", "throughput_per_area"


def point_id(spread: Record) -> str:
    """The id of the area that a spread is of: ``UNIT/sky130-8ns`` of ``UNIT/spread-sky130-8ns``."""
    unit, _, target = spread.id.partition("/")
    return f"{unit}/{library_of(spread)}-{target.rpartition('-')[2]}"


def curve_targets(records: Records) -> set[str]:
    """Targets, as in ids, whose areas are points of a curve: those that a spread was measured of."""
    return {point_id(record).partition("/")[2] for record in records.of_kind(SPREAD)}


def curve_units(records: Records) -> list[str]:
    """Units that have a curve on a library, the smallest at its longest period first."""
    units = dict.fromkeys(record.part for record in records.of_kind(SPREAD))
    return sorted(units, key=lambda unit: _points(records, unit)[-1].number(AREA))


def _points(records: Records, unit: str) -> list[Record]:
    """Areas of a unit by rising period."""
    ids = [point_id(spread) for spread in records.of_kind(SPREAD) if spread.part == unit]
    return sorted((records[record_id] for record_id in ids), key=lambda record: record.number("period"))


def _spread(records: Records, point: Record) -> Record:
    return next(spread for spread in records.of_kind(SPREAD) if point_id(spread) == point.id)


def _fastest(records: Records, unit: str) -> Record:
    return next(record for record in records.of_kind(FASTEST) if record.part == unit)


def _clock(point: Record) -> float:
    """The period that a circuit runs at: the one asked for, or what it reaches."""
    return max(point.number("period"), point.number("delay"))


def curve_drawings(records: Records) -> dict[str, Drawing]:
    """A picture per library with curves."""
    return per_library(records, SPREAD, "curves", curves_picture, "Area and throughput per area against the clock")


def curves_answer(records: Records) -> Iterator[str]:
    """The fastest unit, and the one that does most per area, as sentences for each library."""
    for library, here in by_library(records, SPREAD).items():
        units = curve_units(here)
        names, common = unit_names(here.of_kind(SPREAD))
        fastest = min((_fastest(here, unit) for unit in units), key=lambda record: record.number("delay"))
        every = [point for unit in units for point in (*_points(here, unit), _fastest(here, unit))]
        best = max(every, key=lambda record: record.number(RATE))
        yield (
            f"{library}, {common}: fastest is {names[fastest.part]} with a period of "
            f"{shown.shown(fastest.number('delay'), 2)} ns; most throughput per area has {names[best.part]} at "
            f"{shown.shown(_clock(best), 2)} ns with {shown.shown(best.number(RATE), 2)} {best.metrics[RATE].unit}."
        )


def curves_picture(records: Records) -> Figure:
    """Logic per MAC and throughput per area against the clock period, a line per unit; records of one library."""
    units = curve_units(records)
    names, common = unit_names(records.of_kind(SPREAD))
    left_out = len(units) - MOST_CURVES
    note = f" The {MOST_CURVES} smallest of {len(units)} units." if left_out > 0 else ""
    made = figure(
        12.0, 6.0, f"Area against clock on {words_of(libraries(records.of_kind(SPREAD))[0])}: {common}",
        "The smallest circuit that meets each period, before layout; star: the fastest one. Bars: least and greatest area when "
        "the period is up to 2 %\nshorter or longer. Hollow: the period is not met, drawn at the clock that is reached. "
        f"Throughput: registers included.{note}",
        top=0.98,
    )  # fmt: skip
    panels = made.subplots(1, 2)
    made.subplots_adjust(left=0.075, right=0.985, bottom=0.115, wspace=0.2)
    shown_units = units[:MOST_CURVES]
    families = {unit: family_of(_fastest(records, unit).config) for unit in shown_units}
    titles = {AREA: "logic per MAC / GE (registers apart)", RATE: "throughput per area / (MMAC/s per GE)"}
    for axes, (name, title) in zip(panels, titles.items(), strict=True):
        labels, along = [], []
        for unit in shown_units:
            tint, mark = colour(families[unit]), marker(families[unit])
            spots = _curve(axes, records, unit, name, tint, mark)
            along.append(spots)
            # Lines meet at long periods in one panel and at all periods in the other: names stand at the ends that are apart.
            labels.append((*spots[-1 if name == AREA else 0], names[unit], tint, False))
        axes.set_ylabel(title)
        axes.set_xlabel("clock period / ns")
        axes.set_xscale("log")
        periods = sorted({point.number("period") for unit in shown_units for point in _points(records, unit)})
        fastest = min(_clock(_fastest(records, unit)) for unit in shown_units)
        axes.xaxis.set_major_locator(FixedLocator([fastest, *(p for p in periods if p > 1.15 * fastest)]))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:.3g}")
        axes.yaxis.set_major_formatter(THOUSANDS)
        axes.set_ylim(0, axes.get_ylim()[1] * 1.08)
        low, high = axes.get_xlim()
        room = (high / low) ** 0.22
        axes.set_xlim(low / (room if name == RATE else 1), high * (room if name == AREA else 1))
        if name == AREA:
            label_columns(axes, labels)
        else:
            label_points(axes, labels, [spot for spots in along for spot in spots], along)
    legend_above(made, family_handles(families.values()), top=0.76, handletextpad=0.3)
    return made


def _curve(axes: Axes, records: Records, unit: str, name: str, tint: str, mark: str) -> list[tuple[float, float]]:
    """Draw a unit's line; its corners by rising period."""
    points, fastest = _points(records, unit), _fastest(records, unit)
    spots = [(_clock(p), p.number(name)) for p in sorted([*points, fastest], key=_clock)]
    axes.plot(*zip(*spots, strict=True), color=tint, linewidth=1.4, zorder=2)
    for point in points:
        x, y = _clock(point), point.number(name)
        if name == AREA:
            spread, macs = _spread(records, point), point.number("macs")
            low, high = (spread.number(f"logic_{end}") / macs for end in ("min", "max"))
            axes.plot([x, x], [low, high], color=tint, linewidth=5, alpha=0.35, solid_capstyle="butt", zorder=1)
        filled = point.number("delay") <= point.number("period")
        axes.plot(x, y, mark, color=tint, markersize=6, markerfacecolor=tint if filled else "white", zorder=3)
    axes.plot(_clock(fastest), fastest.number(name), "*", color=tint, markersize=11, markeredgecolor="white", zorder=4)
    return spots


def curves_tables(records: Records) -> Iterator[Table]:
    """For each library a row per unit and period, and the fastest circuit of each unit."""
    for library, here in by_library(records, SPREAD).items():
        names, common = unit_names(here.of_kind(SPREAD))
        rows: list[tuple[Cell, ...]] = []
        for unit in curve_units(here):
            fastest = _fastest(here, unit).id
            for point in _points(here, unit):
                spread = _spread(here, point).id
                rows.append((
                    names[unit], *(shown.number(here, point.id, name, 2) for name in ("period", "delay")),
                    shown.number(here, point.id, "logic", 1),
                    *(shown.number(here, spread, name, 1) for name in ("logic_min", "logic", "logic_max")),
                    shown.number(here, point.id, "total", 1), shown.number(here, point.id, RATE, 3),
                ))  # fmt: skip
            rows.append((
                names[unit], "fastest", shown.number(here, fastest, "delay", 2), shown.number(here, fastest, "logic", 1),
                shown.DASH, shown.DASH, shown.DASH, shown.number(here, fastest, "total", 1), shown.number(here, fastest, RATE, 3),
            ))  # fmt: skip
        yield Table(
            f"Area against clock on {words_of(library)}",
            f"{sentence(common)}; before layout, GE of the whole unit. Least, median and greatest are of whole "
            "searches at periods 2 and 1 % shorter, as asked for, and 1 and 2 % longer. Throughput per area is at the period "
            "asked for, or at the clock reached where that is longer; registers are included.",
            ("unit", "period / ns", "reached / ns", "logic / GE", "least", "median", "greatest", "with registers / GE",
             "MMAC/s per GE"),
            tuple(rows),
        )  # fmt: skip


MOST_UNITS = 30
"""Units that the picture shows, those that take the least energy."""


def _units(records: Records) -> dict[str, list[Record]]:
    """Power records of every unit, that with the least energy on its first operands first."""
    found: dict[str, list[Record]] = {}
    for record in records.of_kind(POWER):
        found.setdefault(record.part, []).append(record)
    return dict(sorted(found.items(), key=lambda pair: pair[1][0].number(ENERGY)))


def _operands(record: Record) -> str:
    """``layer`` or ``uniform``."""
    return str(record.config["operands"])


def energy_drawings(records: Records) -> dict[str, Drawing]:
    """A picture per library with energies."""
    return per_library(records, POWER, "energy", energy_picture, "Energy per MAC of every unit by part")


def energy_answer(records: Records) -> Iterator[str]:
    """The unit that takes the least energy on each library and kind of operands, as sentences."""
    for library, here in by_library(records, POWER).items():
        rows = here.of_kind(POWER)
        names, common = unit_names(rows)
        parts = []
        for operands in dict.fromkeys(map(_operands, rows)):
            best = min((row for row in rows if _operands(row) == operands), key=lambda row: row.number(ENERGY))
            value, unit = best.number(ENERGY), best.metrics[ENERGY].unit
            number = f"{shown.shown(1e3 * value, 1)} f{unit[1:]}" if value < 0.1 else f"{shown.shown(value, 1)} {unit}"
            parts.append(f"on {operands} operands {names[best.part]} with {number}")
        yield f"Least energy on {library}, {common}: {', '.join(parts)}."


def energy_picture(records: Records) -> Figure:
    """A stacked bar per unit and kind of operands; records of one library."""
    every = _units(records)
    names, common = unit_names(records.of_kind(POWER))
    units = dict(list(every.items())[:MOST_UNITS])
    note = f" The first {MOST_UNITS} of {len(every)} units." if len(every) > MOST_UNITS else ""
    first = next(iter(units.values()))[0]
    unit = first.metrics[ENERGY].unit
    kinds = list(dict.fromkeys(_operands(record) for rows in every.values() for record in rows))
    periods = sorted({record.number("period") for rows in every.values() for record in rows})
    bars, places = [], {}
    place = 0.0
    for part, rows in units.items():
        places[part] = place + (len(rows) - 1) / 2
        for record in rows:
            said = [_operands(record)] * (len(kinds) > 1) + [f"{record.number('period'):g} ns"] * (len(periods) > 1)
            text = "  ".join([shown.shown(record.number(ENERGY), 1), ", ".join(said)]).rstrip()
            bars.append((place, {name: record.number(name) for name in POWER_PARTS}, text))
            place += 1
        place += 0.45
    library = words_of(libraries(records.of_kind(POWER))[0])
    made = figure(
        9.0, 2.0 + 0.30 * len(bars) + 0.14 * len(units), f"Energy per MAC by part on {library}: {common}",
        f"At {' and '.join(f'{period:g}' for period in periods)} ns, {first.number('cycles'):.0f} cycles without a stall; before "
        f"layout: no wires, clock tree or glitches.{note}",
        top=0.82,
    )  # fmt: skip
    axes = made.subplots()
    width = max(map(len, names.values()))
    made.subplots_adjust(left=min(0.4, 0.06 + 0.0095 * width), right=0.97, bottom=0.55 / made.get_figheight())
    tints = {part: PARTS[part] for part in POWER_PARTS}
    stacked(axes, bars, tints, label=f"energy / ({unit})")
    as_rows(axes, [row[0] for row in bars], [""] * len(bars), room=(0.7, 0.75))
    for part, middle in places.items():
        left_label(axes, middle, names[part], colour(family_of(units[part][0].config)))
    legend_above(made, stack_handles(tints), top=0.58, handlelength=1.0, columnspacing=1.3)
    return made


def energy_tables(records: Records) -> Iterator[Table]:
    """For each library a row per unit and kind of operands; the note says what is left out and how the total is split."""
    for library, here in by_library(records, POWER).items():
        names, common = unit_names(here.of_kind(POWER))
        rows: list[tuple[Cell, ...]] = []
        # 7 nm takes hundredths of a picojoule.
        digits = 2 if max(record.number(ENERGY) for record in here.of_kind(POWER)) >= 1 else 5
        for unit, found in _units(here).items():
            for record in found:
                cells = [shown.number(here, record.id, name, digits) for name in ("period", ENERGY, *POWER_PARTS)]
                rows.append((names[unit], _operands(record), *cells, shown.number(here, record.id, LEAKAGE, 4)))
        notes = dict.fromkeys(
            f"{record.flow[name]}."
            for record in here.of_kind(POWER)
            for name in ("operands", "estimated", "split", "left_out")
        )
        unit = here.of_kind(POWER)[0].metrics[ENERGY].unit
        text = " ".join(note[0].upper() + note[1:] for note in notes)
        yield Table(
            f"Energy per MAC on {words_of(library)}",
            f"{sentence(common)}; {unit}, leakage included. {text}",
            ("unit", "operands", "period / ns", "energy", *POWER_PARTS, "of it leakage"), tuple(rows),
        )  # fmt: skip
