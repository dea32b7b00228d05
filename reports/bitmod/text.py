"""Words of the report, and its findings as sentences whose numbers are the records'."""

from __future__ import annotations

from collections.abc import Iterator

from ...formats.block import BLOCKS
from ...studies.bitmod.hardware import BEST
from ...studies.bitmod.units import BASELINE, candidates
from ...studies.records import Records
from ..choice import listed
from ..libraries import USUAL, words_of
from ..names import scheme_title
from ..shown import shown
from .derived import MAIN
from .tables import built, clock_name, schemes


def subject(records: Records) -> str:
    """The model in a phrase."""
    weights = records.of_kind("weights")
    model = f"{weights[0].config['model']}, {weights[0].config['tensors']} weight matrices; " if weights else ""
    return f"{model}PEs on {words_of(USUAL)} standard cells and ECP5"


def answer(records: Records) -> list[str]:
    """Which scheme to take for how many bits, and which PE for which activations."""
    return [sentence for sentence in (_best_schemes(records), _best_pes(records)) if sentence]


def _best_schemes(records: Records) -> str:
    """Of the schemes of so many bits that have rivals, the one that loses least agreement."""
    groups: dict[int, list[str]] = {}
    for name in schemes(records):
        groups.setdefault(BLOCKS[name].bits, []).append(name)
    drop = {name: records[f"embeddings/{name}"].number("agreement_drop") for name in schemes(records)}
    parts = []
    for bits, names in sorted(groups.items(), reverse=True):
        if len(names) > 1:
            best, second = sorted(names, key=drop.__getitem__)[:2]
            weights = records[f"weights/{best}"]
            parts.append(
                f"{scheme_title(best)} for {bits} bits ({shown(weights.number('bits_per_weight'), 2)} bits with scales; "
                f"{shown(drop[best], 2)} % of the embeddings' agreement lost, {scheme_title(second)} as next "
                f"{shown(drop[second], 2)} %)"
            )
    return f"Take weights in {listed(parts)}." if parts else ""


def _best_pes(records: Records) -> str:
    """For each kind of activations the PE with the most throughput per area; who has less than the baseline."""
    parts, one_sided = list[str](), list[str]()
    for activation in dict.fromkeys(candidate.pe.config.activation for candidate in built(records)):
        rivals = [c for c in built(records) if c.pe.config.activation == activation and c.key != BASELINE]
        if rivals:
            rate = {c.key: records[f"cost/{c.key}/{MAIN}"].number(f"relative_{c.bits}") for c in rivals}
            best = max(rivals, key=lambda candidate: rate[candidate.key])
            own, field = f"cost/{best.key}/{BEST}", f"relative_{best.bits}"
            more = f"; {shown(records[own].number(field), 2)} times at own best clocks" if own in records else ""
            parts.append(f'for {activation} activations the PE "{best.title}" ({shown(rate[best.key], 2)} times{more})')
            one_sided.append(shown(records[f"cost/{best.key}/{MAIN}"].number(f"relative_dequantized_{best.bits}"), 2))
    base = next((candidate.title for candidate in candidates() if candidate.key == BASELINE), "")
    if not parts:
        return ""
    return (
        f"Build {listed(parts)}: most throughput per area, in times that of {base} at {clock_name(MAIN)}, without scalers; "
        f"only {listed(one_sided)} times where {base} needs no scaler, since its weights were dequantized beforehand."
    )


def findings(records: Records) -> list[str]:
    """What else the records allow to say."""
    return [*_accuracy(records), *_hardware(records), *_arithmetic(records)]


def _accuracy(records: Records) -> Iterator[str]:
    names = schemes(records)
    if "bitmod-fp4" not in names:
        return
    others = [
        name for name in ("int4", "int4-asym", "fp4", "ant4", "olive4", "mxfp4", "mxint4", "nf4") if name in names
    ]
    error = {name: records[f"compare/{name}"].number("mse") for name in others}
    beaten = [f"{scheme_title(name)} {shown(error[name], 2)}" for name in others if error[name] > 1]
    ahead = [f"{scheme_title(name)} {shown(error[name], 3)}" for name in others if error[name] <= 1]
    bits = records["weights/bitmod-fp4"].number("bits_per_weight")
    if beaten:
        less = f" Less than BitMoD's: {', '.join(ahead)}." if ahead else ""
        yield (
            f"Squared error of the weights relative to BitMoD FP4, which has {shown(bits, 2)} bits per weight: "
            f"{', '.join(beaten)}.{less}"
        )
    small = [
        (records[f"compare/{name}/g{group}"].number("mse"), name, group)
        for name in others
        for group in (32, 64)
        if f"compare/{name}/g{group}" in records and records[f"compare/{name}/g{group}"].number("mse") < 1
    ]
    if small:
        those = [
            f"{scheme_title(name)} in groups of {group} ({shown(value, 2)})" for value, name, group in sorted(small)
        ]
        yield f"Smaller groups beat better types: less error than BitMoD FP4 in groups of 128 have {listed(those)}."


def _hardware(records: Records) -> Iterator[str]:
    if f"cost/serial/{MAIN}" in records:
        cost = records[f"cost/serial/{MAIN}"]
        yield (
            f"What scales the sums of groups takes {shown(cost.number('scaling'))} GE beside a bit-serial PE of "
            f"{shown(cost.number('pe'))} GE for FP16 activations. With a scaler of the same kind on both sides this PE has "
            f"{shown(cost.number('relative_scaled_4'), 2)} times the FP16 PE's throughput per area; against an FP16 PE with "
            f"dequantized weights and no scaler {shown(cost.number('relative_dequantized_4'), 2)} times."
        )
    if f"share/generator/{MAIN}" in records:
        yield f"Term generators are {shown(records[f'share/generator/{MAIN}'].number('share'), 1)} % of an 8 x 8 tile's area."


def _arithmetic(records: Records) -> Iterator[str]:
    names = ("error/serial-running/w16", "error/serial-given/w16", "error/serial-given/w20", "error/fp16xfp16")
    if all(name in records for name in names):
        running, given, wide, parallel = (shown(records[name].number("sqnr"), 1) for name in names)
        yield (
            f"The PEs' own arithmetic errs far less than quantization: {running} dB with a 16-bit window and a running exponent, "
            f"{given} dB where it is given, {wide} dB with 20 bits, {parallel} dB in the FP16 PE."
        )
    if "run/serial-running" in records:
        run = records["run/serial-running"]
        yield (
            f"A whole layer of {shown(run.number('M'))} x {shown(run.number('K'))} on {shown(run.number('N'))} tokens went "
            f"through the RTL, {shown(run.number('results'))} results equal to golden, at "
            f"{shown(run.number('utilisation'), 2)} % utilisation."
        )
