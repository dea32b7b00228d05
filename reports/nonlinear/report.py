"""The report of the study of the integer-only non-linear units."""

from __future__ import annotations

from collections.abc import Mapping

from ...studies.nonlinear.run import measure
from ...studies.records import NONLINEAR, Records
from ..report import Drawing, Report
from . import view
from .claims import claim_records
from .pictures import area_picture, functions_picture, inputs_picture, softmax_picture, steps_picture
from .tables import all_tables, figures
from .text import answer, findings, subject


def drawings(records: Records) -> Mapping[str, Drawing]:
    """The pictures whose records are there."""
    judged = {unit: view.whole(records, unit) for unit in view.UNIT_TITLES}
    found = {
        "softmax": (judged["softmax"], Drawing(
            softmax_picture,
            "Error of every profile's softmax with 8 bits of output, against row length, at four scales and on real logits.",
        )),
        "steps": (judged["gelu"] and judged["layernorm"], Drawing(
            steps_picture,
            "Greatest error of every profile's GELU and LayerNorm in steps of the 8-bit output, made-up rows and real ones.",
        )),
        "area": (view.hardware(records, "osu018"), Drawing(
            area_picture, "Area of every unit against its lanes on standard cells and on ECP5, ITA's units as lines.",
        )),
        "functions": (records.of_kind("curve"), Drawing(
            functions_picture, "exp and GELU as every profile computes them, and how far each is from the real function.",
        )),
        "inputs": (records.of_kind("inputs"), Drawing(
            inputs_picture,
            "How the int8 inputs of a real encoder's softmax, GELU and LayerNorm are distributed, layer by layer.",
        )),
    }  # fmt: skip
    return {name: drawing for name, (possible, drawing) in found.items() if possible}


REPORT = Report(
    study=NONLINEAR,
    title="Softmax, GELU and LayerNorm in integers: errors and cost",
    subject=subject,
    measure=measure,
    derives=("claim",),
    derive=claim_records,
    answer=answer,
    findings=findings,
    tables=all_tables,
    drawings=drawings,
    regenerate=(
        ("bitmill report nonlinear -o reports/results/nonlinear",
         "this report; hardware that is committed is taken from there while circuit and tools are the same"),
        ("bitmill report nonlinear -o DIR --model FOLDER", "on the inputs of your own BERT-style encoder"),
        ("bitmill report nonlinear -o DIR --fresh", "all hardware measured again"),
    ),
    figures=figures,
)  # fmt: skip
