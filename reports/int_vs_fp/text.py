"""Words that all renderers of the study share."""

from __future__ import annotations

from collections.abc import Mapping

from ...studies.records import Records
from . import view

TITLE = "INT or FP? Accuracy, gates, LUTs and clock of low-bit multiply-accumulate units"

CAPTIONS: Mapping[str, str] = {
    "pareto-gates": "Accuracy of each layer's output against the logic of one lane of the dot-product unit.",
    "pareto-lut4": "The same accuracy against FPGA logic: ECP5 LUT4 per lane, multipliers built from logic.",
    "accumulators": "What each accumulator loses on its own, on the layer where it loses most, against the gates of the whole "
    "dot-product unit.",
    "arrays": "What arrays of PEs cost per MAC, and the clock they keep, beside the bare MAC of the same formats and the best "
    "public array.",
    "parts": "Where each unit's gates go, part by part, beside the total of the flattened unit.",
    "scale-policy": "Four scale policies on the same formats: granularity and rule move the ranking as formats do.",
    "fmax": "The clock that each unit reaches after place and route. Units differ in depth: an integer multiplier is one "
    "pipeline stage, a minifloat's multiplier and its aligner are two, and the FP32 accumulator is a loop of one cycle.",
}

REGENERATE = (
    ("make report", "this report on the committed layers"),
    ("bitmill report int-vs-fp -o DIR", "the same into a directory of your own"),
    ("bitmill report int-vs-fp -o DIR --weights FILE:TENSOR --activations FILE:TENSOR", "on your own layer"),
)
"""Commands and what they do."""


def subject(records: Records) -> str:
    """The layers in a phrase."""
    layers = view.layers(records)
    names = ", ".join(layer.config["layer"] for layer in layers)
    return f"{layers[0].config['source']}: {names}"
