"""The report of the study of BitMoD and the schemes around it."""

from __future__ import annotations

from collections.abc import Mapping

from ...studies.bitmod.run import measure
from ...studies.records import BITMOD, Records
from ..report import Drawing, Report
from .derived import derived_records
from .pictures import accuracy_picture, area_picture, groups_picture, throughput_drawings
from .tables import all_tables, built, figures, schemes
from .text import answer, findings, subject


def drawings(records: Records) -> Mapping[str, Drawing]:
    """The pictures whose records are there."""
    found = {
        "accuracy": (schemes(records), Drawing(
            accuracy_picture,
            "What every scheme's bits buy: agreement of sentence embeddings with FP32, and the error of the layers' outputs.",
        )),
        "area": (built(records), Drawing(
            area_picture,
            "Where the gates of a PE go: the PE itself, its share of the tile's edges, and the scaler of group sums.",
        )),
        "groups": (any(f"compare/{name}/g128" in records for name in schemes(records)), Drawing(
            groups_picture,
            "Squared error of the weights as groups shrink: what scales cost in bits against what they save in error.",
        )),
    }  # fmt: skip
    first = throughput_drawings(records) if len(built(records)) > 1 else {}
    return first | {name: drawing for name, (possible, drawing) in found.items() if possible}


REPORT = Report(
    study=BITMOD,
    title="BitMoD: bit-serial mixture of data types, from weights to gates",
    subject=subject,
    measure=measure,
    derives=("cost", "share", "compare", "claim"),
    derive=derived_records,
    answer=answer,
    findings=findings,
    tables=all_tables,
    drawings=drawings,
    regenerate=(
        ("bitmill report bitmod -o reports/results/bitmod",
         "this report; measurements that are committed are taken from there while circuit and tools are the same"),
        ("bitmill report bitmod -o DIR --model FOLDER", "on your own BERT-style encoder, accuracy and whole layer"),
        ("bitmill report bitmod -o DIR --fresh", "everything measured again"),
    ),
    figures=figures,
)  # fmt: skip
