"""The tables of the full study."""

from __future__ import annotations

from ...studies.records import Records
from ..libraries import USUAL, words_of
from ..names import sentence, unit_names, unit_title
from ..published import claims_table, rows
from ..shown import DASH, Cell, Column, Table, number, of_config, of_records
from ..sweep.cells import curves_tables, energy_tables
from ..sweep.report import skipped_table
from .formatscope import formatscope_table
from .fronts import points_of
from .gaps import gaps_table
from .pictures import TARGETS
from .walks import WALKS, steps_of


def figures(records: Records) -> list[Table]:
    """What the answer rests on: the compared formats, the published claims as assumptions are moved, and public units."""
    return [_points(records), _moved(records), _peers(records)]


def all_tables(records: Records) -> list[Table]:
    """In the order in which they are shown."""
    return [
        _claims(records), _walks(records), gaps_table(records), formatscope_table(records), _cheapest(records),
        *curves_tables(records), *energy_tables(records), _models(records), skipped_table(records["study/full"]),
    ]  # fmt: skip


def _moved(records: Records) -> Table:
    found = []
    for walk in WALKS:
        steps = steps_of(records, walk)
        by_size = sorted(steps, key=lambda step: step.number("ours"))
        ours = (number(records, step.id, "ours", 1, signed=True) for step in (steps[0], by_size[0], by_size[-1]))
        found.append((f"{walk.source.split(',')[0]}: {walk.claim}", walk.published_text, *ours, f"{len(steps) - 1}"))
    return Table(
        "Published claims, and ours as assumptions are moved", "In percent.",
        ("claim", "published", "ours in that setting", "least", "most", "assumptions moved"), tuple(found),
    )  # fmt: skip


def _claims(records: Records) -> Table:
    return claims_table(
        records, "Published claims",
        "Ours is the same quantity in the paper's setting, as near as this flow comes; why they differ is "
        "found by moving one assumption at a time.",
        lambda record, name: {"ratio": 2, "times": 2}.get(record.metrics[name].unit, 1),
    )  # fmt: skip


def _walks(records: Records) -> Table:
    found: list[tuple[Cell, ...]] = []
    for walk in WALKS:
        for index, step in enumerate(walk.steps):
            name = f"walk/{walk.key}/{index}"
            if name in records:
                found.append(
                    (walk.claim if not index else "", step.change, *(number(records, name, key, 1) for key in (
                        "ours_cost", "baseline_cost", "ours")), records[name].metrics["ours_cost"].unit)
                )  # fmt: skip
    return Table(
        "One assumption at a time", "Cost per MAC of the floating-point unit and of the integer unit.",
        ("claim", "assumption moved", "FP", "INT", "extra / %", "unit"), tuple(found),
    )  # fmt: skip


def _peers(records: Records) -> Table:
    found: list[tuple[Cell, ...]] = []
    for peer in rows("peers"):
        ours, target = peer["ours"], peer["ours"].partition("/")[2]
        if ours in records or target.startswith(USUAL):
            total = peer["logic"] + peer["registers"] if "registers" in peer else None
            theirs = (peer["logic"], total, peer.get("delay_ns"), peer.get("aim"))
            measured = records[ours].metrics if ours in records else {}
            mine = {"period": 1, "logic_per_mac": 1, "total_per_mac": 1, "delay": 2}
            found.append((
                peer["what"], target.split("-")[0].replace("ecp5", "ECP5"), peer["source"],
                *(DASH if value is None else f"{value:g}" for value in theirs),
                *(number(records, ours, key, digits) if key in measured else DASH for key, digits in mine.items()),
                unit_title(records[ours]) if ours in records else DASH,
            ))  # fmt: skip
    return Table(
        "32-lane units with accumulator beside the smallest public ones",
        "Per MAC: gate equivalents of logic, or LUT4 on ECP5, without and with registers. The public units are measured in the "
        "same flow, in the best mapping that we found for them; aim is the logic that ours shall take at its clock.",
        ("function", "library", "by", "public logic", "with registers", "their delay / ns", "aim", "asked for / ns", "our logic",
         "ours with registers", "our delay / ns", "our unit"), tuple(found),
    )  # fmt: skip


def _cheapest(records: Records) -> Table:
    return of_records(
        records, records.of_kind("cheapest"), "The cheapest correct aligner",
        "The smallest of all formulations of a 32-lane unit, per MAC. The last column is "
        "the ratio of signal to the accumulator's own error on the worst layer.",
        {
            "format": of_config("pair"), "sum": of_config("rounding"),
            "target": lambda record: TARGETS[record.id.rpartition("/")[2]], "smallest": of_config("formulation"),
            "formulations": "formulations", "cost": ("cost", 1),
            "unit": lambda record: record.metrics["cost"].unit, "over INT8 / %": ("over_int8", 1),
            "SQNR of the accumulator / dB": ("accumulator_sqnr", 1),
        },
    )  # fmt: skip


def _points(records: Records) -> Table:
    points, axes = points_of(records)
    names, common = unit_names(points)
    columns: dict[str, Column] = {
        axis.title: (name, 2 if axis.word.endswith("energy") else 1) for name, axis in axes.items()
    }
    return of_records(
        records, points, "Formats on all axes",
        f"{sentence(common)}; SQNR is the mean over the layers, and of the worst one. "
        "GE: registers included.",
        {"format": lambda record: names[record.part], "SQNR / dB": ("sqnr", 1), "worst / dB": ("sqnr_worst", 1), **columns},
    )  # fmt: skip


def _models(records: Records) -> Table:
    return of_records(
        records, records.of_kind("model"), "Cost models",
        "Judged by units drawn afresh from all that they accept, with a seed of their own. "
        "The command bitmill estimate answers with these errors.",
        {
            "target": lambda record: TARGETS.get(record.config["target"]) or words_of(record.config["target"]),
            "metric": of_config("metric"),
            "units fitted": "fitted_units",
            "median of these / %": ("fitted_median", 1), "units held out": "held_out_units", "refused": "held_out_refused",
            "median / %": ("held_out_median", 1), "nine in ten within / %": ("held_out_p90", 1),
            "in the printed band / %": ("held_out_within", 1), "rank correlation": ("held_out_rank", 4),
        },
    )  # fmt: skip
