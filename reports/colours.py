"""Colours and markers, one for each thing wherever it is drawn: families of formats, parts of units, accumulators, profiles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import formats
from ..config.mac import NO_SCALE
from ..studies.int_vs_fp.study import Pair

FAMILIES: dict[str, tuple[str, str, str]] = {
    "INT": ("#0b5394", "s", "integers"),
    "FP4": ("#8a6d00", "o", "4-bit floating point"),
    "FP6": ("#c2417c", "v", "6-bit floating point"),
    "FP8": ("#a63603", "D", "8-bit floating point"),
    "MX": ("#6a3d9a", "P", "block scales (MX, NVFP4)"),
    "BitMoD": ("#00735c", "^", "BitMoD"),
    "other": ("#6e7781", "X", "other types"),
    "FP16": ("#1f2328", "*", "16 bits and more"),
}
"""Family of formats to colour, marker and words. All colours read on white as text."""

PARTS = {
    "decode": "#56b4e9", "multiply": "#0072b2", "align": "#e69f00", "reduce": "#009e73", "accumulate": "#cc79a7",
    "control": "#999999", "registers": "#d9d9d9",
}  # fmt: skip
"""Parts of units, which pictures stack."""

ACCUMULATORS = {
    "exact": ("*", "#1f2328", "exact"),
    "saturating": ("s", "#0b5394", "fixed point, saturating"),
    "wrapping": ("X", "#2e7fbf", "fixed point, wrapping"),
    "window": ("o", "#00735c", "aligned window"),
    "float": ("^", "#a63603", "floating point, rounded per step"),
    "fused": ("D", "#b0508e", "floating point, rounded per 128 products"),
    "fixed": ("s", "#0b5394", "fixed point"),
}
"""Kind of accumulator to marker, colour and words."""

PROFILES = {
    "ideal": "#1f2328", "accurate": "#009e73", "ivit": "#d95f02", "ivit-8": "#f2a45c", "ivit-element": "#f2a45c",
    "ivit-20": "#f2a45c", "ibert": "#7570b3", "ita": "#0072b2",
}  # fmt: skip
"""Profiles of the non-linear units; ``ideal`` is the real function, rounded."""


def _of_format(name: str, own: Mapping[str, Any]) -> str:
    row = formats.get(name, formats.read_formats(own))
    if row.exponent_span == 0:
        return "INT"
    return "FP4" if row.bits <= 4 else "FP6" if row.bits <= 6 else "FP8" if row.bits <= 8 else "FP16"


def family_of(config: Mapping[str, Any]) -> str:
    """The family of a unit's operands: that of the wider one where one is floating point, ``MX`` with scales of blocks."""
    if config.get("scale", NO_SCALE) != NO_SCALE:
        return "MX"
    found = {_of_format(config[name], config.get("formats", {})) for name in ("weight", "activation")}
    return max(found, key=list(FAMILIES).index) if found != {"INT"} else "INT"


def family_of_pair(pair: Pair) -> str:
    """``family_of`` a pair of the catalog's formats."""
    return family_of({"weight": pair.weight, "activation": pair.activation})


def family_of_scheme(name: str) -> str:
    """The family of a scheme for weights."""
    starts = {"bitmod": "BitMoD", "serial": "BitMoD", "int": "INT", "mx": "MX", "nv": "MX", "fp16": "FP16", "fp": "FP4"}
    return next((family for start, family in starts.items() if name.startswith(start)), "other")


def colour(family: str) -> str:
    """Of marks, lines, bars and their labels alike."""
    return FAMILIES[family][0]


def marker(family: str) -> str:
    """By which families are told apart without colour."""
    return FAMILIES[family][1]
