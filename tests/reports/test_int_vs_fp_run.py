"""The study with real tools on small tensors, and what happens when it fails or is interrupted."""

from __future__ import annotations

import hashlib
import shutil

import numpy as np
import pytest

from bitmill.config import FloatAccumulator, MacConfig
from bitmill.hdl.emit import verilog
from bitmill.reports.int_vs_fp.report import REPORT
from bitmill.studies.int_vs_fp.accumulators import accumulator_jobs, gates_record
from bitmill.studies.int_vs_fp.arrays import array_jobs
from bitmill.studies.int_vs_fp.clocks import committed_timing, committed_timings
from bitmill.studies.int_vs_fp.hardware import hardware_jobs
from bitmill.studies.int_vs_fp.scales import ScaleBook
from bitmill.studies.int_vs_fp.study import ALL_PAIRS, UNITS, Case, Pair, Study
from bitmill.studies.int_vs_fp.verification import verification_jobs
from bitmill.studies.records import Record, Records, metric
from bitmill.system.errors import BitmillError
from bitmill.system.tools import yosys_release

RUN = "bitmill.studies.int_vs_fp.run"
run = REPORT.run


@pytest.fixture(scope="module")
def tensors(tmp_path_factory, layer):
    folder = tmp_path_factory.mktemp("tensors with spaces")
    np.save(folder / "w.npy", layer.weight)
    np.savez(folder / "x.npz", x=np.concatenate([layer.calibration, layer.held_out]))
    return {"weights": folder / "w.npy", "activations": f"{folder / 'x.npz'}:x"}


@pytest.fixture(scope="module")
def quick(tmp_path_factory, tensors):
    """A quick run with real tools, and its cache."""
    if shutil.which("iverilog") is None:
        pytest.fail("Icarus Verilog must be installed to test the report")
    out = tmp_path_factory.mktemp("report")
    return run(out, **tensors, quick=True, progress=False)


def test_a_quick_run_measures_verifies_and_writes_everything(quick):
    folder = quick.parent
    assert quick == folder / "index.html"
    names = {path.name for path in folder.iterdir()}
    assert {"index.html", "report.md", "records.json", "records.csv", "pareto-gates.svg"} <= names
    assert not [name for name in names if name.startswith(".")]
    records = Records.load(folder / "records.json")
    for pair in ("int4", "e2m1"):
        assert records[f"verified/{pair}-k1-exact"].number("products") >= 4 * 64
        assert records[f"verified/{pair}-k1-exact"].number("mismatches") == 0
        assert records[f"verification/{pair}-k1-exact/user"].number("output_stalls") > 0
        assert 100 < records[f"{pair}-k1-exact/generic"].number("logic") < 2000
        assert records[f"{pair}-k1-exact/ecp5-dsp"].tool_versions.keys() == {"yosys"}
        assert 20 < records[f"{pair}-k1-exact/clock"].number("fmax") < 400
        assert records[f"{pair}-k1-exact/clock"].seeds == (1,)


def test_parts_add_up(quick):
    records = Records.load(quick.parent / "records.json")
    for record in records.of_kind("parts"):
        parts = sum(record.number(part) for part in ("decode", "multiply", "align", "reduce", "accumulate", "control"))
        assert parts == pytest.approx(record.number("logic_per_mac"))
        assert record.number("flat") == pytest.approx(parts + record.number("registers"), rel=0.15)


def test_the_second_run_runs_no_tool_and_changes_no_byte(quick, tensors, monkeypatch):
    before = {path.name: path.read_bytes() for path in quick.parent.iterdir()}
    monkeypatch.setattr("bitmill.system.tools.run_tool", lambda *_, **__: pytest.fail("a tool was run again"))
    run(quick.parent, **tensors, quick=True, progress=False)
    assert {path.name: path.read_bytes() for path in quick.parent.iterdir()} == before


def fail_with(error):
    def failing(*_, **__):
        raise error

    return failing


@pytest.mark.parametrize("error", [KeyboardInterrupt(), BitmillError("nextpnr: failed")])
def test_a_run_that_ends_early_leaves_the_old_report(tmp_path, tensors, monkeypatch, error):
    (tmp_path / "index.html").write_text("old")
    monkeypatch.setattr(f"{RUN}.hardware_jobs", lambda study: iter([("place", fail_with(error))]))
    with pytest.raises(type(error)):
        run(tmp_path, **tensors, quick=True, progress=False)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"index.html": "old"}


def test_a_rendering_that_fails_leaves_the_old_report(tmp_path, tensors, monkeypatch, records):
    (tmp_path / "index.html").write_text("old")
    fewer = [record for record in records if record.topic not in ("parts", *REPORT.derives)]
    monkeypatch.setattr(f"{RUN}.measure_study", lambda *_, **__: fewer)
    with pytest.raises(BitmillError, match="parts/"):
        run(tmp_path, **tensors, quick=True, progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]


def test_inputs_are_checked_before_any_work(tmp_path, tensors, monkeypatch):
    monkeypatch.setattr(f"{RUN}.measure_study", lambda *_, **__: pytest.fail("work was done"))
    cases = (
        ({"weights": tensors["weights"]}, "activations must be given"),
        ({"activations": tensors["activations"]}, "weights must be given"),
        ({"calibration": tensors["weights"]}, "calibration must come with"),
        ({**tensors, "weights": tmp_path / "no.npy"}, "no such file"),
        ({**tensors, "seeds": ()}, "seeds must hold at least one"),
    )
    for arguments, message in cases:
        with pytest.raises(BitmillError, match=message):
            run(tmp_path / "out", **arguments, progress=False)


COMMITTED = "bitmill.studies.committed"


def _write_bench(results, record):
    (results / "bench").mkdir(exist_ok=True)
    (results / "bench" / "records.json").write_text(Records([record], study="bench").to_json(), encoding="utf-8")


@pytest.fixture
def bench_file(tmp_path, monkeypatch):
    """A benchmark file of one whole dot product, of a unit and tools that tests can change."""
    case = Case(Pair("INT4", "INT4"), "dot32")
    digest = hashlib.sha256(verilog.emit(case.config).encode()).hexdigest()
    monkeypatch.setattr(f"{COMMITTED}.RESULTS", tmp_path)

    def write(*, sha256=digest, tools=None):
        metrics = {name: metric(123.5, "MHz") for name in ("fmax", "fmax_min", "fmax_max")}
        metrics["placements"] = metric(3, "runs")
        record = Record("int4-k32-exact/clock", "bench", case.config.to_dict(), "", {"verilog_sha256": sha256},
                        tools or {"yosys": yosys_release()}, (1, 2, 3), metrics)  # fmt: skip
        _write_bench(tmp_path, record)
        return case

    return write


def test_a_committed_clock_of_the_same_unit_is_taken(bench_file):
    case = bench_file()
    found = committed_timings([case])[case.preset]
    assert (found.id, found.number("fmax")) == ("int4-k32-exact/clock", 123.5)
    assert found.flow["routed"] == "whole unit"
    assert "make bench" in found.flow["measured_by"]


def test_a_committed_clock_of_another_unit_or_tool_is_not(bench_file):
    assert committed_timings([bench_file(sha256="0" * 64)]) == {}
    assert committed_timings([bench_file(tools={"yosys": "0.1"})]) == {}
    bench_file()
    assert committed_timings([Case(Pair("INT8", "INT8"), "dot32")]) == {}
    assert committed_timings([Case(Pair("INT4", "INT4"), "mac")]) == {}


def test_clocks_with_dsp_blocks_are_of_the_unit_with_a_plain_multiplier(tmp_path, monkeypatch):
    case = Case(Pair("INT4", "INT4"), "mac")
    config = MacConfig.from_dict({**case.config.to_dict(), "multiplier": "operator"})
    digest = hashlib.sha256(verilog.emit(config).encode()).hexdigest()
    record = Record("int4-k1-exact/clock-dsp", "bench", config.to_dict(), "", {"verilog_sha256": digest},
                    {"yosys": yosys_release()}, (1,), {"fmax": metric(99, "MHz")})  # fmt: skip
    _write_bench(tmp_path, record)
    monkeypatch.setattr(f"{COMMITTED}.RESULTS", tmp_path)
    found = committed_timing(case, dsp=True)
    assert found is not None
    assert (found.id, found.number("fmax")) == ("int4-k1-exact/clock-dsp", 99)
    assert committed_timing(case) is None


@pytest.mark.parametrize("fresh", [True, False])
def test_committed_gates_are_taken_if_they_are_of_this_unit(tmp_path, monkeypatch, fresh):
    case = Case(Pair("INT4", "INT4"), "mac", FloatAccumulator(format="BF16"))
    digest = hashlib.sha256(verilog.emit(case.config).encode()).hexdigest() if fresh else "0" * 64
    record = Record("int4-k1-bf16/generic", "bench", case.config.to_dict(), "mac", {"verilog_sha256": digest},
                    {"yosys": yosys_release()}, (), {"logic_per_mac": metric(1, "1")})  # fmt: skip
    _write_bench(tmp_path, record)
    monkeypatch.setattr(f"{COMMITTED}.RESULTS", tmp_path)
    monkeypatch.setattr("bitmill.studies.int_vs_fp.accumulators.area_record", lambda case: f"counted {case.name}")
    found = gates_record(case)
    if fresh:
        assert (found.topic, found.number("logic_per_mac")) == ("area", 1)
    else:
        assert found == "counted int4-mac-bf16"


def test_the_whole_study_has_every_pair_and_unit(layer, tmp_path, monkeypatch):
    monkeypatch.setattr(f"{COMMITTED}.RESULTS", tmp_path)
    study = Study((layer,))
    book = ScaleBook()
    makers = (hardware_jobs(study), array_jobs(study), accumulator_jobs(study, book), verification_jobs(study, book))
    names = [name for jobs in makers for name, _ in jobs]
    assert len(names) == len(set(names))
    for pair in ALL_PAIRS:
        for unit in UNITS:
            assert {f"gates {pair.key}-{unit}", f"verify {pair.key}-{unit} on tiny"} <= set(names)
        for unit in ("mac", "dot32"):
            assert {f"ECP5 {pair.key}-{unit}"} <= set(names)
    assert {"ECP5 with DSP int8-dot32", "ECP5 e4m3-mac-fp32", "place and route e4m3-mac-fp32"} <= set(names)
    for array in ("int8-4x4", "int8-8x8", "e4m3-4x4", "e4m3-8x8"):
        wanted = {f"ECP5 {array}", f"ECP5 with DSP {array}", f"clock of {array}", f"verify {array} on tiny"}
        assert wanted <= set(names)
    for unit in ("int8-dot32-saturate18", "e4m3-dot32-window24", "e4m3-dot32-fp16-fused128", "e4m3-mac-fp16"):
        assert {f"gates {unit}", f"verify {unit} on tiny"} <= set(names)
    assert "accumulation of e5m2 on tiny" in names
    assert names[0] == "place and route e4m3-dot32", "the longest job starts first"


def test_layers_of_one_length_share_a_simulation(study, make_layer):
    long = make_layer("long", inputs=128)
    whole = Study((*study.layers, long))
    names = [name for name, _ in verification_jobs(whole, ScaleBook())]
    assert {"verify int8-dot32 on tiny+other", "verify int8-dot32 on long", "verify int8-mac on tiny"} <= set(names)
    others = len(whole.arrays) + len(whole.accumulated) + len(whole.accumulated_macs)
    assert len(names) == len(ALL_PAIRS) * 4 + others


def test_layers_need_names_of_their_own(layer):
    with pytest.raises(BitmillError, match="different names"):
        Study((layer, layer))
    with pytest.raises(BitmillError, match="routed_lanes"):
        Study((layer,), routed_lanes=33)
