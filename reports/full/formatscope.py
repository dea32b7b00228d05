"""FormatScope's five units on its own node and at its own clock, and what moves ours away from them, one assumption at a time."""

from __future__ import annotations

from collections.abc import Iterator

from ...studies.records import Record, Records, metric
from ..published import Claim, extra_cost, rows, value_of
from ..shown import DASH, Column, Table, number, of_config, of_records

WHERE = "sky130-36.6ns"
SOURCE = "FormatScope"
RATIOS = (("FP8-E4M3", "INT8"), ("MXFP4", "INT4"), ("MXINT8", "INT8"))


def formatscope_records(records: Records) -> Iterator[Record]:
    """A record per unit and step: square micrometres of ours beside the published ones; none where sky130 was not measured."""
    for row in rows("formatscope"):
        sources = [(change, f"{unit}/{WHERE}") for change, unit in row["steps"]]
        for index, (change, name) in enumerate(sources if all(name in records for _, name in sources) else ()):
            found, published = records[name], value_of(row["published"])
            area = found.number("area")
            independent = {"independent": metric(value_of(row["independent"]), "um2")} if "independent" in row else {}
            yield Record(
                id=f"formatscope/{row['what'].lower()}/{index}",
                topic="formatscope",
                config={"what": row["what"], "change": change, "formulation": found.part},
                part=found.part,
                flow={"derived_from": [name], "met": found.flow["met"]},
                tool_versions=dict(found.tool_versions),
                metrics={
                    "published": metric(published, "um2"),
                    **independent,
                    "ours": metric(area, "um2"),
                    "over_published": metric(extra_cost(area, published), "%"),
                    "logic_per_mac": found.metrics["logic_per_mac"],
                    "total_per_mac": found.metrics["total_per_mac"],
                    "delay": found.metrics["delay"],
                },
            )


def formatscope_claims(records: Records) -> Iterator[Record]:
    """The published areas, and what floating point and block scales cost over integers there, beside ours in that setting."""
    published = {row["what"]: value_of(row["published"]) for row in rows("formatscope")}
    known = {what: f"formatscope/{what.lower()}/0" for what in published if f"formatscope/{what.lower()}/0" in records}
    for what, name in known.items():
        claim = Claim(
            key=f"formatscope-{what.lower()}-um2",
            claim=f"square micrometres of a 32-lane {what} dot product on sky130 at 36.6 ns",
            source=SOURCE, published=published[what], unit="um2", ours=[(name, "ours")], why=_why(records, what),
        )  # fmt: skip
        yield claim.record(records)
    for first, second in RATIOS:
        if first in known and second in known:
            claim = Claim(
                key=f"formatscope-{first.lower()}-sky130",
                claim=f"a 32-lane {first} dot product on sky130 is larger than {second} by",
                source=SOURCE, published=round(extra_cost(published[first], published[second]), 1), unit="%",
                ours=[(known[first], "ours"), (known[second], "ours")], figure=extra_cost,
                why=f"{first}: {_why(records, first)} {second}: {_why(records, second)}",
            )  # fmt: skip
            yield claim.record(records)


def _why(records: Records, what: str) -> str:
    steps = [record for record in records.of_kind("formatscope") if record.config["what"] == what]
    moved = "; ".join(f"{step.config['change']}: {step.number('ours'):,.0f} um2" for step in steps)
    return f"{moved[0].upper()}{moved[1:]}."


def formatscope_table(records: Records) -> Table:
    """A row per unit and step."""
    columns: dict[str, Column] = {
        "unit": of_config("what"), "assumption moved": of_config("change"), "published / um2": "published",
        "least measured independently / um2": lambda record: (
            number(records, record.id, "independent") if "independent" in record.metrics else DASH
        ),
        "ours / um2": "ours", "over the published / %": ("over_published", 1), "GE of logic per MAC": ("logic_per_mac", 1),
        "with registers": ("total_per_mac", 1), "delay / ns": ("delay", 1),
    }  # fmt: skip
    return of_records(
        records, records.of_kind("formatscope"), "FormatScope's units on sky130 at 36.6 ns",
        "32 lanes with accumulator, registers of the unit counted, before layout; the first row of a unit is in their setting, "
        "every further one moves one assumption.",
        columns,
    )  # fmt: skip
