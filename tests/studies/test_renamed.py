"""Records of files from before ids changed: they are read under the names that they have now, with the same figures."""

import json
from pathlib import Path

import pytest

from bitmill.studies.committed import committed_records
from bitmill.studies.records import Records
from bitmill.studies.renamed import renamed_id
from bitmill.system.errors import BitmillError

OLD = json.loads(Path(__file__).with_name("old_records.json").read_text())


@pytest.mark.parametrize("study", OLD)
def test_old_records_are_read_as_what_they_are_called_now(study):
    now = committed_records(study)
    found = list(Records.from_json(json.dumps(OLD[study]), study=study))
    assert len(found) == len(OLD[study]["records"]) > 5
    for record, old in zip(found, OLD[study]["records"], strict=True):
        assert record.topic == now[record.id].topic
        # Figures that were added since are no old record's: library, area and leakage of standard cells.
        for name, metric in record.metrics.items():
            there = now[record.id].metrics[name]
            # Predictions have six digits since, their errors three decimals: machines differ in what is behind those.
            rounded = record.topic == "prediction"
            value = pytest.approx(metric.value, rel=1e-5, abs=5e-4) if rounded else metric.value
            assert (there.value, there.unit) == (value, metric.unit), (old["id"], record.id)
        assert set(now[record.id].metrics) - set(record.metrics) <= {"area", "leakage"}
        new = {name: value for name, value in now[record.id].flow.items() if name not in ("cells", "cpu_seconds")}
        old_flow = {name: value for name, value in record.flow.items() if name != "cells"}
        assert old_flow == new or record.topic in ("claim", "cost", "share")


def test_new_files_are_read_as_they_are():
    text = Records(committed_records("int-vs-fp")).to_json()
    document = json.loads(text)
    assert document["schema"] == 2
    document["records"] = document["records"][:1]
    document["records"][0]["id"] = "area/int8-mac/generic"
    assert "area/int8-mac/generic" in Records.from_json(json.dumps(document))
    document["schema"] = 3
    with pytest.raises(BitmillError, match="study and schema must be 'int-vs-fp' and 2, not 'int-vs-fp' and 3"):
        Records.from_json(json.dumps(document))


def test_every_kind_of_name():
    assert renamed_id("int-vs-fp", "area/int8-4x4/ecp5-dsp") == "int8-4x4-k1-exact32/ecp5-dsp"
    assert renamed_id("int-vs-fp", "timing/e4m3-dot4/ecp5") == "e4m3-k4-exact/clock"
    assert renamed_id("int-vs-fp", "verification/e4m3-dot32-fp16-fused128/user") == (
        "verification/e4m3-k32-fp16-fused128/user"
    )
    assert renamed_id("int-vs-fp", "accuracy/attention/int4/token-maximum") == "accuracy/attention/int4/token-maximum"
    assert renamed_id("bench", "fmax/int8-8x8-dsp") == "int8-8x8-k1-exact32/clock-dsp"
    assert renamed_id("bitmod", "cells/serial-pe/best-serial") == "serial-pe/osu018-best-serial"
    assert renamed_id("nonlinear", "hardware/gelu-fixed/x4/clock") == "gelu-fixed/x4/clock"
    assert renamed_id("study", "area/int8-mac/generic") == "area/int8-mac/generic"
