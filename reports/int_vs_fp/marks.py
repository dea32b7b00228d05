"""Colours and markers of the study's candidates and parts."""

from __future__ import annotations

from ...studies.int_vs_fp.study import TIMES, Pair

# Blue and vermillion of Okabe and Ito are told apart by every kind of colour vision; the shade says how many bits.
_SHADES = {
    "int": {"4": "#56a6dd", "8": "#0b5394", f"4{TIMES}8": "#2e7fbf"},
    "fp": {"4": "#f2a45c", "6": "#e2711d", "8": "#a63603", f"4{TIMES}8": "#cc5500"},
}
_MARKERS = {"int": "s", "fp": "o"}
FAMILY_COLOURS = {"int": "#0b5394", "fp": "#a63603"}
PART_COLOURS = {
    "decode": "#56b4e9",
    "multiply": "#0072b2",
    "align": "#e69f00",
    "reduce": "#009e73",
    "accumulate": "#cc79a7",
    "control": "#999999",
    "registers": "#d9d9d9",
}


def colour(pair: Pair) -> str:
    """Hue by family, shade by bits."""
    shades = _SHADES[pair.family]
    return shades.get(pair.bits, FAMILY_COLOURS[pair.family])


def text_colour(pair: Pair) -> str:
    """The family's dark hue, which reads well on white at any size."""
    return FAMILY_COLOURS[pair.family]


def marker(pair: Pair) -> str:
    """Squares are integers, circles floating point."""
    return _MARKERS[pair.family]
