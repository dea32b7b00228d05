"""The benchmarks' bookkeeping; nothing is measured here."""

from __future__ import annotations

import pytest

from bitmill.studies.bench import __main__ as bench
from bitmill.studies.bench.record import bench_record
from bitmill.studies.bench.units import _unit, clock_jobs, clock_ratio_records, gate_jobs, lut_jobs
from bitmill.studies.records import Records, metric

ARRAY = "int8-4x4-k1-exact32"


def made(name: str, **values: float):
    return bench_record(name, {}, {}, {key: metric(value, "s") for key, value in values.items()})


def test_the_table_says_which_way_a_target_goes():
    records = Records(
        [
            made("a", seconds=2, target_seconds=5), made("b", ratio=0.9, at_least_ratio=0.85),
            made("c", seconds=6, target_seconds=5), made("d", ratio=0.8, at_least_ratio=0.85), made("e", seconds=9),
        ],
        study="bench",
    )  # fmt: skip
    text = bench.render(records)
    assert "| a: seconds | 2 s | at most 5 s |" in text
    assert "| b: ratio | 0.9 s | at least 0.85 s |" in text
    assert "| c: seconds | 6 s | at most 5 s, **missed** |" in text
    assert "| d: ratio | 0.8 s | at least 0.85 s, **missed** |" in text
    assert text.startswith("# Benchmarks\n\n**2 of 4 targets are met; ")
    assert text.count("\n| ") == 5 + 1


def test_only_what_was_asked_for_is_measured_and_the_rest_kept(tmp_path, monkeypatch):
    old = Records(
        [made("lut4/x", lut4=1), made("encode/e4m3", seconds=1), made("int8-k1-exact/clock", fmax=50)], study="bench"
    )
    (tmp_path / "records.json").write_text(old.to_json(), encoding="utf-8")
    monkeypatch.setattr(bench, "encode_record", lambda: pytest.fail("measured"))
    monkeypatch.setattr(bench, "lut_jobs", lambda: iter([("lut4/x", lambda: made("lut4/x", lut4=7))]))
    monkeypatch.setattr(bench, "clock_jobs", lambda: iter([("fmax/int8-4x4", lambda: made(f"{ARRAY}/clock", fmax=40))]))
    bench.run(tmp_path, only=("lut4/", "fmax/int8-4"))
    found = Records.load(tmp_path / "records.json", study="bench")
    assert {record.id: next(iter(record.metrics.values())).value for record in found} == {
        "lut4/x": 7, "encode/e4m3": 1, "int8-k1-exact/clock": 50, f"{ARRAY}/clock": 40, f"clock-ratio/{ARRAY}/clock": 0.8
    }  # fmt: skip


def test_clocks_of_arrays_are_compared_with_their_own_macs():
    clocks = {
        name: made(name, fmax=value)
        for name, value in (
            ("int8-k1-exact/clock", 100.0),
            ("int8-8x8-k1-exact32/clock", 88.0),
            (f"{ARRAY}/clock-dsp", 120.0),
        )
    }
    (ratio,) = clock_ratio_records(clocks)
    assert ratio.id == "clock-ratio/int8-8x8-k1-exact32/clock"
    assert ratio.number("ratio") == pytest.approx(0.88)
    assert ratio.number("at_least_ratio") == 0.85


def test_names_say_what_is_built():
    config, dsp = _unit("int8-4x4-dsp")
    assert (config.multiplier, config.rows, dsp) == ("operator", 4, True)
    config, dsp = _unit("e4m3-dot32")
    assert (config.multiplier, config.lanes, dsp) == ("logic", 32, False)


def test_the_report_finds_its_units_among_the_benchmarks():
    clocks = {name for name, _ in clock_jobs()}
    assert {"fmax/e5m2-dot32", "fmax/int8-mac", "fmax/int8-8x8-dsp", "fmax/e4m3-4x4"} <= clocks
    assert {"area/e4m3-dot32-window24/generic", "area/e4m3-mac-fp16/generic"} <= {name for name, _ in gate_jobs()}
    assert "lut4/int8-8x8-dsp" in {name for name, _ in lut_jobs()}
