"""What a bit of each kind of circuit costs by reckoning, gates and LUTs counted by hand: where the fit of prices begins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

_Prices = tuple[float, float]

_MULTIPLE_KINDS = ("", "few ", "of few ", "both few ")
_TREE_KINDS = ("", "shifted ", "column ", "bin ", "window ")


def _of_kinds(kinds: tuple[str, ...], before: str, prices: Mapping[str, _Prices]) -> Iterator[tuple[str, _Prices]]:
    for kind in kinds:
        for name, price in prices.items():
            yield f"{before}{kind}{name}", price


RECKONED: Mapping[str, _Prices] = {
    "unit": (20, 6), "registers that move": (2.5, 0.02), "registers in steps": (4, 0.3), "count": (6, 1.6),
    "decode exponent": (2, 0.4), "flush": (1.5, 0.5), "decode NaN and infinity": (2, 0.6), "decode NaN": (1.5, 0.4),
    "table choices": (2, 0.3), "table bits": (1, 0.7),
    "operator signs": (1, 0.3), "operator sign rows": (4, 1.5),
    **dict(_of_kinds(_MULTIPLE_KINDS, "operator ", {
        "and": (1.5, 0.5), "sum": (7.5, 2.2), "spare sum": (4, 1.2), "width": (3, 1)})),
    "digits": (8, 3), "adders": (3, 1),
    **dict(_of_kinds(_MULTIPLE_KINDS, "digit ", {
        "row": (6, 1), "top": (6, 1), "half": (4, 1), "unsigned top": (5, 1), "carry": (1.5, 0.6), "small row": (5, 1),
        "add": (8, 1), "row of 1": (4, 0.8), "row of 2": (6, 1)})),
    **dict(_of_kinds(_MULTIPLE_KINDS, "multiple ", {"select": (6, 1.6), "add": (8, 1)})),

    "product of four": (6, 1.1), "product of five": (10, 2),
    "multiple by a bit": (1.5, 0.7), "small select": (5, 1), "triple": (6, 1.3), "triple add": (8, 1),
    "exponent sum": (8, 1.2), "sign": (2.5, 0.5), "shift": (2.8, 0.95),
    "group bits": (4, 1.1), "group places": (6, 2), "group selects": (2, 0.7), "signed group places": (6, 1.5),
    "signed group selects": (5, 1.5),
    "narrow group places": (6, 2), "narrow group selects": (2.5, 0.8),
    "place decode": (4, 1.2), "place and": (1.7, 0.4), "place sign": (2.5, 0.7), "bins": (1.5, 0.6),
    "flags": (1.5, 0.4), "infinity times zero": (1.5, 0.4),
    **dict(_of_kinds(_TREE_KINDS, "", {"tree add": (7, 1), "tree adders": (3, 1)})),
    "bias": (4, 1), "part add": (8, 1),
    "window body add": (5, 1), "window body": (2, 0.5), "window sign": (2.5, 0.6), "window nonzero": (1.2, 0.3),
    "window candidates": (2, 0.5), "window compare": (9, 2.2), "window distance": (7, 1.2), "window shift": (2.5, 0.9),
    "window far": (0.3, 0.1), "window sticky": (2, 0.5),
    "group add": (8, 1.2), "group": (30, 8),
    "float term": (5, 1), "float shift": (2.4, 0.8), "float sign": (2.5, 0.6), "float add": (7, 1), "float negate": (6, 1.5),
    "float normalise": (2.5, 0.9), "float nonzero": (1.5, 0.4), "float exponent": (2.5, 0.6), "float subnormal": (3, 0.6),
    "float distance": (6, 1.5), "float round": (4, 1.2), "float rest": (1.2, 0.3), "float sticky": (2, 0.5),
    "float overflow": (3, 0.7), "float format": (7, 1.8), "float specials": (4, 1), "float unit": (40, 10),
    "scaled leading": (2.5, 0.7), "scaled shift": (2.5, 0.8), "scaled sticky": (2.5, 0.7), "scaled add": (8, 1),
    "scaled negate": (6, 1.5), "scaled normalise": (2.5, 0.8), "scaled normalise control": (4, 1.5),
    "scaled exponent": (15, 3), "scaled round": (5, 1.3), "scaled specials": (7, 1.8), "scaled unit": (40, 10),
    "term negate": (7, 1.5), "term normalise": (2.5, 0.8), "term exponent": (12, 2.5), "scales": (8, 1.2),
    "accumulate": (8, 1.1), "accumulate with overflow": (8, 1.1), "overflow": (2, 0.5), "clamp": (5, 1.2), "tie": (5, 1.4),
    "clear": (1.5, 1),
    "zero when invalid": (1.5, 0.5), "saturation flag": (8, 2),
}  # fmt: skip
"""NAND2-equivalents, and LUT4 of an ECP5, by the name of a feature."""

REGISTERS: Mapping[str, float] = {"registers that move": 1.0, "registers in steps": 1.0}
"""Flip-flops: they are counted, not priced."""
