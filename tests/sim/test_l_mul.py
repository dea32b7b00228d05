"""L-Mul's circuits against golden: all pairs of codes, every accumulator, scales, arrays, formulations."""

from __future__ import annotations

from typing import Any

import pytest

from bitmill import MacConfig
from bitmill.hdl.emit.manifest import manifest
from bitmill.hdl.emit.verilog import emit
from bitmill.sim import verify
from bitmill.sim.stimulus import exhaustive_pairs

RULES = ("l-mul", "l-mul-add")


def unit(name: str, rule: str, **fields: Any) -> MacConfig:
    return MacConfig.from_dict({"weight": name, "activation": name, "product_rule": rule, "k_max": 12, **fields})


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    ("name", "pipeline"),
    [
        ("E2M3", 3), ("E1M3", 2),
        *(pytest.param(*pair, marks=pytest.mark.long) for pair in (("E3M2", 0), ("E4M3", 0))),
    ],
)  # fmt: skip
def test_every_pair_of_codes(name: str, pipeline: int, rule: str) -> None:
    config = unit(name, rule, pipeline=pipeline)
    pairs = exhaustive_pairs(config)
    assert verify(config, seed=1, engine="compiled", codes=pairs).results == len(pairs[0])


UNITS_OF_ALL_SORTS: dict[str, dict[str, Any]] = {
    "fixed": {"unit": "dot", "lanes": 3, "saturated": True,
              "accumulator": {"kind": "fixed", "width": 18, "overflow": "saturate", "lsb": -10}},
    "window": {"unit": "dot", "lanes": 4, "accumulator": {"kind": "window", "width": 9}},
    "early": {"unit": "dot", "lanes": 2, "accumulator": {"kind": "window", "width": 9},
              "aligner": "early", "reduction": "carried"},
    "float": {"accumulator": {"kind": "float", "format": "FP16"}},
    "fused": {"unit": "dot", "lanes": 2, "accumulator": {"kind": "float", "fused": 6}},
    "scaled": {"unit": "dot", "lanes": 2, "accumulator": {"kind": "float"}, "scale": "E8M0", "block": 4},
    "array": {"unit": "array", "rows": 2, "cols": 2, "lanes": 2},
    "counted": {"unit": "dot", "lanes": 3, "aligner": "counted", "reduction": "flat"},
    "binned": {"unit": "dot", "lanes": 3, "aligner": "binned"},
    "placed": {"unit": "dot", "lanes": 2, "aligner": "placed"},
}  # fmt: skip


SHORT = ("window", "array", "scaled", "counted")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.long] * (name not in SHORT)) for name in UNITS_OF_ALL_SORTS]
)
def test_units_of_all_sorts(name: str) -> None:
    place = list(UNITS_OF_ALL_SORTS).index(name)
    config = unit(("E4M3", "E3M2")[place % 2], RULES[place // 2 % 2], **UNITS_OF_ALL_SORTS[name])
    assert verify(config, seed=2, engine="compiled", dot_products=20, corner_steps=40).results > 20


@pytest.mark.parametrize(("mantissa_bits", "offset"), [(7, 1), (7, 6), (7, 7), (7, "none"), (4, 3)])
def test_offsets_at_every_place_of_the_sum(mantissa_bits: int, offset: Any) -> None:
    for rule in RULES:
        rows = {"X": {"exponent_bits": 2, "mantissa_bits": mantissa_bits}}
        config = unit("X", rule, product_offset=offset, formats=rows)
        assert verify(config, seed=3, engine="compiled", dot_products=300, corner_steps=20).results > 300


def test_a_netlist_is_golden_and_the_verilog_says_what_subnormals_are() -> None:
    config = unit("E3M2", "l-mul-add", unit="dot", lanes=2)
    assert (
        verify(config, seed=4, engine="compiled", netlist="generic", dot_products=20, corner_steps=20).level
        == "generic"
    )
    header = " ".join(" ".join(line.strip("/* ") for line in emit(config).splitlines()[:60]).split())
    assert "codes of E3M2, lane 0 lowest, row after row; subnormal codes count as zero" in header
    assert "exponent and mantissa are added as one integer" in manifest(config, "", file_name="unit.v")["product"]
