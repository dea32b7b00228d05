"""The report's answer in sentences, every number of them a record's."""

from __future__ import annotations

from math import inf

from ...studies.int_vs_fp.study import GRANULARITIES
from ...studies.records import Records
from .. import shown
from ..choice import Candidate, Question, listed
from . import view
from .answer_units import array_sentences, cheapest_accumulator_sentences

GRANULARITY_WORDS = {"token": "with one dynamic scale per token", "tensor": "with one static scale per tensor"}


def subject(records: Records) -> str:
    """The layers in a phrase."""
    layers = view.layers(records)
    names = ", ".join(layer.config["layer"] for layer in layers)
    return f"{layers[0].config['source']}: {names}"


def answer(records: Records) -> list[str]:
    """Which format to take for which accuracy and target, and which is beaten everywhere."""
    asked = question(records)
    return [asked.take(), asked.avoid()]


def question(records: Records) -> Question:
    """Which pair to choose: output SQNR on the worst layer with one scale per token, and a column per way to pay."""
    unit, layers = view.main_unit(records), [layer.config["layer"] for layer in view.layers(records)]
    candidates = []
    for pair in view.pairs(records):
        name, timing = view.key(pair, unit), view.timing_of(records, pair, unit)
        found = (view.sqnr(records, layer, pair, view.best_policy(records, layer, pair, "token")) for layer in layers)
        luts = records[f"{name}/ecp5"].number("logic_per_mac")
        costs = {"ASIC gates": records[f"{name}/generic"].number("logic_per_mac"), "FPGA LUT4": luts}
        if f"{name}/ecp5-dsp" in records:
            costs["LUT4 beside DSP blocks"] = records[f"{name}/ecp5-dsp"].number("logic_per_mac")
        if timing is not None:
            costs["LUT4 per MAC/s at its own clock"] = luts / records[timing].number("fmax")
        candidates.append(Candidate(pair.label, min(inf if value is None else value for value in found), costs))
    common = {name for name in candidates[0].costs if all(name in candidate.costs for candidate in candidates)}
    kept = [
        Candidate(c.name, c.quality, {name: cost for name, cost in c.costs.items() if name in common})
        for c in candidates
    ]
    told = {"ASIC gates": (0, "NAND2-equivalents"), "FPGA LUT4": (1, "LUT4")}
    return Question(kept, "output SQNR on the worst layer", told)


def findings(records: Records) -> list[str]:
    """What else was found, most useful first."""
    found = [_front_sentence(records, granularity) for granularity in GRANULARITIES]
    found += _accumulator_sentence(records)
    found += [*cheapest_accumulator_sentences(records), *array_sentences(records)]
    return [*found, _proof_sentence(records)]


def _front_sentence(records: Records, granularity: str) -> str:
    labels = {pair.key: pair.label for pair in view.pairs(records)}
    parts = []
    for layer in view.layers(records):
        name = layer.config["layer"]
        keys = view.pareto(records, name, granularity, "generic", "logic_per_mac")
        parts.append(f"{listed([labels[key] for key in keys])} ({name})")
    return (
        f"Worth their gates {GRANULARITY_WORDS[granularity]}, from cheap to accurate, no other candidate being "
        "both smaller and "
        f"more accurate: {'; '.join(parts)}."
    )


def _accumulator_sentence(records: Records) -> list[str]:
    if not {"mac", "mac-fp32"} <= set(view.units(records)):
        return []
    parts = []
    for pair in view.pairs(records):
        exact, rounded = (
            shown.number(records, f"{view.key(pair, unit)}/generic", "logic").text for unit in ("mac", "mac-fp32")
        )
        parts.append(f"{pair.label} {exact} and {rounded}")
    return [f"NAND2-equivalents of a single MAC with the exact and with the FP32 accumulator: {'; '.join(parts)}."]


def _proof_sentence(records: Records) -> str:
    verified = records.of_kind("verified")
    counts = [record.number("products") for record in verified]
    wrong = sum(record.number("mismatches") for record in verified)
    low, high = (shown.shown(value) for value in (min(counts), max(counts)))
    spread = low if low == high else f"{low} to {high}"
    verdict = "every result equal to the golden model's bits" if wrong == 0 else f"{shown.shown(wrong)} results WRONG"
    units = f"all {len(verified)} units" if len(verified) > 1 else "the unit"
    return f"The generated Verilog of {units} computed {spread} products of the layers' own numbers each, {verdict}."
