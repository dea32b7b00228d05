"""What kind of unit a configuration is: the coordinates in which the models look for similar units."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import log, log1p

from ...config import STAGES, MacConfig
from ...formats import Codebook, Format
from .few_values import known_codes, varying_bits
from .lane_parts import ALIGNERS, MULTIPLIERS
from .reckoned import RECKONED

_PARTS: Mapping[str, tuple[str, ...]] = {
    "decoders": ("decode", "flush", "table", "flags", "infinity"),
    "multipliers": ("operator", "digit", "multiple", "triple", "small", "product", "adders"),
    "aligners": ("sign", "shift", "group b", "group p", "group s", "signed", "narrow", "place", "bins", "exponent sum"),
    "trees": ("tree", "shifted", "column", "bin ", "part", "bias"),
    "windows": ("window",),
    "floats": ("float", "scaled"),
    "scales": ("term", "scales"),
    "sums": ("accumulate", "overflow", "clamp", "clear", "tie", "zero", "saturation", "group a", "group"),
    "registers": ("registers", "count", "unit"),
}
"""How names of features begin, by part; the first part that fits counts."""


KIND_TRAITS: Mapping[str, Mapping[str, float]] = {
    "exact": {},
    "fixed": {"accumulator: fixed": 1.0},
    "window": {"accumulator: window": 1.0},
    "float": {"accumulator: float": 1.0},
}
"""What sets kinds of accumulators apart; those of other kinds are 0."""
_NO_KIND = {name: 0.0 for found in KIND_TRAITS.values() for name in found}


def traits(config: MacConfig, found: Mapping[str, float]) -> dict[str, float]:
    """Coordinates of a unit by name; a name begins with the field that it is about.

    Parameters
    ----------
    config
        The unit.
    found
        Its ``features``.
    """
    product, accumulator, lanes = config.product, config.accumulator, config.lanes
    shares = _shares(found)
    least, most = sorted((product.a.significand_bits, product.b.significand_bits))
    float_name = "" if config.accumulator_format is None else config.accumulator_format.name
    return {
        "lanes": log(lanes),
        "lanes: one": float(lanes == 1),
        "lanes: power of two": float(lanes > 1 and not lanes & (lanes - 1)),
        "lanes: size": log(reckoned_gates(found)),
        "k_max": log1p(config.max_steps),
        **{f"pipeline: below {depth}": float(not config.registers(STAGES[depth - 1])) for depth in (1, 2, 3)},
        **_chosen("multiplier", MULTIPLIERS, config.multiplier),
        **_chosen("aligner", ALIGNERS, config.aligner),
        "scale": float(config.scale != "none"),
        "saturated": float(config.saturated),
        **_operand("weight", product.a),
        **_operand("activation", product.b),
        "weight: narrower bits": log(least),
        "weight: wider bits": log(most),
        "weight: codes": log(product.a.bits + product.b.bits),
        "weight: odd bits": float(least % 2),
        "weight: both signed": float(product.a.significand_signed and product.b.significand_signed),
        "weight: sign": float(product.sign_bit),
        "weight: span": log1p(product.exponent_span),
        "weight: exponents": float(product.exponent_span > 0),
        "weight: NaN": float(product.a.has_nan or product.b.has_nan),
        "weight: infinity": float(product.a.has_inf or product.b.has_inf),
        **_NO_KIND,
        **KIND_TRAITS[accumulator.kind],
        "accumulator: wraps": float(accumulator.wraps),
        "accumulator: truncates": float(accumulator.truncates),
        "accumulator: fused": float(accumulator.fuses),
        "accumulator: FP16": float(float_name == "FP16"),
        "accumulator: BF16": float(float_name == "BF16"),
        "accumulator: bits": log(config.accumulator_bits),
        "accumulator: room": log(config.accumulator_bits / product.sum_bits(config.padded_k_max)),
        "accumulator: lsb": log1p(0 if accumulator.is_float else config.unit_exponent - product.min_exponent),
        "accumulator: window": log1p(max(0, accumulator.window_bits - product.significand_product_bits)),
        **shares,
    }  # fmt: skip


def _chosen(field: str, styles: Iterable[str], chosen: str) -> dict[str, float]:
    """A coordinate for every style but the first one, the usual one."""
    return {f"{field}: {style}": float(style == chosen) for style in list(styles)[1:]}


def _operand(name: str, fmt: Format) -> dict[str, float]:
    few = isinstance(fmt, Codebook)
    return {
        f"{name}: signed": float(fmt.significand_signed),
        f"{name}: codebook": float(few),
        f"{name}: varying bits": log1p(varying_bits(fmt)),
        f"{name}: values": log(len(set(known_codes(fmt)))) if few else 3.0,
    }


def reckoned_gates(found: Mapping[str, float]) -> float:
    """Gates of a unit with these features by reckoning, to tell large ones from small ones."""
    return sum(RECKONED[name][0] * count for name, count in found.items())


def _shares(found: Mapping[str, float]) -> dict[str, float]:
    """Which part of the unit's gates is where, by reckoning."""
    whole = reckoned_gates(found)
    shares = dict.fromkeys(_PARTS, 0.0)
    for name, count in found.items():
        part = next(part for part, begins in _PARTS.items() if name.startswith(begins))
        shares[part] += RECKONED[name][0] * count / whole
    return {f"lanes: {part}": share for part, share in shares.items()}
