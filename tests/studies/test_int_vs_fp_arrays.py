"""Cycles of layers on arrays, tiles for the RTL, and clocks over those of the bare MACs."""

from __future__ import annotations

import numpy as np
import pytest

from bitmill.config.presets import preset
from bitmill.studies.ids import unit_key
from bitmill.studies.int_vs_fp import verification
from bitmill.studies.int_vs_fp.arrays import clock_ratio_records, cycle_record, cycle_records
from bitmill.studies.int_vs_fp.scales import ScaleBook
from bitmill.studies.int_vs_fp.study import Case, Pair, Study
from bitmill.studies.records import Record, Records, metric

INT8 = Pair("INT8", "INT8")


def overhead(case: Case) -> float:
    """Cycles that one tile of ``rows`` steps takes beyond its steps."""
    rows = case.config.rows
    return cycle_record(case, "one", (rows, rows, rows)).number("cycles") - rows


@pytest.mark.parametrize(
    ("shape", "tiles", "steps"),
    [
        ((64, 64, 64), 64, 4096),
        ((9, 8, 100), 2, 200),
        ((9, 17, 100), 6, 600),
        ((8, 8, 4097), 1, 4104),
        ((1, 1, 3), 1, 3),
    ],
)
def test_cycles_are_the_steps_of_all_tiles_and_one_fill_and_drain(shape, tiles, steps):
    # 4097 products are one more than k_max: a second dot product of one step, which waits for the 8 results before it.
    case = Case(INT8, "8x8")
    record = cycle_record(case, "made up", shape)
    assert record.number("tiles") == tiles
    assert record.number("cycles") == steps + overhead(case)
    assert record.number("utilisation") == pytest.approx(100 * np.prod(shape) / 64 / record.number("cycles"))


def test_layers_are_outputs_by_tokens_by_inputs(layer):
    study = Study((layer,))
    found = {record.id: record for record in cycle_records(study)}
    assert len(found) == 4 * 2
    record = found["cycles/e4m3-4x4-k1-exact/tiny"]
    assert (record.config["M"], record.config["N"], record.config["K"]) == (8, 12, 64)
    assert record.number("tiles") == 2 * 3
    assert record.number("ideal_cycles") == 8 * 12 * 64 / 16


def test_arrays_run_tiles_of_the_layer(layer):
    case = Case(INT8, "8x8")
    weight, activation = verification._tiles(case, layer, 48, 3, ScaleBook())
    assert weight.shape == (verification.TILES, 8, 48)
    assert activation.shape == (verification.TILES, 8, 48)
    channels, tokens = verification._quantized(case, layer, ScaleBook())
    for tile in weight:
        picked = {row.tobytes() for row in tile}
        assert picked <= {row.tobytes() for row in np.ascontiguousarray(channels[:, :48])}
        assert len(picked) == 8, "no channel twice where there are enough"
    assert {row.tobytes() for tile in activation for row in tile} <= {row.tobytes() for row in tokens[:, :48].copy()}
    again = verification._tiles(case, layer, 48, 3, ScaleBook())
    assert np.array_equal(weight, again[0])
    assert np.array_equal(activation, again[1])


def test_a_layer_smaller_than_the_array_gives_channels_twice(make_layer):
    small = make_layer("small", outputs=3, tokens=2)
    weight, activation = verification._tiles(Case(INT8, "8x8"), small, 64, 1, ScaleBook())
    assert weight.shape == activation.shape == (verification.TILES, 8, 64)


def test_clock_ratios_compare_like_with_like():
    def timing(name: str, flow: str, clock: float) -> Record:
        config, part = preset(name), name.partition("-")[2]
        metrics = {"fmax": metric(clock, "MHz")}
        return Record(f"{unit_key(config)}/{flow}", "timing", config.to_dict(), part, metrics=metrics)

    records = Records([
        timing("int8-mac", "clock", 100), timing("int8-4x4", "clock", 90), timing("int8-4x4", "clock-dsp", 130),
        timing("e4m3-8x8", "clock", 80), timing("int8-dot32", "clock", 50),
    ])  # fmt: skip
    (found,) = clock_ratio_records(records)
    assert found.id == "clock-ratio/int8-4x4-k1-exact32/clock"
    assert found.number("fmax_to_mac") == pytest.approx(90)
    assert found.flow["derived_from"] == ["int8-4x4-k1-exact32/clock", "int8-k1-exact/clock"]
