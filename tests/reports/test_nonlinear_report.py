"""The report of the non-linear units: errors as recorded before it, hardware by the machinery, every number traceable."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from bitmill.fpga.libraries import find_library
from bitmill.models.captured.capture import committed_rows
from bitmill.models.captured.rows import UNITS, of_unit
from bitmill.reports.nonlinear import text, view
from bitmill.reports.nonlinear.claims import claim_records
from bitmill.reports.nonlinear.report import REPORT, drawings
from bitmill.reports.nonlinear.tables import all_tables
from bitmill.reports.shown import Number
from bitmill.studies import committed
from bitmill.studies.measurements import Measurements
from bitmill.studies.nonlinear import accuracy, hardware, run
from bitmill.studies.nonlinear.units import HardwareUnit
from bitmill.studies.records import NONLINEAR, Records
from bitmill.tests.models import tiny_encoder

RESULTS = committed.RESULTS / NONLINEAR
FLOW = Measurements(NONLINEAR, hardware.MEASURED_BY)


class Tripler(wiring.Component):
    """``lanes`` registers of three times an input."""

    def __init__(self, lanes):
        self.lanes = lanes
        super().__init__({"i": In(4 * lanes), "o": Out(6 * lanes)})

    def elaborate(self, platform):
        m = Module()
        for lane in range(self.lanes):
            m.d.sync += self.o[6 * lane : 6 * lane + 6].eq(self.i[4 * lane : 4 * lane + 4] * 3)
        return m


TRIPLER = HardwareUnit(
    key="tripler", title="tripler", function="gelu", profile="ivit", lanes=(1, 16), build=Tripler,
    latency=lambda lanes: lanes + 1, period_ns=10.0,
)  # fmt: skip
SLOW = HardwareUnit(
    key="slow", title="slow tripler", function="layernorm", profile="accurate", lanes=(2,), build=Tripler, latency=lambda _: 9,
    cycles=lambda length, lanes: 3 * -(-length // lanes) + 5, formula="3 ceil(L / lanes) + 5", period_ns=20.0,
)  # fmt: skip


@pytest.fixture(scope="module")
def records():
    """A quick run's errors and the hardware of two small units."""
    jobs = [job() for _, job in hardware.hardware_jobs((TRIPLER, SLOW))]
    quick = run.measure(quick=True, progress=False)
    return REPORT.whole([*quick, *(record for batch in jobs for record in batch)])


def test_places_add_up(records):
    for unit in UNITS:
        for contender in view.titles(records, unit):
            whole = records[accuracy.accuracy_id(unit, contender, "captured/L197")]
            parts = [
                record for record in records.of_kind("accuracy")
                if record.id.startswith(f"{whole.id}/")
            ]  # fmt: skip
            places = {"softmax": 6, "gelu": 6, "layernorm": 13}[unit]
            assert len(parts) == places - whole.number("refused")
            assert whole.number("max") == max(part.number("max") for part in parts)
            elements = sum(part.number("elements") for part in parts)
            assert whole.number("elements") == elements
            mean = sum(part.number("mean") * part.number("elements") for part in parts) / elements
            assert whole.number("mean") == pytest.approx(mean, rel=1e-4)


def test_what_a_profile_refuses_is_said(records):
    found = records["accuracy/layernorm/ivit/captured/L197"]
    assert found.number("refused") == 1
    assert "accuracy/layernorm/ivit/captured/L197/layer-5-after-feed-forward" not in records
    assert "accuracy/layernorm/ideal/captured/L197/layer-5-after-feed-forward" in records
    assert any(
        "Places of the encoder whose parameters or scale LayerNorm refuses: 1 by I-ViT" in line
        for line in text.findings(records)
    )
    (table,) = (table for table in all_tables(records) if table.title == "LayerNorm on captured rows")
    refused = [row[:4] for row in table.rows if row[3] == "refused"]
    assert refused[0] == ("captured, L = 197", "layer 5, after feed-forward", "I-ViT", "refused")


def test_hardware_is_measured_by_every_flow(records):
    one, many, slow = (records[f"{part}/osu018"] for part in ("tripler/x1", "tripler/x16", "slow/x2"))
    assert 14 * one.number("logic") < many.number("logic") < 18 * one.number("logic")
    assert (one.number("period"), slow.number("period")) == (10.0, 20.0)
    generic, ecp5 = records["tripler/x16/generic"], records["tripler/x16/ecp5"]
    assert generic.number("registers") == ecp5.number("registers") == 6 * 16
    assert ecp5.number("logic") > 0
    assert one.config == {
        "key": "tripler", "title": "tripler", "unit": "gelu", "profile": "ivit", "lanes": 1, "target": "osu018",
    }  # fmt: skip
    cycles = records["tripler/x16/cycles"]
    assert [cycles.number(f"row_{length}") for length in (64, 197, 384)] == [4, 13, 24]
    assert cycles.number("latency") == 17
    assert records["slow/x2/cycles"].number("row_197") == 3 * 99 + 5
    assert "tripler/x1/clock" not in records


def test_only_routed_widths_get_a_clock():
    names = [name for name, _ in hardware.hardware_jobs((replace(TRIPLER, routed=(1,)),))]
    assert names[0] == "clock of tripler/x1"
    assert sum(name.startswith("clock") for name in names) == 1
    assert len(names) == 1 + 2 * 4


def test_committed_measurements_are_of_this_very_circuit(records, monkeypatch):
    part = next(TRIPLER.parts())
    known = Records([records["tripler/x1/generic"]], study=NONLINEAR)
    monkeypatch.setattr(committed, "committed_records", lambda study: known)
    taken = FLOW.gates(part)
    assert taken.flow["measured_by"] == hardware.MEASURED_BY
    assert "measured_by" not in replace(FLOW, fresh=True).gates(part).flow
    monkeypatch.setattr(committed, "digest_of", lambda _: "another")
    assert "measured_by" not in FLOW.gates(part).flow


def test_another_period_is_measured_again(records, monkeypatch):
    known = Records([records["tripler/x1/osu018"]], study=NONLINEAR)
    monkeypatch.setattr(committed, "committed_records", lambda study: known)
    assert "measured_by" in FLOW.cells(next(TRIPLER.parts()), find_library(), 10.0).flow
    other = FLOW.cells(next(TRIPLER.parts()), find_library(), 5.0)
    assert "measured_by" not in other.flow
    assert other.number("period") == 5.0


def test_published_hardware_stands_beside_ours(records):
    found = records["claim/ita-gelu-osu018-logic/tripler/x16"]
    assert found.number("published") == 3993
    assert found.number("ours") == records["tripler/x16/osu018"].number("logic")
    assert records["claim/ita-gelu-ecp5-logic/tripler/x16"].number("published") == 1588
    lane = records["claim/ita-gelu-osu018-logic/tripler/x1"]
    assert lane.number("ours") == records["tripler/x1/osu018"].number("logic")
    assert "1 lane" in lane.config["claim"]
    assert not [record for record in records.of_kind("claim") if "slow" in record.id]
    line = next(line for line in text.findings(records) if line.startswith("ITA's GELU (lanes: 1) takes 3,993 GE"))
    assert line.endswith(f"ours {records['tripler/x1/osu018'].number('logic'):,.0f} (tripler).")
    assert records["claim/ivit-gpu"].number("published") == 4.11
    assert "ours" not in records["claim/ivit-gpu"].metrics


def test_a_requantizer_is_compared_lane_by_lane(records):
    measured = records["tripler/x1/osu018"]
    found = []
    for lanes in (1, 16):
        config = {**measured.config, "key": f"r{lanes}", "lanes": lanes, "unit": "requantize"}
        found.append(replace(measured, id=f"r/x{lanes}/osu018", config=config))
    claims = [record.id for record in claim_records(Records(found, study=NONLINEAR)) if "ours" in record.metrics]
    assert claims == ["claim/ita-requantize-osu018-logic/r1/x1"]


def test_every_number_of_a_table_is_a_records(records):
    tables = all_tables(records)
    assert len(tables) == 9
    cells = [cell for table in tables for row in table.rows for cell in row if isinstance(cell, Number)]
    assert len(cells) > 500
    for cell in cells:
        assert cell.metric in records[cell.record].metrics
    for table in tables:
        assert {len(row) for row in table.rows} == {len(table.header)}, table.title


def test_every_number_of_the_answer_is_a_records(records):
    known = [entry.value for record in records for entry in record.metrics.values() if entry.value is not None]
    values = {round(value, digits) for value in known for digits in range(4)}
    answer = re.sub(
        r"\(\d+[^)]*\)|8-bit|to 8 bits|of 8 bits|LUT4",
        "",
        " ".join([*text.answer(records), *text.findings(records)]).replace("(cosine", "cosine"),
    )
    found = re.findall(r"(?<![\w-])\d[\d,]*(?:\.\d+)?(?![\w-])", answer)
    assert len(found) > 8
    assert [number for number in found if number != "16" and float(number.replace(",", "")) not in values] == []


def test_pictures_are_of_what_there_is(records):
    assert drawings(Records([], study=NONLINEAR)) == {}
    only = Records([record for record in records if record.topic == "inputs"], study=NONLINEAR)
    assert list(drawings(only)) == ["inputs"]


def test_curves_are_the_functions(records):
    exp, gelu = (records[f"curve/{name}/0.03125"] for name in ("exp/ivit", "gelu/ivit"))
    assert exp.flow["real"][:2] == [1.0, pytest.approx(np.exp(-1 / 32), rel=1e-5)]
    assert exp.flow["y"][0] == 1.0
    assert len(exp.flow["y"]) == 128
    # 2**f of I-ViT is linear: too great by up to 6 % of it between powers of two.
    assert 0.03 < exp.number("max") < 0.08
    assert gelu.flow["x"][0] == -4.0
    assert gelu.number("max") == records["accuracy/gelu/ivit/codes/0.03125"].number("max")


def test_histograms_count_every_element(records):
    rows = {found.place: found for found in of_unit(committed_rows(), "softmax")}
    for record in records.of_kind("inputs"):
        assert sum(record.flow["counts"]) == record.number("elements")
    assert records["inputs/softmax/layer-3"].number("elements") == rows["layer 3"].mask.sum()


def test_the_block_of_the_readme_has_a_row_per_profile(records):
    block = REPORT.block(records)
    for unit in UNITS:
        for title in view.titles(records, unit).values():
            assert f"| {view.unit_title(unit)} | {title} |" in block
    assert "| tripler | 16 |" in block
    assert REPORT.regenerate[0][0] in block


def test_a_quick_run_of_the_command(cli, here):
    ran = cli("report", "nonlinear", "-o", "out", "--quick")
    assert ran.status == 0
    assert ran.out.startswith("Take profile bitmill's accurate for softmax, GELU and LayerNorm (")
    assert ran.out.endswith(".\nout/index.html\n")
    found = Records.load(here / "out" / "records.json", study=NONLINEAR)
    assert not found.of_kind("hardware")
    assert {record.config["length"] for record in found.of_kind("accuracy") if record.config["kind"] == "t3"} == {64}
    assert json.loads((here / "out" / "records.json").read_text())["study"] == "nonlinear"
    assert (here / "out" / "report.md").read_text().startswith(f"# {REPORT.title}\n")
    assert [path.name for path in here.iterdir()] == ["out"]


def test_a_users_encoder_is_captured(tmp_path, monkeypatch):
    monkeypatch.setenv("BITMILL_CACHE", str(tmp_path / "cache"))
    folder = tiny_encoder.write(tmp_path / "tiny")
    captured = run.captured_rows(folder, quick=False)
    assert list(captured) == [24]
    assert {rows.length for rows in of_unit(captured[24], "softmax")} == {24}
    assert [rows.place for rows in of_unit(captured[24], "gelu")] == ["layer 0", "layer 1"]


def test_bad_models_are_one_line(refuses):
    line = refuses("report", "nonlinear", "-o", "out", "--model", "nowhere")
    assert re.match(r"model must be a folder with .*, not nowhere: no ", line)
