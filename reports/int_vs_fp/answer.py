"""The report's answer and findings in sentences, every number of them a record's."""

from __future__ import annotations

from math import inf

from ...studies.int_vs_fp.study import ARRAY_UNITS, Pair
from ...studies.records import Record, Records
from .. import shown
from ..choice import Candidate, Question, listed
from . import view


def subject(records: Records) -> str:
    """The layers in a phrase."""
    layers = view.layers(records)
    return f"{layers[0].config['source']}: {', '.join(layer.config['layer'] for layer in layers)}"


def answer(records: Records) -> list[str]:
    """Which format to take for which accuracy and target, and which is beaten everywhere."""
    asked = question(records)
    return [asked.take(), asked.avoid()]


def question(records: Records, granularity: str = "token") -> Question:
    """Which pair to choose: output SQNR on the worst layer, the better scale rule, and a column per way to pay."""
    unit, layers = view.main_unit(records), [layer.config["layer"] for layer in view.layers(records)]
    candidates = []
    for pair in view.pairs(records):
        name, timing = view.key(pair, unit), view.timing_of(records, pair, unit)
        found = (
            view.sqnr(records, layer, pair, view.best_policy(records, layer, pair, granularity)) for layer in layers
        )
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
    told = {"ASIC gates": (0, "GE"), "FPGA LUT4": (1, "LUT4")}
    return Question(kept, "output SQNR on the worst layer", told, "per MAC, registers not counted")


def findings(records: Records) -> list[str]:
    """What else was found, most useful first."""
    static = question(records, "tensor").take().replace("Take", "With one static scale per tensor take", 1)
    return [static, *cheapest_accumulator_sentences(records), *array_sentences(records), _proof_sentence(records)]


def _proof_sentence(records: Records) -> str:
    verified = records.of_kind("verified")
    counts = [record.number("products") for record in verified]
    wrong = sum(record.number("mismatches") for record in verified)
    low, high = (shown.shown(value) for value in (min(counts), max(counts)))
    spread = low if low == high else f"{low} to {high}"
    verdict = "every result equal to the golden model's bits" if wrong == 0 else f"{shown.shown(wrong)} results WRONG"
    units = f"all {len(verified)} units" if len(verified) > 1 else "the unit"
    return f"The generated Verilog of {units} computed {spread} products of the layers' own numbers each, {verdict}."


HARMLESS_DB = 0.1
"""An accumulator that lowers no layer's output SQNR by more than this is as good as the exact one."""


def cheapest_accumulator_sentences(records: Records) -> list[str]:
    """Which accumulator is worth its gates, for each pair that was built with several."""
    return [_accumulator_sentence(records, pair) for pair in view.accumulator_pairs(records)]


def array_sentences(records: Records) -> list[str]:
    """What an array costs beside its bare MAC, for each pair that arrays were built of."""
    return [_array_sentence(records, pair) for pair in view.arrays(records)]


def harmless(records: Records, pair: Pair) -> list[Record]:
    """Accumulators that cost no layer more than ``HARMLESS_DB``, the cheapest first."""
    kept = [r for r in view.accumulators(records, pair) if r.number("total_sqnr_lost") <= HARMLESS_DB]
    return sorted(kept, key=lambda record: _area(records, record).number("total_per_mac"))


def _accumulator_sentence(records: Records, pair: Pair) -> str:
    found, ranked = view.accumulators(records, pair), harmless(records, pair)
    floats = [r for r in ranked if r.config["accumulator"]["kind"] in ("float", "window")]
    sentence = (
        f"{pair.label} in a 32-lane dot product: the exact accumulator costs {_cost(records, found[0])} NAND2-equivalents per "
        f"MAC, registers included; the cheapest that lowers no layer's output SQNR by more than {HARMLESS_DB} dB is "
        f"the {_called(ranked[0])} one ({_cost(records, ranked[0])})"
    )
    if floats and floats[0] is not ranked[0]:
        sentence += f", the cheapest of those that round the {_called(floats[0])} one ({_cost(records, floats[0])})"
    over = [r for r in found if r.number("overflowed") > 0]
    if over:
        shares = [f"{shown.number(records, r.id, 'overflowed', 1).text} % with {_called(r)}" for r in over]
        sentence += f"; of the worst layer's outputs {listed(shares)} overflow, since units have no exponent offset"
    return sentence + "."


def _called(record: Record) -> str:
    """``18-bit saturating``, ``12-bit window``, ``FP16 fused 128``."""
    label = view.accumulator_label(record)
    word, _, bits = label.partition(" ")
    return f"{bits}-bit {word}" if bits.isdigit() else label


def _array_sentence(records: Records, pair: Pair) -> str:
    unit = ARRAY_UNITS[-1]
    name, mac = view.key(pair, unit), view.key(pair, "mac")
    luts, dsp = (
        [shown.number(records, f"{which}/{flow}", "logic_per_mac", 1).text for which in (name, mac)]
        for flow in ("ecp5", "ecp5-dsp")
    )
    used = min(
        records[f"cycles/{name}/{layer.config['layer']}"].number("utilisation") for layer in view.layers(records)
    )
    sentence = (
        f"{pair.label} {view.ARRAY_TITLES[unit]}: {luts[0]} LUT4 per MAC without DSP blocks where the bare MAC takes {luts[1]}, "
        f"{dsp[0]} and {dsp[1]} with them; PEs are used in at least {shown.shown(used, 2)} % of a layer's cycles"
    )
    clock, mac_clock = (f"{which}/clock" for which in (name, mac))
    if clock in records and mac_clock in records:
        mine, bare = (shown.number(records, name, "fmax").text for name in (clock, mac_clock))
        sentence += f"; without DSP blocks it reaches {mine} MHz, the bare MAC {bare}"
    return sentence + "."


def _area(records: Records, record: Record) -> Record:
    return records[f"{record.id.split('/')[1]}/generic"]


def _cost(records: Records, record: Record) -> str:
    return shown.number(records, _area(records, record).id, "total_per_mac").text
