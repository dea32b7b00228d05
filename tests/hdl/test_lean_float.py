"""Lean float accumulators: golden's bits where sums are subnormal, overflow, cancel to nothing, and are truncated."""

import pytest

from bitmill import MacConfig
from bitmill.hdl.accumulators import table
from bitmill.hdl.accumulators.lean_float import LeanFloatAccumulator, LeanWindowAccumulator
from bitmill.sim import verify


def unit(weight, activation="E2M1", *, lanes=2, **accumulator):
    return MacConfig.from_dict({
        "weight": weight, "activation": activation, "unit": "dot", "lanes": lanes, "k_max": 40, "pipeline": 0,
        "reduction": "compressed", "accumulator": {"kind": "float", **accumulator},
    })  # fmt: skip


@pytest.mark.parametrize(
    ("weight", "activation", "accumulator"),
    [
        ("E4M3", "E4M3", {"format": "FP32"}),
        ("E5M2", "E5M2", {"format": "FP16"}),
        ("E5M2", "E5M2", {"format": "FP16", "rounding": "truncate"}),
        ("E4M3", "E2M1", {"format": "BF16"}),
        ("INT8", "INT8", {"format": "FP16"}),
        ("INT4", "INT8", {"format": "BF16", "rounding": "truncate"}),
    ],
    ids=str,
)
def test_units_against_golden(weight, activation, accumulator):
    config = unit(weight, activation, **accumulator)
    assert table.for_config(config) is LeanFloatAccumulator
    result = verify(config, seed=9, dot_products=60, corner_steps=120)
    assert (result.mismatches, result.output_stalls > 0) == (0, True)


def test_windows_with_early_signs_have_it():
    fields = unit("E4M3").to_dict()
    del fields["reduction"]
    window = {**fields, "aligner": "early", "accumulator": {"kind": "window", "width": 24}}
    assert table.for_config(MacConfig.from_dict(window)) is LeanWindowAccumulator
