"""Published and recorded figures of I-ViT, I-BERT and ITA beside ours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ...studies.nonlinear.accuracy import RECORDED_LENGTH, accuracy_id
from ...studies.records import Metric, Record, Records, metric

LANES = 16
"""Of ITA's units."""

FORMULAS = "computed from the paper's formulas before this project had a golden model"
ITA_RTL = "ITA's RTL, synthesized by us with the same flow, osu018 and ECP5"


@dataclass(frozen=True)
class Claim:
    """A published or recorded figure, the same of ours, and why they differ.

    Attributes
    ----------
    key
        Last part of the record's id.
    claim, source
        What was stated, and by whom.
    published
        The figure as it was written, whose digits say how precise it is.
    unit
        Of the figure.
    ours
        Record and metric of ours; None where there is nothing of ours to compare.
    why
        Why they differ.
    """

    key: str
    claim: str
    source: str
    published: str
    unit: str
    ours: tuple[str, str] | None
    why: str

    @property
    def digits(self) -> int:
        """Digits after the point that the published figure has."""
        mantissa, _, exponent = self.published.partition("e")
        return max(len(mantissa.partition(".")[2]) - int(exponent or 0), 0)


_SCALES = ("0.0625", "0.03125", "0.015625")
_IVIT = f"I-ViT (ICCV 2023), {FORMULAS}"
_IBERT = f"I-BERT (ICML 2021), {FORMULAS}"
_ITA = f"ITA (ISLPED 2023), {FORMULAS}"
_SAME = "The same algorithm on the same rows."
_OWN = "Length of the rows and rounding of the output were not recorded; ours is the unit's own output."
_SLOPE = "A slope of two bits, as for the greatest errors; that of the recorded mean errors was not recorded."
_UNKNOWN = (
    "Length and kind of the rows were not recorded; at no length from 16 to 1024 do normal rows have both figures."
)
_OURS = "Not its algorithm: that of our profile `accurate`, 8 bits out, on the same rows."

_SOFTMAX = (
    # contender, algorithm, source, metric suffix, maxima, means, why
    ("ivit-8", "I-ViT, 8-bit output", _IVIT, "", ("0.027", "0.017", "0.009"), ("1.3e-3", "3.4e-3", "4.5e-3"), _SAME),
    ("ivit", "I-ViT, 16-bit output", _IVIT, "", ("0.021", "0.010", "0.003"), ("1.3e-4", "1.0e-4", "1.5e-4"), _SAME),
    ("ibert", "I-BERT, 16-bit output", _IBERT, "", ("0.091", "0.019", "0.001"), ("6.1e-4", "1.6e-4", "2.7e-5"), _SAME),
    ("ita", "ITA's shift-only", _ITA, "", ("0.150", "0.053", "0.011"), ("1.3e-3", "2.5e-3", "1.2e-3"), _SLOPE),
    ("accurate", "ITA's shift-only", _ITA, "", ("0.150", "0.053", "0.011"), ("1.3e-3", "2.5e-3", "1.2e-3"), _OURS),
)  # fmt: skip

_GELU = (
    # contender, algorithm, source, rows, metric, maxima
    ("ivit", "I-ViT, maximum of the row, L = 384", _IVIT, "t3/{}/L384", "max", ("0.31", "0.25", "0.28")),
    ("ivit-element", "I-ViT, element by element, 8 bits, every code", _IVIT, "codes/{}", "max_8bit", ("0.085", "0.053", "0.043")),
    ("ibert", "I-BERT, 8 bits, every code", _IBERT, "codes/{}", "max_8bit", ("0.048", "0.032", "0.020")),
)  # fmt: skip

_LAYERNORM = (
    # contender, algorithm, source, sigma, maximum, why
    ("ivit", "I-ViT", _IVIT, 3, "1.65", "The same; the row length, on which it depends, was not recorded: 240 gives it."),
    ("ibert", "I-BERT", _IBERT, 3, "0.305", _UNKNOWN),
    ("ivit", "I-ViT", _IVIT, 32, "0.042", _OWN),
    ("ibert", "I-BERT", _IBERT, 32, "0.042", _OWN),
)  # fmt: skip

_SHIFTS = "ITA's exponents are shifts of a fixed scale; ours takes its scale at run time, and its divider is counted."
_POLYNOMIAL = (
    "ITA evaluates I-BERT's polynomial with three multipliers. Its source has one polynomial in the module and an instance of "
    "it for each lane, so we take the figure, recorded as that of 16 lanes, for a lane's."
)
_PEERS = (
    # unit, what, target, metric, published, unit of it, lanes of ours, why
    ("softmax", "softmax of 16 lanes without its ten 700-GE dividers, logic", "osu018", "logic", "8128", "GE", (LANES,), _SHIFTS),
    ("softmax", "softmax of 16 lanes, registers", "osu018", "registers", "4850", "GE", (LANES,), _SHIFTS),
    ("softmax", "softmax of 16 lanes on ECP5 without DSP blocks", "ecp5", "lut4", "3049", "LUT4", (LANES,), _SHIFTS),
    ("gelu", "GELU, logic", "osu018", "logic", "3993", "GE", (1, LANES), _POLYNOMIAL),
    ("gelu", "GELU on ECP5 without DSP blocks", "ecp5", "lut4", "1588", "LUT4", (1, LANES), _POLYNOMIAL),
    ("gelu", "GELU on ECP5 beside three DSP blocks", "ecp5", "lut4_dsp", "206", "LUT4", (1, LANES), _POLYNOMIAL),
    ("gelu", "GELU on ECP5, clock", "clock", "fmax", "45", "MHz", (1, LANES), _POLYNOMIAL),
    ("requantize", "requantizer, logic of a lane", "osu018", "logic", "2975", "GE", (1,),
     "ITA's multiplies 26 bits by 8; the widths of ours are in its title."),
)  # fmt: skip
ITA_LINES = {(unit, target, metric): float(published) for unit, _, target, metric, published, *_ in _PEERS}
"""ITA's figures by unit, target and metric, for reference lines in pictures."""

ITA_LANES = {unit: widths for unit, _, _, _, _, _, widths, _ in _PEERS}
"""How many lanes of ours its units are compared with."""

_ELSEWHERE = (
    ("ivit-gpu", "I-ViT's speed over FP32 on a GPU, integers only, at the accuracy of FP32", "I-ViT (ICCV 2023)", "4.11", "times",
     "Published range 3.72 to 4.11; this project generates hardware and runs no GPU."),
    ("ita-share", "softmax's share of ITA's area", "ITA (ISLPED 2023)", "3.3", "%",
     "Of a whole accelerator in 22 nm; this project's units are measured alone."),
)  # fmt: skip


def claims(records: Records) -> Iterator[Claim]:
    """Every figure to compare, those of hardware once for each of our units that computes the same."""
    for key, name, source, suffix, maxima, means, why in _SOFTMAX:
        for scale, greatest, mean in zip(_SCALES, maxima, means, strict=True):
            ours = accuracy_id("softmax", key, f"t3/{scale}/L197")
            what = f"softmax, {name}, scale {scale}, L = 197"
            slug = f"softmax-{key}{'-for-ita' if why is _OURS else ''}-{scale}"
            yield Claim(f"{slug}-max", f"{what}: greatest error", source, greatest, "1", (ours, f"max{suffix}"), why)
            yield Claim(f"{slug}-mean", f"{what}: mean error", source, mean, "1", (ours, f"mean{suffix}"), why)
    inexact = (accuracy_id("softmax", "ivit", "t3/0.045/L197"), "max")
    what = "softmax, I-ViT, 16-bit output, scale 0.045, L = 197: greatest error"
    yield Claim("softmax-ivit-0.045-max", what, _IVIT, "0.060", "1", inexact, _SAME)
    for key, name, source, rows, found, maxima in _GELU:
        for scale, greatest in zip(_SCALES, maxima, strict=True):
            ours = (accuracy_id("gelu", key, rows.format(scale)), found)
            what = f"GELU, {name}, scale {scale}: greatest error"
            yield Claim(f"gelu-{key}-{scale}", what, source, greatest, "1", ours, _SAME)
    for key, name, source, sigma, greatest, why in _LAYERNORM:
        ours = (accuracy_id("layernorm", key, f"normal/{sigma}/L{RECORDED_LENGTH}"), "max")
        what = f"LayerNorm, {name}, sigma {sigma} steps: greatest error"
        yield Claim(f"layernorm-{key}-{sigma}", what, source, greatest, "1", ours, why)
    for unit, what, target, found, published, of, widths, why in _PEERS:
        for record in records.of_kind("hardware"):
            config = record.config
            lanes = config["lanes"]
            if (config["unit"], config["target"]) == (unit, target) and lanes in widths:
                key = f"ita-{unit}-{target}-{found}/{config['key']}/x{lanes}"
                claim = f"ITA's {what}; ours: {config['title']}, {lanes} lane{'s' * (lanes > 1)}"
                yield Claim(key, claim, ITA_RTL, published, of, (record.id, found), why)
    for key, what, source, published, unit, why in _ELSEWHERE:
        yield Claim(key, what, source, published, unit, None, why)


def claim_records(records: Records) -> Iterator[Record]:
    """A record of every figure whose counterpart of ours is there, or that has none."""
    for claim in claims(records):
        if claim.ours is not None and claim.ours[0] not in records:
            continue
        metrics: dict[str, Metric] = {"published": metric(float(claim.published), claim.unit)}
        flow: dict[str, object] = {"ours": "none"}
        tools: dict[str, str] = {}
        if claim.ours is not None:
            name, found = claim.ours
            metrics["ours"] = metric(records[name].number(found), claim.unit)
            flow, tools = {"derived_from": [f"{name}: {found}"]}, dict(records[name].tool_versions)
        yield Record(
            id=f"claim/{claim.key}",
            topic="claim",
            config={"claim": claim.claim, "source": claim.source, "why": claim.why, "digits": claim.digits},
            flow=flow,
            tool_versions=tools,
            metrics=metrics,
        )
