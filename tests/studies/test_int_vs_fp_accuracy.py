"""Accuracy of quantized layers against a slow computation of its own, by values and not by codes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bitmill import formats
from bitmill.models.layers import Layer
from bitmill.studies.int_vs_fp.accuracy import (
    accuracy_records,
    layer_record,
    quantize_activation,
)
from bitmill.studies.int_vs_fp.scales import ScaleBook
from bitmill.studies.int_vs_fp.study import ALL_PAIRS, POLICIES, Pair, Policy, Study


def nearest(name: str, x: np.ndarray) -> np.ndarray:
    """The format's closest value to each number; ties do not happen in random data."""
    fmt = formats.get(name)
    decoded = (fmt.decode(code).value_or_none() for code in range(1 << fmt.bits))
    values = np.array(sorted({float(value) for value in decoded if value is not None}))
    return values[np.abs(x[..., None] - values).argmin(axis=-1)]


def expected_sqnr(layer: Layer, pair: Pair, granularity: str) -> float:
    """Maximum scales, each slice on its own, sums by ``math.fsum``."""
    top_w, top_a = (float(formats.get(name).max_value) for name in (pair.weight, pair.activation))
    weight = np.stack([nearest(pair.weight, row / (s := abs(row).max() / top_w)) * s for row in layer.weight])
    static = abs(layer.calibration).max() / top_a
    inputs = np.stack([
        nearest(pair.activation, token / (s := abs(token).max() / top_a if granularity == "token" else static)) * s
        for token in layer.held_out
    ])  # fmt: skip
    signal = noise = 0.0
    for token, rounded in zip(layer.held_out, inputs, strict=True):
        for row, rounded_row in zip(layer.weight, weight, strict=True):
            exact = math.fsum(a * b for a, b in zip(token, row, strict=True))
            signal += exact**2
            noise += (exact - math.fsum(a * b for a, b in zip(rounded, rounded_row, strict=True))) ** 2
    return 10 * math.log10(signal / noise)


@pytest.mark.parametrize("pair", ALL_PAIRS, ids=lambda pair: pair.key)
def test_maximum_scales_match_a_direct_computation(layer, pair):
    found = {record.id: record for record in accuracy_records(Study((layer,), pairs=(pair,)), layer)}
    for granularity in ("token", "tensor"):
        record = found[f"accuracy/tiny/{pair.key}/{granularity}-maximum"]
        assert record.number("sqnr") == pytest.approx(expected_sqnr(layer, pair, granularity), abs=1e-6)


def test_least_squares_lowers_the_error_of_what_it_was_chosen_on(layer):
    for record in accuracy_records(Study((layer,)), layer):
        if record.config["rule"] == "least-squares":
            other = record.id.replace("least-squares", "maximum")
            maximum = next(r for r in accuracy_records(Study((layer,)), layer) if r.id == other)
            assert record.number("weight_error") <= maximum.number("weight_error")
            if record.config["activation_scale"] == "token":
                assert record.number("activation_error") <= maximum.number("activation_error")
            return
    pytest.fail("no least-squares record")


def test_static_scales_do_not_see_held_out_values(layer):
    louder = Layer("tiny", "made up", layer.weight, layer.calibration, layer.held_out * 100)
    policy = Policy("tensor", "maximum")
    scales = [quantize_activation(one, "INT8", policy).scales.values for one in (layer, louder)]
    assert scales[0] == scales[1]
    codes = quantize_activation(louder, "INT8", policy).codes
    assert np.count_nonzero(codes == 127) > 10, "values beyond the calibrated range must saturate"


def test_every_pair_policy_and_layer_has_one_record(study):
    ids = [record.id for layer in study.layers for record in accuracy_records(study, layer)]
    assert len(ids) == len(set(ids)) == 9 * len(POLICIES) * len(study.layers)


def test_an_exact_layer_has_no_sqnr_and_still_a_record():
    ones = np.ones((2, 32))
    layer = Layer("exact", "made up", ones, ones, ones)
    records = list(accuracy_records(Study((layer,), pairs=(Pair("INT8", "INT8"),)), layer))
    assert [record.metrics["sqnr"].value for record in records] == [None] * 4


def test_the_scale_book_gives_what_golden_gives_from_memory_and_from_disk(layer, tmp_path, monkeypatch):
    monkeypatch.setenv("BITMILL_CACHE", str(tmp_path))
    study = Study((layer,), pairs=(Pair("INT4", "INT8"), Pair("E2M1", "E4M3")))
    plain = list(accuracy_records(study, layer))
    assert list(accuracy_records(study, layer, ScaleBook())) == plain
    assert any(tmp_path.iterdir())
    monkeypatch.setattr("bitmill.golden.choose_scale", None)
    assert list(accuracy_records(study, layer, ScaleBook())) == plain


def test_layer_record_counts_products(layer):
    assert layer_record(layer).number("products") == 8 * 12 * 64
