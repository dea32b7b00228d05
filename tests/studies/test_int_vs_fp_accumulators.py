"""What accumulators lose on layers, by other means than golden's, and which of them is worth its gates."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bitmill.config.accumulators import ExactAccumulator, FixedAccumulator, FloatAccumulator, WindowAccumulator
from bitmill.golden import choose_scale, decode
from bitmill.reports.int_vs_fp import view
from bitmill.reports.int_vs_fp.answer import cheapest_accumulator_sentences, harmless
from bitmill.studies.ids import accumulator_key, label_of
from bitmill.studies.int_vs_fp.accumulators import POLICY, error_records, worst_records
from bitmill.studies.int_vs_fp.accuracy import accuracy_records, quantize_activation, quantize_weight
from bitmill.studies.int_vs_fp.kinds import from_record
from bitmill.studies.int_vs_fp.study import ACCUMULATOR_PAIRS, Case, Pair, Study
from bitmill.studies.records import Records, metric

INT8, E4M3 = Pair("INT8", "INT8"), Pair("E4M3", "E4M3")


def errors(layer, pair, *accumulators):
    cases = [Case(pair, "dot32"), *(Case(pair, "dot32", accumulator) for accumulator in accumulators)]
    return error_records(cases, layer, 1, choose_scale)


def ratio_db(signal, noise):
    return 10 * np.log10(np.square(signal).sum() / np.square(noise).sum())


@pytest.mark.parametrize("pair", ACCUMULATOR_PAIRS, ids=lambda pair: pair.key)
def test_the_exact_accumulator_has_the_error_of_the_formats_alone(layer, pair):
    (exact,) = errors(layer, pair)
    wanted = {record.id: record for record in accuracy_records(Study((layer,), pairs=(pair,)), layer)}
    assert exact.metrics["error_sqnr"].value is None
    assert exact.number("total_sqnr") == pytest.approx(
        wanted[f"accuracy/tiny/{pair.key}/{POLICY.key}"].number("sqnr"), abs=1e-9
    )
    assert exact.number("outputs") == 8 * 12


def test_a_saturating_accumulator_loses_what_clipping_loses(layer):
    _, record = errors(layer, INT8, FixedAccumulator(width=14, overflow="saturate"))
    weight = quantize_weight(layer, "INT8", POLICY.rule)
    activation = quantize_activation(layer, "INT8", POLICY)
    w, x = (decode("INT8", part.codes) for part in (weight, activation))
    clipped = np.zeros((8, 12))
    for step in range(0, 64, 32):
        clipped = np.clip(clipped + w[:, step : step + 32] @ x[:, step : step + 32].T, -(2.0**13), 2.0**13 - 1)
    exact, scales = w @ x.T, weight.scales.values.reshape(-1, 1) * activation.scales.values.reshape(1, -1)
    assert (clipped != exact).any()
    assert record.number("error_sqnr") == pytest.approx(ratio_db(exact * scales, (exact - clipped) * scales))
    assert record.number("overflowed") == 0


def test_results_of_infinity_count_as_the_largest_number(layer):
    _, record = errors(layer, E4M3, FloatAccumulator(format="FP16"))
    weight = quantize_weight(layer, "E4M3", POLICY.rule)
    activation = quantize_activation(layer, "E4M3", POLICY)
    w, x = (decode("E4M3", part.codes) for part in (weight, activation))
    with np.errstate(over="ignore"):
        rounded = (w[:, :32] @ x[:, :32].T).astype(np.float16)
        rounded = (rounded.astype(np.float64) + w[:, 32:] @ x[:, 32:].T).astype(np.float16)
    infinite = np.isinf(rounded)
    assert 0 < infinite.sum() < infinite.size, "the made-up layer overflows somewhere"
    assert record.number("overflowed") == pytest.approx(100 * infinite.mean())
    seen, exact = np.clip(rounded.astype(np.float64), -65504, 65504), w @ x.T
    scales = weight.scales.values.reshape(-1, 1) * activation.scales.values.reshape(1, -1)
    assert record.number("error_sqnr") == pytest.approx(ratio_db(exact * scales, (exact - seen) * scales))


def test_a_wider_window_loses_less(layer):
    found = errors(layer, E4M3, *(WindowAccumulator(width=width) for width in (8, 12, 16, 24)))[1:]
    lost = [record.number("error_sqnr") for record in found]
    assert lost == sorted(lost)
    assert lost[0] > 20
    assert lost[-1] > 100


def test_many_tokens_are_sampled_by_seed(make_layer):
    layer = make_layer("long", tokens=50)
    cases = [Case(INT8, "dot32")]
    first, again, other = (error_records(cases, layer, seed, choose_scale)[0] for seed in (1, 1, 2))
    assert first.number("outputs") == 8 * 32
    assert first.metrics == again.metrics
    assert first.number("total_sqnr") != other.number("total_sqnr")


def test_the_worst_layer_is_the_one_that_loses_most(layer, make_layer):
    layers = (layer, make_layer("other", seed=2))
    parts = [record for one in layers for record in errors(one, INT8, FixedAccumulator(width=14, overflow="wrap"))]
    changed = [
        replace(part, metrics={**part.metrics, "error_sqnr": metric(value, "dB")}) if "wrap" in part.id else part
        for part, value in zip(parts, (0, 30.0, 0, 12.5), strict=True)
    ]
    worst = {record.id: record for record in worst_records(Records(changed))}
    assert set(worst) == {"accumulator/int8-k32-exact", "accumulator/int8-k32-wrap14"}
    assert worst["accumulator/int8-k32-wrap14"].number("error_sqnr") == 12.5
    assert worst["accumulator/int8-k32-exact"].metrics["error_sqnr"].value is None
    lost = [parts[i].number("total_sqnr") - parts[i + 1].number("total_sqnr") for i in (0, 2)]
    assert lost[0] != lost[1]
    assert worst["accumulator/int8-k32-wrap14"].number("total_sqnr_lost") == pytest.approx(max(lost))


def test_the_cheapest_harmless_accumulator_is_named(records):
    pair = INT8
    ranked = harmless(records, pair)
    costs = [records[f"{r.id.split('/')[1]}/generic"].number("total_per_mac") for r in ranked]
    assert costs == sorted(costs)
    assert all(r.number("total_sqnr_lost") <= 0.1 for r in ranked)
    assert view.accumulators(records, pair)[0] in ranked, "the exact one costs no accuracy"
    sentence = cheapest_accumulator_sentences(records)[0]
    kind, width = view.accumulator_label(ranked[0]).split()
    assert f"is the {width}-bit {kind} one ({costs[0]:,.0f})" in sentence


def test_names_of_units_tell_every_accumulator_apart(study):
    names = [case.name for case in (*study.cases, *study.arrays, *study.accumulated, *study.accumulated_macs)]
    assert len(names) == len(set(names))
    assert {"int8-dot32-saturate18", "e4m3-dot32-window32", "e4m3-dot32-fp32-fused128", "e4m3-mac-fp16"} <= set(names)


@pytest.mark.parametrize(
    ("accumulator", "key", "label"),
    [
        (ExactAccumulator(), "exact", "exact"),
        (FixedAccumulator(width=18, overflow="saturate"), "saturate18", "saturating 18"),
        (FixedAccumulator(width=16, overflow="wrap"), "wrap16", "wrapping 16"),
        (WindowAccumulator(width=24), "window24", "window 24"),
        (FloatAccumulator(format="BF16"), "bf16", "BF16"),
        (FloatAccumulator(format="FP16", fused=128), "fp16-fused128", "FP16 fused 128"),
    ],
)
def test_keys_and_labels(accumulator, key, label):
    assert (accumulator_key(accumulator), label_of(accumulator)) == (key, label)
    case = Case(E4M3, "dot32", accumulator)
    assert from_record(case.config.to_dict()) == accumulator
