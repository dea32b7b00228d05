"""A seeded draw from everything that ``bitmill estimate`` accepts: every format, every accumulator, every field."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from ... import formats
from ...config import MacConfig
from ...formats import Product
from ...fpga.cost.lane_parts import ALIGNERS, MULTIPLIERS
from ...system.errors import BitmillError
from .measured_formats import LEAST_BITS

LANES = 64
"""Most lanes that are drawn."""

K_MAX = 1 << 20
"""Longest dot product that is drawn."""

_TRIES = 40

_KINDS = ("exact", "fixed", "window", "float")


def unit(seed: int, index: int) -> MacConfig:
    """The ``index``-th unit of a seed's draw, the same one whatever else was drawn.

    A field is drawn evenly over what the constructor accepts beside the fields drawn before it, widths and lengths evenly over
    their logarithms. A quarter of the units has the same format twice.

    Parameters
    ----------
    seed, index
        Which one.
    """
    dice = random.Random(f"bitmill cost model {seed} {index}")
    rows = [formats.get(name) for name in formats.names()]
    names = [fmt.name for fmt in rows if fmt.zero_code is not None and fmt.bits >= LEAST_BITS]
    weight = dice.choice(names)
    activation = weight if dice.random() < 0.25 else dice.choice(names)
    lanes = _spread(dice, 1, LANES)
    fields: dict[str, Any] = {
        "weight": weight,
        "activation": activation,
        "unit": "dot" if lanes > 1 or dice.random() < 0.25 else "mac",
        "lanes": lanes,
        "k_max": _spread(dice, lanes, K_MAX),
        "pipeline": dice.randrange(4),
    }
    kind = dice.choice(_KINDS)
    fields = _drawn(fields, "accumulator", lambda: _accumulator(dice, kind, fields))
    fields = _drawn(fields, "multiplier", lambda: dice.choice(tuple(MULTIPLIERS)))
    fields = _drawn(fields, "aligner", lambda: dice.choice(tuple(ALIGNERS)))
    if kind == "float" and fields["accumulator"].get("fused") is None:
        fields = _drawn(fields, "scale", lambda: dice.choice(("none", "E8M0")))
    fields = _drawn(fields, "saturated", lambda: dice.choice((False, True)))
    return MacConfig.from_dict(fields)


def _spread(dice: random.Random, least: int, most: int) -> int:
    """An integer of ``least .. most``, even over its logarithm."""
    return min(most, int(least * (most / least + 1 / least) ** dice.random()))


def _drawn(fields: dict[str, Any], name: str, draw: Callable[[], Any]) -> dict[str, Any]:
    """``fields`` with a value of ``name`` that the constructor accepts; without one if it accepts none of many."""
    for _ in range(_TRIES):
        found = {**fields, name: draw()}
        try:
            MacConfig.from_dict(found)
        except BitmillError:
            continue
        return found
    return {**fields, "accumulator": {"kind": "float"}} if name == "accumulator" else fields


def _accumulator(dice: random.Random, kind: str, fields: dict[str, Any]) -> dict[str, Any]:
    product = MacConfig.from_dict({**fields, "accumulator": {"kind": "float"}}).product
    steps = -(-fields["k_max"] // fields["lanes"])
    exact_bits = product.sum_bits(steps * fields["lanes"])
    return {"kind": kind, **_DRAWN[kind](dice, fields, product, exact_bits)}


def _exact(dice: random.Random, _fields: dict[str, Any], _product: Product, exact_bits: int) -> dict[str, Any]:
    return {"width": exact_bits + dice.randrange(17)} if dice.random() < 0.3 else {}


def _fixed(dice: random.Random, fields: dict[str, Any], product: Product, exact_bits: int) -> dict[str, Any]:
    found: dict[str, Any] = {"width": _spread(dice, 2, min(1024, exact_bits + 16))}
    found["overflow"] = dice.choice(("saturate", "wrap"))
    if dice.random() < 0.5:
        greatest = max(map(abs, product.sum_range(fields["lanes"])))
        found["lsb"] = product.min_exponent + dice.randrange(max(1, greatest.bit_length()))
    return found


def _window(dice: random.Random, _fields: dict[str, Any], _product: Product, _bits: int) -> dict[str, Any]:
    return {"width": dice.randint(4, 48), "rounding": dice.choice(("nearest-even", "truncate"))}


def _float(dice: random.Random, fields: dict[str, Any], _product: Product, _bits: int) -> dict[str, Any]:
    found: dict[str, Any] = {"format": dice.choice(("FP32", "FP16", "BF16"))}
    found["rounding"] = dice.choice(("nearest-even", "truncate"))
    if dice.random() < 0.25:
        found["fused"] = fields["lanes"] * _spread(dice, 1, max(1, fields["k_max"] // fields["lanes"]))
    return found


_DRAWN = {"exact": _exact, "fixed": _fixed, "window": _window, "float": _float}
"""Fields of accumulators of each kind."""
