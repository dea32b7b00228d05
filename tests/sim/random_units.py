"""Random configurations of the whole accepted space: matrix units here, rows' units in ``random_rules``."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import ValidationError

from bitmill import formats
from bitmill.config import MacConfig
from bitmill.config.bit_serial import BitSerialConfig
from bitmill.formats import Product
from bitmill.system.errors import BitmillError

OPERANDS = tuple(name for name in formats.names() if formats.get(name).zero_code is not None)
NARROW = tuple(name for name in OPERANDS if formats.get(name).bits <= 8)
MODEST_PRODUCTS, MODEST_BITS = 24, 900
"""What is drawn is kept so small that hundreds of trials end: products a cycle, and their bits together."""


def draw_unit(rng: np.random.Generator) -> MacConfig | BitSerialConfig:
    """One configuration that its class accepts."""
    while True:
        tile = rng.random() < 0.25
        fields = _tile(rng) if tile else _unit(rng)
        try:
            config = BitSerialConfig.from_dict(fields) if tile else MacConfig.from_dict(fields)
        except (BitmillError, ValidationError):
            continue
        if _is_modest(config):
            return config


def _is_modest(config: MacConfig | BitSerialConfig) -> bool:
    if isinstance(config, BitSerialConfig):
        return config.macs <= MODEST_PRODUCTS
    product = config.product
    work = config.macs * (product.significand_product_bits + 2 * config.accumulator_bits // config.lanes)
    return config.macs <= MODEST_PRODUCTS and work <= max(MODEST_BITS, 1.5 * config.accumulator_bits)


def _one_of(rng: np.random.Generator, *values: Any) -> Any:
    return values[int(rng.integers(len(values)))]


def _log(rng: np.random.Generator, most: int) -> int:
    """1 to ``most``, every octave as likely."""
    return int(np.exp(rng.uniform(0, np.log(most + 1))))


def _k_max(rng: np.random.Generator, lanes: int) -> int:
    return _one_of(rng, lanes, lanes, lanes + 1, 2 * lanes, lanes * _log(rng, 8) + int(rng.integers(lanes)),
                   max(lanes, _log(rng, 300)), max(lanes, _log(rng, 1 << 24)))  # fmt: skip


def _pipeline(rng: np.random.Generator, lanes: int) -> int | list[str]:
    """A depth, or a list of places that every unit of so many lanes has."""
    return _one_of(rng, 0, 1, 2, 3, ["sum"], ["multiply", "sum"], ["reduce"] if lanes > 1 else ["sum"])


def _unit(rng: np.random.Generator) -> dict[str, Any]:
    unit = _one_of(rng, "mac", "dot", "dot", "array")
    lanes = 1 if unit == "mac" else _one_of(rng, 1, 2, 3, 4, 5, 7, 8, 9, 13, 16)
    operands = NARROW if rng.random() < 0.7 else OPERANDS
    fields: dict[str, Any] = {
        "weight": _one_of(rng, *operands), "activation": _one_of(rng, *operands), "unit": unit, "lanes": lanes,
        "k_max": _k_max(rng, lanes), "multiplier": _one_of(rng, "logic", "operator", "columns", "bits", "digits", "placed"),
        "reduction": _one_of(rng, "tree", "tree", "compressed", "flat"),
        "pipeline": _pipeline(rng, lanes),
        "aligner": _one_of(rng, "grouped", "barrel", "placed", "binned", "counted", "early"),
        "scale": _one_of(rng, *["none"] * 6, "E8M0", "E4M3", "UINT4"),
        "saturated": bool(rng.integers(2)),
    }  # fmt: skip
    if unit == "array":
        fields |= {"rows": _one_of(rng, 1, 1, 2, 3, 5), "cols": _one_of(rng, 1, 2, 3, 4)}
        fields["lanes"] = lanes = _one_of(rng, 1, 1, 2, 3)
        fields["pipeline"] = _pipeline(rng, lanes)
        fields["k_max"] = _k_max(rng, lanes)
    if fields["scale"] != "none":
        fields["block"] = lanes * _one_of(rng, 1, 1, 2, 3)
    product = Product(formats.get(fields["weight"]), formats.get(fields["activation"]))
    # Of the formulations that few pairs have, the usual one mostly, or hardly any draw would be accepted.
    if product.exponent_span == 0 or product.significand_signed or lanes == 1:
        fields["aligner"] = "grouped"
    of_integers = product.significand_signed and not product.exponent_span
    if fields["multiplier"] in ("columns", "bits", "digits") and (lanes == 1 or not of_integers):
        fields["multiplier"] = _one_of(rng, "logic", "operator")
    if fields["multiplier"] == "placed":
        fields["aligner"] = "grouped"
        if lanes == 1 or product.significand_signed or not 0 < product.exponent_span < 16:
            fields["multiplier"] = _one_of(rng, "logic", "operator")
    if lanes == 1:
        fields["reduction"] = "tree"
    if fields["aligner"] == "counted" or fields["multiplier"] in ("bits", "digits"):
        fields["reduction"] = _one_of(rng, "compressed", "flat")
    fields["accumulator"] = _accumulator(rng, product, lanes, fields["k_max"], scaled=fields["scale"] != "none")
    if fields["reduction"] == "flat" and fields["scale"] != "none" and unit != "array":
        fields["reduction"] = "late"
    if fields["aligner"] == "early" and fields["accumulator"]["kind"] == "window":
        fields["reduction"] = _one_of(rng, "tree", "carried")
    if fields["accumulator"]["kind"] in ("exact", "window"):
        fields["saturated"] = False
    return fields


def _accumulator(rng: np.random.Generator, product: Product, lanes: int, k_max: int, *, scaled: bool) -> dict[str, Any]:
    kind = "float" if scaled else _one_of(rng, "exact", "fixed", "window", "float")
    if kind == "exact":
        needed = product.sum_bits(-(-k_max // lanes) * lanes)
        return {"kind": kind} | _one_of(rng, {}, {"width": needed}, {"width": needed + _log(rng, 40)}, {"width": 1024})
    if kind == "fixed":
        step = max(map(abs, product.sum_range(lanes))).bit_length()
        width = _one_of(rng, 2, 3, _log(rng, 40) + 1, step, step + 1, _log(rng, 1023) + 1)
        least = {"lsb": product.min_exponent + int(rng.integers(step))} if rng.random() < 0.3 and step else {}
        return {"kind": kind, "width": width, "overflow": _one_of(rng, "saturate", "wrap"), **least}
    rounding = {"rounding": _one_of(rng, "nearest-even", "truncate")}
    if kind == "window":
        return {"kind": kind, "width": _one_of(rng, 4, 5, 24, 48, int(rng.integers(4, 49))), **rounding}
    fused = {}
    if rng.random() < 0.4:
        fused = {"fused": lanes * _one_of(rng, 1, 2, 3, max(1, k_max // lanes), k_max // lanes)}
    return {"kind": kind, "format": _one_of(rng, "FP32", "FP16", "BF16"), **fused, **rounding}


def _tile(rng: np.random.Generator) -> dict[str, Any]:
    lanes = _one_of(rng, 1, 2, 3, 4, 5, 8)
    activation = _one_of(rng, "FP16", "BF16", "INT8")
    least = {"FP16": 11, "BF16": 8, "INT8": 7}[activation]
    group = lanes * _one_of(rng, 1, 1, 2, 3, 5, max(1, 17 // lanes), _log(rng, max(1, 512 // lanes)))
    fields = {
        "unit": "bit-serial", "rows": _one_of(rng, 1, 1, 2, 3), "cols": _one_of(rng, 1, 1, 2, 3), "lanes": lanes,
        "activation": activation, "weight_bits": _one_of(rng, 4, 6, 8), "group": group,
        "drop": _one_of(rng, 0, 0, 1, int(rng.integers(17)), 16),
        "k_max": _one_of(rng, lanes, group, max(lanes, _log(rng, 400)), max(lanes, group * _log(rng, 7))),
    }  # fmt: skip
    if activation != "INT8":
        window = _one_of(rng, least, 32, int(rng.integers(least, 33)))
        fields |= {"window": window, "group_exponent": _one_of(rng, "running", "given")}
    return fields
