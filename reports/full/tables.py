"""The tables of the full study."""

from __future__ import annotations

from ...studies.records import Records
from ..published import claims_table
from ..shown import Cell, Column, Table, number, of_config, of_records, optional
from ..sweep.curves import curves_table
from ..sweep.energy_bars import energy_table
from .fronts import AXES
from .peers import PEERS
from .walks import WALKS


def all_tables(records: Records) -> list[Table]:
    """In the order in which they are shown."""
    return [
        _claims(records), _walks(records), _peers(records), _cheapest(records), _points(records), curves_table(records),
        energy_table(records), _models(records), _skipped(records)
    ]  # fmt: skip


def _claims(records: Records) -> Table:
    return claims_table(
        records, "Published claims",
        "Ours is the same quantity in the paper's setting, as near as this flow comes; why they differ is "
        "found by moving one assumption at a time.",
        lambda record, name: {"ratio": 2}.get(record.metrics[name].unit, 1),
    )  # fmt: skip


def _walks(records: Records) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for walk in WALKS:
        for index, step in enumerate(walk.steps):
            name = f"walk/{walk.key}/{index}"
            if name in records:
                rows.append(
                    (walk.claim if not index else "", step.change, *(number(records, name, key, 1) for key in (
                        "ours_cost", "baseline_cost", "ours")), records[name].metrics["ours_cost"].unit)
                )  # fmt: skip
    return Table(
        "One assumption at a time", "Cost per MAC of the floating-point unit and of the integer unit.",
        ("claim", "assumption moved", "FP", "INT", "extra / %", "unit"), tuple(rows),
    )  # fmt: skip


def _peers(records: Records) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for peer in PEERS:
        ours = f"{peer.ours}/osu018-{peer.period_ns:g}ns"
        rows.append(
            (peer.what, f"{peer.ge_per_mac:g}", f"{peer.delay_ns:g}", f"{peer.wanted:g}",
             optional(records, ours, "logic_per_mac", 1), optional(records, ours, "delay", 1), peer.ours)
        )  # fmt: skip
    return Table(
        "32-lane units with accumulator beside the best public ones",
        "osu018 gate equivalents of logic per MAC; the public units in the best mapping we found for them.",
        ("function", "public", "public delay / ns", "wanted at most", "ours", "our delay / ns", "our unit"), tuple(rows),
    )  # fmt: skip


def _cheapest(records: Records) -> Table:
    return of_records(
        records, records.of_kind("cheapest"), "The cheapest correct aligner",
        "The smallest of all formulations of a 32-lane unit, per MAC. The last column is "
        "the ratio of signal to the accumulator's own error on the worst layer.",
        {
            "format": of_config("pair"), "sum": of_config("rounding"), "target": lambda record: record.id.rpartition("/")[2],
            "smallest": of_config("formulation"), "formulations": "formulations", "cost": ("cost", 1),
            "unit": lambda record: record.metrics["cost"].unit, "over INT8 / %": ("over_int8", 1),
            "SQNR of the accumulator / dB": ("accumulator_sqnr", 1),
        },
    )  # fmt: skip


def _points(records: Records) -> Table:
    columns: dict[str, Column] = {
        f"{name.replace('_', ' ')} / {axis.unit}": (name, 2 if name == "energy" else 1) for name, axis in AXES.items()
    }
    return of_records(
        records, records.of_kind("point"), "Formats on all axes",
        "Eight products a step, exact sums; SQNR is the mean over the layers.",
        {"unit": lambda record: record.part, "SQNR / dB": ("sqnr", 2), **columns},
    )  # fmt: skip


def _models(records: Records) -> Table:
    return of_records(
        records, records.of_kind("model"), "Cost models",
        "Judged by units drawn afresh from all that they accept, with a seed of their own. "
        "`bitmill estimate` answers with these errors.",
        {
            "target": of_config("target"), "metric": of_config("metric"), "units fitted": "fitted_units",
            "median of these / %": ("fitted_median", 1), "units held out": "held_out_units", "refused": "held_out_refused",
            "median / %": ("held_out_median", 1), "nine in ten within / %": ("held_out_p90", 1),
            "in the printed band / %": ("held_out_within", 1), "rank correlation": ("held_out_rank", 4),
        },
    )  # fmt: skip


def _skipped(records: Records) -> Table:
    rows = [
        (f"{row['fields']['weight']} x {row['fields']['activation']}", str(row["fields"]["lanes"]), row["reason"])
        for row in records["study/full"].config["skipped"]
    ]
    return Table(
        "Skipped", "Combinations of the grids that no unit can be built for.", ("pair", "lanes", "why"), tuple(rows)
    )
