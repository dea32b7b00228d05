"""Records: what is written is read back, and bad files are refused."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from dataclasses import replace

import pytest

from bitmill.studies.records import Metric, Record, Records, metric
from bitmill.system.errors import BitmillError


def one(record_id: str = "a/b", **metrics: float) -> Record:
    found = {name: metric(value, "dB") for name, value in metrics.items()}
    return Record(record_id, "accuracy", {"k": [1, 2]}, "mac", {"dsp": False}, {"yosys": "0.70"}, (1, 2), found)


def test_json_round_trip_is_exact(records, tmp_path):
    path = tmp_path / "records.json"
    path.write_text(records.to_json())
    again = Records.load(path)
    assert list(again) == list(records)
    assert again.to_json() == records.to_json()


def test_every_record_states_what_it_takes_to_repeat_it(records):
    document = json.loads(records.to_json())
    assert document["study"] == "int-vs-fp"
    for row in document["records"]:
        assert {"id", "study", "config", "unit", "flow", "tool_versions", "seeds", "metrics"} <= set(row)
        assert row["study"] == "int-vs-fp"
        assert row["metrics"]
        assert all(set(entry) == {"value", "unit"} and entry["unit"] for entry in row["metrics"].values())


def test_csv_has_a_line_per_metric(records):
    rows = list(csv.DictReader(io.StringIO(records.to_csv())))
    assert len(rows) == sum(len(record.metrics) for record in records)
    for row in rows:
        value = records[row["id"]].metrics[row["metric"]].value
        assert (row["value"] == "") if value is None else float(row["value"]) == value
        assert row["metric_unit"] == records[row["id"]].metrics[row["metric"]].unit


def test_numbers_without_a_value():
    assert metric(math.inf, "dB") == Metric(None, "dB")
    assert metric(3.0, "LUT4") == Metric(3, "LUT4")
    record = one(sqnr=math.inf)
    assert json.loads(Records([record]).to_json())["records"][0]["metrics"]["sqnr"]["value"] is None
    with pytest.raises(BitmillError, match="a/b has no value 'sqnr'"):
        record.number("sqnr")
    with pytest.raises(BitmillError, match="no value 'area'; it has sqnr"):
        record.number("area")


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_records_are_strict_json(constant, records):
    written = records.to_json()
    json.loads(written, parse_constant=pytest.fail)
    spoilt = re.sub(r'"value": [\d.]+', f'"value": {constant}', written, count=1)
    with pytest.raises(
        BitmillError, match=f"^records.json: not a records file of bitmill: {constant} is no number of JSON$"
    ):
        Records.from_json(spoilt)
    with pytest.raises(ValueError, match="JSON"):
        Records([replace(one(), flow={"x": math.nan})]).to_json()


def test_missing_and_doubled_ids():
    with pytest.raises(BitmillError, match="no 'x/y'"):
        Records([one()])["x/y"]
    with pytest.raises(BitmillError, match="unique"):
        Records([one(), one()])


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"study": "int-vs-fp", "schema": 1, "records": [{"id": "a"}]}', "3"])
def test_other_files_are_refused_in_one_line(text):
    with pytest.raises(BitmillError) as caught:
        Records.from_json(text, source="some.json")
    assert str(caught.value).startswith("some.json: not a records file")
    assert "\n" not in str(caught.value)


def test_other_studies_and_schemas_are_refused(records):
    for old, new in (('"int-vs-fp"', '"other"'), ('"schema": 2', '"schema": 3')):
        with pytest.raises(BitmillError, match="study and schema"):
            Records.from_json(records.to_json().replace(old, new, 1))


def test_an_unreadable_file(tmp_path):
    with pytest.raises(BitmillError, match="cannot read"):
        Records.load(tmp_path / "no.json")


def test_records_of_another_study():
    other = Record("b/c", "bench", {}, "", {}, {}, (), {"seconds": metric(2, "s")})
    text = Records([other], study="bench").to_json()
    mixed = text.replace('"study": "bench"', '"study": "int-vs-fp"', 1)
    with pytest.raises(BitmillError, match="b/c: study must be 'int-vs-fp', not 'bench'"):
        Records.from_json(mixed)
    assert list(Records.from_json(text, study="bench")) == [other]
    with pytest.raises(BitmillError, match="study and schema must be 'int-vs-fp'"):
        Records.from_json(text)
