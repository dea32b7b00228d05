"""Published and recorded figures of I-ViT, I-BERT and ITA beside ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...studies.nonlinear.accuracy import RECORDED_LENGTH, accuracy_id
from ...studies.records import Record, Records
from .. import published
from ..published import Claim, claim_of, digits_of, rows, value_of

LANES = 16
"""Of ITA's units."""

_SCALES = ("0.0625", "0.03125", "0.015625")
"""Of the figures that the table has for each scale, in its order."""

ITA_LINES = {(row["function"], row["target"], row["metric"]): value_of(row["published"]) for row in rows("ita")}
"""ITA's figures by unit, target and metric, for reference lines in pictures."""

ITA_LANES = {row["function"]: tuple(row["lanes"]) for row in rows("ita")}
"""How many lanes of ours its units are compared with."""


def _claim(
    row: Mapping[str, Any], key: str, claim: str, figure: str, ours: tuple[str, str] | None, unit: str = "1"
) -> Claim:
    stated = {**row, "key": key, "claim": claim, "published": figure, "unit": unit}
    return claim_of(stated, ours=[ours] if ours else [], more={"digits": digits_of(figure)})


def claims(records: Records) -> Iterator[Claim]:
    """Every figure to compare, those of hardware once for each of our units that computes the same."""
    for row in rows("softmax"):
        for scale, *figures in zip(_SCALES, row["greatest"], row["mean"], strict=True):
            ours = accuracy_id("softmax", row["contender"], f"t3/{scale}/L197")
            what = f"softmax, {row['what']}, scale {scale}, L = 197"
            for word, short, figure, name in zip(
                ("greatest", "mean"), ("max", "mean"), figures, row["metrics"], strict=True
            ):
                yield _claim(row, f"{row['slug']}-{scale}-{short}", f"{what}: {word} error", figure, (ours, name))
    for row in rows("inexact"):
        yield _claim(row, row["key"], row["claim"], row["published"], (row["ours"], row["metric"]))
    for row in rows("gelu"):
        for scale, greatest in zip(_SCALES, row["greatest"], strict=True):
            ours = (accuracy_id("gelu", row["contender"], row["rows"].format(scale)), row["metric"])
            what = f"GELU, {row['what']}, scale {scale}: greatest error"
            yield _claim(row, f"gelu-{row['contender']}-{scale}", what, greatest, ours)
    for row in rows("layernorm"):
        ours = (accuracy_id("layernorm", row["contender"], f"normal/{row['sigma']}/L{RECORDED_LENGTH}"), "max")
        what = f"LayerNorm, {row['what']}, sigma {row['sigma']} steps: greatest error"
        yield _claim(row, f"layernorm-{row['contender']}-{row['sigma']}", what, row["greatest"], ours)
    for row in rows("ita"):
        for record in records.of_kind("hardware"):
            config, lanes = record.config, record.config["lanes"]
            if (config["unit"], config["target"]) == (row["function"], row["target"]) and lanes in row["lanes"]:
                key = f"ita-{row['function']}-{row['target']}-{row['metric']}/{config['key']}/x{lanes}"
                claim = f"ITA's {row['what']}; ours: {config['title']}, {lanes} lane{'s' * (lanes > 1)}"
                yield _claim(row, key, claim, row["published"], (record.id, row["metric"]), row["unit"])
    for row in rows("elsewhere"):
        yield _claim(row, row["key"], row["claim"], row["published"], None, row["unit"])


def claim_records(records: Records) -> Iterator[Record]:
    """A record of every figure whose counterpart of ours is there, or that has none."""
    return published.claim_records(claims(records), records)
