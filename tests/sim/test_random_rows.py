"""Random configurations of units of rows over all that they accept: each is told its constants and built, some are verified."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from bitmill.config.family import config_of
from bitmill.config.rows import ROW_KEYS
from bitmill.golden.rows.families import ROWS
from bitmill.hdl import build
from bitmill.sim import verify
from bitmill.sim.row_payload import control_widths, controls
from bitmill.system.errors import BitmillError

SCALE, RATIO = "scale", "ratio"
_IVIT = {
    "lanes": range(1, 6), "max_length": range(1, 25), "input_bits": range(2, 17), "x0_bits": range(1, 31),
    "fraction_bits": range(1, 31), "output_bits": range(2, 32), "scale": SCALE, "reciprocal_rounding": ["floor", "nearest"],
}  # fmt: skip
_NORM = {
    "lanes": range(1, 5), "max_length": range(1, 25), "input_bits": range(2, 17), "output_bits": range(2, 33),
    "scale": SCALE, "output_scale": SCALE, "epsilon_fraction_bits": range(63), "root_fraction_bits": range(2, 32),
    "factor_guard_bits": range(1, 17), "normalized_fraction_bits": range(1, 17), "multiplier_bits": range(2, 32),
    "shift_bits": range(6), "ties": ["even", "up"], "multiplier": ["logic", "operator"],
}  # fmt: skip
SPACE = {
    "softmax": {
        "lanes": range(1, 7), "max_length": range(1, 25), "fraction_bits": range(1, 7), "guard_bits": range(1, 9),
        "slope_bits": range(2, 21), "table_bits": range(4, 13), "reciprocal_bits": range(4, 21), "entry_bits": range(5, 25),
        "output_bits": range(4, 13), "scale": SCALE, "scale_is_fixed": [False, True],
    },
    "shiftmax": _IVIT,
    "gelu": {
        "lanes": range(1, 7), "segment_bits": range(1, 7), "value_fraction_bits": range(1, 13),
        "slope_fraction_bits": range(1, 13), "slope_bits": range(2, 17), "scale": SCALE, "table": ["registers", "memory"],
    },
    "shift-gelu": {**_IVIT, "maximum": ["row", "element"]},
    "layernorm": _NORM,
    "rmsnorm": _NORM,
    "newton-norm": {
        "lanes": range(1, 5), "max_length": range(1, 25), "input_bits": range(2, 17), "bits_per_cycle": range(1, 32),
        "multiplier": ["logic", "operator"], "output_scale": SCALE, "mean_rounding": ["nearest-even", "floor"],
        "root_iterations": range(1, 65),
    },
    "requantize": {
        "lanes": range(1, 4), "input_bits": range(2, 34), "output_bits": range(2, 33), "multiplier_bits": range(1, 32),
        "shift_bits": range(1, 9), "ties": ["even", "up"], "ratio": RATIO,
    },
}  # fmt: skip


def drawn(unit, rng):
    """Fields of a unit, some of them left to their defaults."""
    fields = {"unit": unit}
    for name, space in SPACE[unit].items():
        if name not in ("lanes", "max_length") and rng.random() < 0.4:
            continue
        if space is SCALE:
            fields[name] = 2.0 ** rng.uniform(-12, 3)
        elif space is RATIO:
            fields[name] = rng.choice([-1, 1]) * 2.0 ** rng.uniform(-30, 10)
        else:
            fields[name] = rng.choice(space)
    if "norm" in unit:
        fields["max_length"] = fields["lanes"] * rng.randint(1, 8)
    if unit == "shift-gelu" and fields.get("maximum", "element") == "element":
        del fields["max_length"]
    return fields


def accepted(unit, rng, count) -> Iterator[Any]:
    """So many configurations."""
    while count:
        try:
            config = config_of(drawn(unit, rng))
        except BitmillError:
            continue
        count -= 1
        yield config


def test_all_families_are_drawn():
    assert tuple(SPACE) == ROW_KEYS


@pytest.mark.parametrize("unit", ROW_KEYS)
def test_what_is_accepted_is_told_its_constants_and_built(unit):
    rng = random.Random(f"71 {unit}")
    for index, config in enumerate(accepted(unit, rng, 60)):
        told = ROWS.of(config).told(config)
        widths = control_widths(config)
        for cycle in controls(config, told):
            assert all(0 <= value < 1 << widths[name] for name, value in cycle.items()), config
        if index % 10 == 0:
            assert build(config).LATENCY > 0
        assert type(config).from_dict(config.to_dict()) == config


@pytest.mark.long
@pytest.mark.parametrize("number", range(6))
@pytest.mark.parametrize("unit", ROW_KEYS)
def test_what_is_accepted_is_golden(unit, number):
    (config,) = accepted(unit, random.Random(f"72 {unit} {number}"), 1)
    verify(config, seed=number, dot_products=10, corner_steps=30, engine="compiled")
