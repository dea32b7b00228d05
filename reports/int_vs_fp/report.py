"""The report of the int-vs-fp study."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from ...studies.int_vs_fp.run import measure
from ...studies.records import INT_VS_FP, Records
from ..report import Drawing, Report
from . import view
from .answer import answer, findings, subject
from .bars import arrays_picture, fmax_picture, parts_picture, policy_picture
from .claims import derived_records
from .fronts import accumulators_picture, pareto_picture
from .tables import all_tables, figures


def drawings(records: Records) -> Mapping[str, Drawing]:
    """The pictures whose records are there."""
    found = {
        "pareto-gates": Drawing(
            partial(pareto_picture, name="pareto-gates"),
            "Accuracy of each layer's output against the logic of one lane of the dot-product unit.",
        ),
        "pareto-lut4": Drawing(
            partial(pareto_picture, name="pareto-lut4"),
            "The same accuracy against FPGA logic: ECP5 LUT4 per lane, multipliers built from logic.",
        ),
        "accumulators": Drawing(
            accumulators_picture,
            "What each accumulator loses on its own, on the layer where it loses most, against the gates of the whole "
            "dot-product unit.",
        ),
        "parts": Drawing(
            parts_picture, "Where each unit's gates go, part by part, beside the total of the flattened unit."
        ),
        "scale-policy": Drawing(
            policy_picture,
            "Four scale policies on the same formats: granularity and rule move the ranking as formats do.",
        ),
        "fmax": Drawing(
            fmax_picture,
            "The clock that each unit reaches after place and route. Units differ in depth: an integer multiplier is one "
            "pipeline stage, a minifloat's multiplier and its aligner are two, and the FP32 accumulator is a loop of one cycle.",
        ),
        "arrays": Drawing(
            arrays_picture,
            "What arrays of PEs cost per MAC, and the clock they keep, beside the bare MAC of the same formats and the best "
            "public array.",
        ),
    }
    needed = {"accumulators": view.accumulator_pairs(records), "arrays": view.arrays(records)}
    return {name: drawing for name, drawing in found.items() if needed.get(name, True)}


REPORT = Report(
    study=INT_VS_FP,
    title="INT or FP? Accuracy, gates, LUTs and clock of low-bit multiply-accumulate units",
    subject=subject,
    measure=measure,
    derives=("verified", "clock-ratio", "accumulator", "claim"),
    derive=derived_records,
    answer=answer,
    findings=findings,
    tables=all_tables,
    drawings=drawings,
    regenerate=(
        ("make report", "this report on the committed layers"),
        ("bitmill report int-vs-fp -o DIR", "the same into a directory of your own"),
        ("bitmill report int-vs-fp -o DIR --weights FILE:TENSOR --activations FILE:TENSOR", "on your own layer"),
    ),
    figures=figures,
)
