"""Random formats of users in random units, RTL against golden: what a table is accepted for, hardware does."""

from __future__ import annotations

import random
from typing import Any

import pytest

from bitmill import BitmillError, MacConfig, sim
from bitmill.hdl.emit.verilog import emit

SHORT, MANY = 3, 40


def table(dice: random.Random) -> dict[str, Any]:
    kind = dice.choice(["minifloat", "grid", "wide", "mirrored", "integer"])
    if kind == "minifloat":
        found: dict[str, Any] = {
            "exponent_bits": dice.randint(1, 8), "mantissa_bits": dice.randint(0, 6), "subnormals": dice.random() < 0.7,
            "top": dice.choice(["ieee", "fn", "finite", "fnuz"]),
        }  # fmt: skip
        return found | ({"bias": dice.randint(-200, 200)} if dice.random() < 0.5 else {})
    if kind == "integer":
        return {"width": dice.randint(1, 10), "signed": dice.random() < 0.7}
    count = 1 << dice.randint(1, 5)
    if kind == "wide":
        return {"values": [0, *(dice.randint(-31, 31) * 2.0 ** dice.randint(-28, 24) for _ in range(count - 1))]}
    values = [dice.choice([0.0, 1.0, -1.0, float("nan"), dice.randint(-99, 99) / 8]) for _ in range(count)]
    if kind == "mirrored":
        half = [0.0, *(abs(value) if value == value else 1.0 for value in values)][: max(1, count // 2)]
        values = [*half, *(-value for value in half)]
    return {"values": values}


def drawn(seed: int) -> MacConfig:
    """A unit whose weights, and perhaps activations, are of a random format; the seed alone says which."""
    for attempt in range(1000):
        dice = random.Random(f"user formats {seed} {attempt}")
        lanes = dice.choice([1, 2, 3, 8])
        array = {"unit": "array", "rows": 2, "cols": 2} if dice.random() < 0.2 else {"unit": "dot"}
        try:
            return MacConfig.from_dict({
                "weight": "MINE", "activation": dice.choice(["MINE", "OTHER", "INT8", "E4M3"]), **array, "lanes": lanes,
                "k_max": lanes * dice.choice([3, 40]),
                "accumulator": dice.choice([
                    {"kind": "exact"},
                    {"kind": "fixed", "width": dice.randint(2, 40), "overflow": dice.choice(["saturate", "wrap"])},
                    {"kind": "window", "width": dice.randint(4, 30)},
                    {"kind": "float", "format": dice.choice(["FP32", "FP16", "BF16"])},
                ]),
                "formats": {"MINE": table(dice), "OTHER": table(dice)},
            })  # fmt: skip
        except BitmillError:
            continue
    raise AssertionError("of a thousand units one must be accepted")


@pytest.mark.parametrize(
    "seed", [*range(SHORT), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(SHORT, MANY))]
)
def test_rtl_is_golden(seed: int) -> None:
    config = drawn(seed)
    assert sim.verify(config, seed=seed, dot_products=4, corner_steps=64, engine="compiled").mismatches == 0, config


@pytest.mark.parametrize("engine", ["cocotb", "compiled"])
def test_a_table_of_many_values_is_a_memory(engine: Any) -> None:
    dice = random.Random(9)
    values = [0.0, *(dice.randint(-4000, 4000) / 4 for _ in range(1023))]
    config = MacConfig.from_dict(
        {"weight": "X", "activation": "INT4", "k_max": 8, "formats": {"X": {"values": values}}}
    )
    text = emit(config)
    assert "[1023:0]" in text
    assert max(map(len, text.splitlines())) < 2000, "Icarus loses the end of longer comments"
    assert sim.verify(config, seed=1, dot_products=40, corner_steps=64, engine=engine).mismatches == 0
