"""The report's answer in sentences, every number of them a record's."""

from __future__ import annotations

from ...studies.int_vs_fp.study import GRANULARITIES, Pair
from ...studies.records import Records
from .. import shown
from . import view
from .answer_units import array_sentences, cheapest_accumulator_sentences, listed

GRANULARITY_WORDS = {"token": "with one dynamic scale per token", "tensor": "with one static scale per tensor"}


def subject(records: Records) -> str:
    """The layers in a phrase."""
    layers = view.layers(records)
    names = ", ".join(layer.config["layer"] for layer in layers)
    return f"{layers[0].config['source']}: {names}"


def answer(records: Records) -> list[str]:
    """The findings, most useful first."""
    found = [_front_sentence(records, granularity) for granularity in GRANULARITIES]
    found += [*_eight_bit_sentences(records), *_four_bit_sentence(records), *_accumulator_sentence(records)]
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


def _eight_bit_sentences(records: Records) -> list[str]:
    integer, floating = Pair("INT8", "INT8"), Pair("E4M3", "E4M3")
    if not {integer, floating} <= set(view.pairs(records)):
        return []
    parts = []
    for layer in view.layers(records):
        name = layer.config["layer"]
        for granularity in GRANULARITIES:
            one, other = (_best(records, name, pair, granularity) for pair in (integer, floating))
            parts.append(f"{one} against {other} dB on {name} per {granularity}")
    unit = view.main_unit(records)
    costs, luts = (
        [
            shown.number(records, f"{view.key(pair, unit)}/{target}", "logic_per_mac", digits).text
            for pair in (integer, floating)
        ]
        for target, digits in (("generic", 0), ("ecp5", 1))
    )
    return [
        f"INT8 against E4M3, the better scale rule of each: {'; '.join(parts)}. One MAC of the "
        f"{view.UNIT_TITLES[unit]} costs "
        f"{costs[0]} against {costs[1]} NAND2-equivalents of logic and {luts[0]} against {luts[1]} LUT4."
    ]


def _four_bit_sentence(records: Records) -> list[str]:
    integer, floating = Pair("INT4", "INT4"), Pair("E2M1", "E2M1")
    if not {integer, floating} <= set(view.pairs(records)):
        return []
    parts = [
        f"{_best(records, layer.config['layer'], integer, 'token')} against "
        f"{_best(records, layer.config['layer'], floating, 'token')} dB on {layer.config['layer']}"
        for layer in view.layers(records)
    ]
    unit = view.main_unit(records)
    costs = [
        shown.number(records, f"{view.key(pair, unit)}/generic", "logic_per_mac").text for pair in (integer, floating)
    ]
    return [
        f"INT4 against E2M1 per token: {'; '.join(parts)}, for {costs[0]} against {costs[1]} NAND2-equivalents per MAC."
    ]


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


def _best(records: Records, layer: str, pair: Pair, granularity: str) -> str:
    policy = view.best_policy(records, layer, pair, granularity)
    return shown.number(records, f"accuracy/{layer}/{pair.key}/{policy.key}", "sqnr", 1).text
