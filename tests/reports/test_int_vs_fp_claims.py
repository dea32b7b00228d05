"""Claims of the int-vs-fp report: sums and ratios of the records that they name."""

import pytest

from bitmill.reports.int_vs_fp.claims import claims, derived_records
from bitmill.studies.records import Record, Records, metric


def test_claims_are_ratios_of_the_records_they_name(records):
    found = {record.id: record for record in records.of_kind("claim")}
    assert len(found) == len(claims())
    for record in found.values():
        sources = (source.split(": ") for source in record.flow["derived_from"])
        ours, *baselines = (records[name].number(metric) for name, metric in sources)
        expected = [(ours - baseline) / baseline * 100 for baseline in baselines] or [ours]
        assert record.number("ours") == pytest.approx(expected[0])
        assert record.metrics["published"].unit == record.metrics["ours"].unit
    assert found["claim/e4m3-fp32-vs-int8"].number("published") == 183
    assert found["claim/e4m3-vs-int8-dot32"].number("published") == 12.6
    assert found["claim/e4m3-window32-vs-24"].number("published") == 17
    assert found["claim/int8-4x4-lut4"].metrics["published"].value == 404
    assert found["claim/int8-8x8-cycles"].number("ours") == records["cycles/int8-8x8-k1-exact32/64x64x64"].number(
        "cycles"
    )


def test_sums_over_layers(records, study):
    total = records["verified/int8-k32-exact"]
    assert total.number("products") == len(study.layers) * 16 * 64
    assert total.flow["derived_from"] == ["verification/int8-k32-exact/tiny+other"]


def test_claims_without_their_units_are_left_out():
    record = Record("a/b", "accuracy", {}, "mac", {}, {}, (), {"sqnr": metric(1.0, "dB")})
    assert list(derived_records(Records([record]))) == []
