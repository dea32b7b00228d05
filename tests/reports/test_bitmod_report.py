"""The BitMoD report: fresh from its committed records, targets met, every number traceable; quick runs and bad input."""

from __future__ import annotations

import re

import numpy as np
import pytest

from bitmill.models.encoder.sentences import SentencePair
from bitmill.reports.bitmod import text
from bitmill.reports.bitmod.derived import claims
from bitmill.reports.bitmod.report import REPORT
from bitmill.studies import committed
from bitmill.studies.bitmod import hardware, run
from bitmill.studies.bitmod.units import candidates
from bitmill.studies.measurements import SEEDS, Measurements
from bitmill.studies.records import BITMOD, Record, Records, metric
from bitmill.system.errors import BitmillError
from bitmill.tests.models import tiny_encoder

RESULTS = committed.RESULTS / BITMOD
PAIRS = [
    SentencePair("unrelated", "a b c", "d e"),
    SentencePair("sense", "a b", "b a f"),
    SentencePair("sibling", "g", ". a"),
]


@pytest.fixture(scope="module")
def records():
    return committed.committed_records(BITMOD)


@pytest.fixture(scope="module")
def files(records):
    return REPORT.page(records).files()


def test_derived_figures_are_those_of_the_measured_ones(records):
    again = REPORT.again(records)
    assert {record.id for record in again} == {record.id for record in records}
    for record in again:
        if record.topic in REPORT.derives:
            for key, value in record.metrics.items():
                assert records[record.id].metrics[key].value == pytest.approx(value.value)


def test_everything_was_measured(records):
    for candidate in candidates():
        for label in hardware.labels():
            assert f"cost/{candidate.key}/{label}" in records
        assert records[f"{candidate.pe.key}/clock"].seeds == SEEDS
        assert records[f"{candidate.pe.key}/power"].number("energy") > 0
        for part in candidate.parts:
            assert {f"{part.key}/generic", f"{part.key}/ecp5"} <= {record.id for record in records}
    assert {f"claim/{claim.key}" for claim in claims()} == {record.id for record in records.of_kind("claim")}


def test_targets_of_the_hardware(records):
    assert records["cost/fp16xfp16/8ns"].number("pe") < 3090
    for label in hardware.labels():
        # Bare, and with the same scaler on both sides.
        for name in ("relative_pe_4", "relative_4", "relative_scaled_4"):
            assert records[f"cost/serial-given/{label}"].number(name) >= 1.7, (label, name)
        assert records[f"share/generator/{label}"].number("share") <= 5
    run = records["run/serial-running"]
    assert (run.number("M"), run.number("K"), run.number("N")) == (384, 1536, 128)
    assert run.number("results") == 384 * 128
    assert run.number("products_per_cycle_and_pe") == pytest.approx(2, rel=0.001)


def test_targets_of_the_weights(records):
    error = {
        record.config["scheme"]: record.number("mse")
        for record in records.of_kind("weights")
        if record.id.count("/") == 1
    }
    assert all(error["bitmod-fp4"] < error[name] for name in ("int4", "int4-asym", "fp4", "ant4", "mxfp4"))
    assert all(error["bitmod-fp3"] < error[name] for name in ("int3", "int3-asym", "fp3"))
    assert all(record.number("pairs") >= 500 for record in records.of_kind("embeddings"))


def test_a_claim_by_hand(records):
    def tile(pe, row, column, operand_bits):
        total = {name: records[f"{name}/osu018-8ns"].number("total") for name in (pe, row, column)}
        return total[pe] + (total[row] + total[column] + operand_bits * flip_flop) / 8

    flip_flop = records["serial-pe/osu018-8ns"].number("flip_flop")
    serial, base = tile("serial-pe", "aligner", "generator", 57), tile("fp16xfp16-pe", "row-fp16", "column-fp16", 56)
    assert records["claim/area-edges"].number("ours") == pytest.approx(serial / base)
    assert records["claim/gain-serial-8ns"].number("ours") == pytest.approx(2 * base / serial)
    assert records["claim/gain-serial-8ns"].number("published") == pytest.approx(2.61, abs=0.005)
    assert records["claim/energy"].number("published") == pytest.approx(0.727, abs=0.001)


def test_every_number_of_the_answer_is_a_records(records):
    known = [entry.value for record in records for entry in record.metrics.values() if entry.value is not None]
    values = {round(value, digits) for value in known for digits in range(4)}
    found = re.findall(
        r"(?<![\w-])\d[\d,]*(?:\.\d+)?(?![\w-])", " ".join([*text.answer(records), *text.findings(records)])
    )
    names = {"8", "4", "16", "20", "32", "64", "128"}
    assert len(found) > 30
    assert [number for number in found if number not in names and float(number.replace(",", "")) not in values] == []


def test_the_block_of_the_readme_has_a_row_per_pe_and_scheme(records):
    block = REPORT.block(records)
    for candidate in candidates():
        assert f"| {candidate.title} | {candidate.bits} |" in block
    assert "| BitMoD FP4 | 128 | 4.109 | 1.000 |" in block
    assert REPORT.regenerate[0][0] in block


@pytest.fixture
def quickly(monkeypatch, tmp_path):
    """A quick run on a tiny encoder, whose hardware is made up."""

    def hardware_jobs(_libraries, *, fresh, quick):
        assert quick
        metrics = {"logic": metric(90, "GE"), "registers": metric(10, "GE"), "total": metric(100, "GE"), "delay": metric(7, "ns"),
                   "period": metric(8, "ns"), "flip_flop": metric(4, "GE")}  # fmt: skip
        for candidate in candidates()[:2]:
            found = [Record(f"{p.key}/osu018-8ns", "cells", {}, p.key, {}, {}, (), metrics) for p in candidate.parts]
            yield candidate.title, lambda found=found: found

    monkeypatch.setattr(run, "hardware_jobs", hardware_jobs)
    monkeypatch.setattr(run, "sentence_pairs", lambda: PAIRS)
    return tiny_encoder.write(tmp_path / "tiny")


def test_a_quick_run(quickly, tmp_path):
    page = REPORT.run(tmp_path / "out", model=quickly, quick=True, progress=False)
    found = Records.load(tmp_path / "out" / "records.json", study=BITMOD)
    assert page == tmp_path / "out" / "index.html"
    assert {record.config["scheme"] for record in found.of_kind("embeddings")} == set(run.QUICK_SCHEMES)
    assert found["cost/serial/8ns"].number("relative_pe_4") == pytest.approx(2)
    assert found["compare/int4"].number("mse") > 1
    assert not found.of_kind("run")
    assert "BitMoD" in page.read_text()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_failure_leaves_the_old_report(quickly, tmp_path, monkeypatch):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "index.html").write_text("old")
    monkeypatch.setattr(run, "arithmetic_jobs", lambda _: iter([("fails", _fail)]))
    with pytest.raises(BitmillError, match="no such luck"):
        REPORT.run(tmp_path / "out", model=quickly, quick=True, progress=False)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["index.html"]


def _fail():
    raise BitmillError("no such luck")


def test_committed_measurements_are_of_this_very_circuit(records, monkeypatch):
    part = candidates()[0].edges[0]
    taken = Measurements(BITMOD, hardware.MEASURED_BY).gates(part)
    assert taken.number("logic") == records[f"{part.key}/generic"].number("logic")
    assert taken.flow["measured_by"] == hardware.MEASURED_BY
    monkeypatch.setattr(committed, "digest_of", lambda _: "another")
    fresh = Measurements(BITMOD, hardware.MEASURED_BY).gates(part)
    assert "measured_by" not in fresh.flow
    assert fresh.number("logic") == taken.number("logic")
    assert "measured_by" not in Measurements(BITMOD, hardware.MEASURED_BY, fresh=True).gates(part).flow


def test_bad_models_are_one_line(refuses, here):
    line = refuses("report", "bitmod", "-o", "out", "--model", "nowhere")
    assert re.match(r"model must be a folder with .*, not nowhere: no ", line)
    folder = tiny_encoder.write(here / "cut")
    (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:999])
    assert "model.safetensors" in refuses("report", "bitmod", "-o", "out", "--model", "cut")
    weights = tiny_encoder.tensors()
    weights["encoder.layer.0.output.dense.weight"][0, 0] = np.nan
    tiny_encoder.write(here / "nan", weights=weights)
    assert "must be finite" in refuses("report", "bitmod", "-o", "out", "--model", "nan")
