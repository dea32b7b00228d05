"""Words of the report, and its findings as sentences whose numbers are the records'."""

from __future__ import annotations

from collections.abc import Iterator

from ...studies.bitmod.hardware import BEST
from ...studies.records import Records
from ..shown import shown
from .derived import MAIN
from .tables import built, clock_name, schemes


def subject(records: Records) -> str:
    """The model in a phrase."""
    weights = records.of_kind("weights")
    model = f"{weights[0].config['model']}, {weights[0].config['tensors']} weight matrices; " if weights else ""
    return f"{model}PEs on osu018 standard cells and ECP5"


def answer(records: Records) -> list[str]:
    """The findings that the records allow."""
    return [*_accuracy(records), *_hardware(records), *_arithmetic(records)]


def _accuracy(records: Records) -> Iterator[str]:
    names = schemes(records)
    if "bitmod-fp4" not in names:
        return
    others = [
        name for name in ("int4", "int4-asym", "fp4", "ant4", "olive4", "mxfp4", "mxint4", "nf4") if name in names
    ]
    error = {name: records[f"compare/{name}"].number("mse") for name in others}
    beaten = [f"{name} {shown(error[name], 2)}" for name in others if error[name] > 1]
    ahead = [f"{name} {shown(error[name], 3)}" for name in others if error[name] <= 1]
    bits = records["weights/bitmod-fp4"].number("bits_per_weight")
    if beaten:
        less = f" Less than BitMoD's: {', '.join(ahead)}." if ahead else ""
        yield (
            f"Squared error of the weights relative to BitMoD FP4, which has {shown(bits, 2)} bits per weight: "
            f"{', '.join(beaten)}.{less}"
        )
    drop = {name: records[f"embeddings/{name}"].number("agreement_drop") for name in names}
    four = sorted((drop[name], name) for name in [*others, "bitmod-fp4"])
    yield (
        "Agreement of sentence embeddings with FP32, lost in percent, four bits: "
        f"{', '.join(f'{name} {shown(value, 2)}' for value, name in four)}."
    )
    three = sorted((drop[name], name) for name in names if name in ("bitmod-fp3", "fp3", "int3", "int3-asym"))
    if three:
        yield f"With three bits: {', '.join(f'{name} {shown(value, 2)}' for value, name in three)}."
    small = [
        (records[f"compare/{name}/g{group}"].number("mse"), name, group)
        for name in others
        for group in (32, 64)
        if f"compare/{name}/g{group}" in records and records[f"compare/{name}/g{group}"].number("mse") < 1
    ]
    if small:
        listed = ", ".join(f"{name} in groups of {group} ({shown(value, 2)})" for value, name, group in sorted(small))
        yield f"Smaller groups beat better types: less error than BitMoD FP4 in groups of 128 have {listed}."


def _hardware(records: Records) -> Iterator[str]:
    for label in (MAIN, BEST):
        parts = []
        for candidate in built(records, label)[1:]:
            value = records[f"cost/{candidate.key}/{label}"].number(f"relative_{candidate.bits}")
            parts.append((value, f"{candidate.title} {shown(value, 2)}"))
        if parts:
            listed = "; ".join(text for _, text in sorted(parts, reverse=True))
            yield f"Throughput per area over the FP16 PE, edges included, at {clock_name(label)}: {listed}."
    if f"cost/serial/{MAIN}" in records:
        cost = records[f"cost/serial/{MAIN}"]
        yield (
            f"What scales the sums of groups takes {shown(cost.number('scaling'))} GE beside a PE of "
            f"{shown(cost.number('pe'))}. With a scaler of the same kind on both sides the bit-serial PE is at "
            f"{shown(cost.number('relative_scaled_4'), 2)} of the FP16 PE; against an FP16 PE with dequantized weights and no "
            f"scaler at {shown(cost.number('relative_dequantized_4'), 2)}."
        )
    if f"share/generator/{MAIN}" in records:
        share = records[f"share/generator/{MAIN}"].number("share")
        yield f"Term generators are {shown(share, 1)} % of an 8 x 8 tile."


def _arithmetic(records: Records) -> Iterator[str]:
    names = ("error/serial-running/w16", "error/serial-given/w16", "error/serial-given/w20", "error/fp16xfp16")
    if all(name in records for name in names):
        running, given, wide, parallel = (shown(records[name].number("sqnr"), 1) for name in names)
        yield (
            f"The PEs' own arithmetic errs far less than quantization: {running} dB with a 16-bit window and a running "
            f"exponent, {given} dB where it is given, {wide} dB with 20 bits, {parallel} dB in the FP16 PE, whose groups are "
            "added up exactly. Quantized results have some 20 dB; at the FP16 PE's own accuracy the 20-bit window is to be "
            "compared."
        )
    if "run/serial-running" in records:
        run = records["run/serial-running"]
        yield (
            f"A whole layer of {shown(run.number('M'))} x {shown(run.number('K'))} on {shown(run.number('N'))} tokens went "
            f"through the RTL, {shown(run.number('results'))} results equal to golden, in {shown(run.number('cycles'))} cycles "
            f"at {shown(run.number('utilisation'), 2)} % utilisation."
        )
