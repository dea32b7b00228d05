"""Studies of power and of area against clock: what units work on, what is measured, and what the page shows of it."""

import json
import re

import ml_dtypes
import numpy as np
import pytest

from bitmill import BitmillError, MacConfig
from bitmill.fpga.power_parts import POWER_PARTS
from bitmill.fpga.standard_cells import Mapped, StandardCells
from bitmill.models.sample import load_layer
from bitmill.reports.sweep.cells import energy_answer
from bitmill.reports.sweep.report import _words, study_report
from bitmill.sim.payload import PayloadLayout
from bitmill.studies.circuits import Measured
from bitmill.studies.libraries import library_named
from bitmill.studies.records import STUDY, Record, Records, metric
from bitmill.studies.sweep import clocks
from bitmill.studies.sweep.engine import run_tasks
from bitmill.studies.sweep.measurement import record_of
from bitmill.studies.sweep.operands import unit_stimulus
from bitmill.studies.sweep.run import study_record
from bitmill.studies.sweep.study_file import StudyFile
from bitmill.studies.sweep.targets import tasks_of
from bitmill.studies.sweep.task import Task

PERIODS = (4.0, 3.0)
STUDY_FIELDS = {
    "title": "power",
    "grid": [{"pairs": ["INT2", "E2M1"], "k_max": [8]}],
    "targets": {"osu018": [4.0], "curve": list(PERIODS), "power": {"period_ns": 20.0, "cycles": 64}},
}


def config_of(name="E4M3", *, lanes=4, k_max=4096):
    return MacConfig(weight=name, activation=name, unit="dot" if lanes > 1 else "mac", lanes=lanes, k_max=k_max)


def steps(config, operands, cycles):
    stimulus = unit_stimulus(config, operands, cycles)
    assert {len(values) for values in stimulus.values()} == {cycles}
    assert set(stimulus["i_valid"]) == set(stimulus["o_ready"]) == {1}
    return PayloadLayout.of(config).unpack_steps(stimulus["i_payload"])


def test_layer_operands_are_codes_of_the_layer():
    config, sample = config_of(), load_layer("attention")
    weights, activations, last = steps(config, "layer", 200)
    # 384 inputs are 96 steps of four lanes: the third dot product is cut off.
    assert np.flatnonzero(last).tolist() == [95, 191]
    for index, (tensor, codes) in enumerate([(sample.weight, weights), (sample.held_out, activations)] * 2):
        row = index // 2
        values = codes[96 * row : 96 * (row + 1)].astype(np.uint8).view(ml_dtypes.float8_e4m3fn).astype(float).ravel()
        wanted = tensor[row].astype(float)
        scale = np.abs(wanted).max() / 448
        # Half a unit in the last of three mantissa bits, or half the least subnormal.
        assert np.all(np.abs(values * scale - wanted) <= np.maximum(np.abs(wanted) / 15.9, scale * 2**-9))


def test_dot_products_are_no_longer_than_the_unit_takes():
    config = config_of("INT8", lanes=4, k_max=6)
    weights, activations, last = steps(config, "layer", 9)
    assert last.tolist() == [False, True] * 4 + [False]
    # Six products are two steps, the second with two empty lanes.
    for codes in (weights, activations):
        assert not codes[1::2, 2:].any()
        assert codes[1::2, :2].any()


def test_uniform_operands_are_all_finite_codes():
    weights, activations, _ = steps(config_of(lanes=8), "uniform", 512)
    nan = {0x7F, 0xFF}
    for codes in (weights, activations):
        assert set(np.unique(codes)) == set(range(256)) - nan
    assert (weights != activations).mean() > 0.9
    assert unit_stimulus(config_of(), "uniform", 32) == unit_stimulus(config_of(), "uniform", 32)


def tasks():
    study = StudyFile.from_dict(STUDY_FIELDS, source="s.toml")
    return study, list(tasks_of(study.expand(), study.targets))


def test_every_task_has_its_key():
    keys = [task.key for task in tasks()[1]]
    assert [key.partition("/")[2] for key in keys if key.startswith("int2-k1-exact-max8/")] == [
        "osu018-4ns", "osu018-3ns", "spread-4ns", "spread-3ns", "fastest", "power-layer-20ns", "power-uniform-20ns",
    ]  # fmt: skip
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    ("power", "message"),
    [
        ({"operands": ["real"]}, "targets.power.operands.0: must be 'layer' or 'uniform', not 'real'"),
        ({"operands": []}, "targets.power.operands: must hold at least 1 value(s), not []"),
        ({"period_ns": 0}, "targets.power.period_ns: must be greater than 0, not 0"),
        ({"cycles": 1}, "targets.power.cycles: must be at least 2, not 1"),
    ],
)
def test_mistakes_are_told_in_one_line(power, message):
    with pytest.raises(BitmillError) as error:
        StudyFile.from_dict({**STUDY_FIELDS, "targets": {"power": power}}, source="s.toml")
    assert str(error.value).replace("()", "[]") == f"s.toml: {message}"


def test_power_is_split_and_told_in_full():
    wanted = [task for task in tasks()[1] if task.target == "power" and task.unit.weight == "INT2"]
    layer, uniform = run_tasks(wanted)
    for record in (layer, uniform):
        assert record.topic == "power"
        assert sum(record.number(part) for part in POWER_PARTS) == pytest.approx(record.number("energy"))
        assert 0 < record.number("leakage") < 0.01 * record.number("energy")
        assert record.number("power") == pytest.approx(record.number("energy") / 20)
        assert record.flow["clock_gating"] is False
        assert all(word in record.flow["left_out"] for word in ("wires", "clock tree", "glitches"))
        json.dumps(record.flow)
    assert (layer.seeds, uniform.seeds) == ((), (1,))
    assert layer.flow["stimulus_sha256"] != uniform.flow["stimulus_sha256"]
    # Of two bits, with scales by the maximum, most codes of a real layer are zero.
    assert uniform.number("multiply") > 2 * layer.number("multiply")
    assert uniform.number("registers") > layer.number("registers") > 0


def searches(monkeypatch):
    """Mapping that is a table: area 100 down to 8 ns, 150 down to 5 ns, 180 at best, 4 ns; who asks for less gets that."""
    asked = []

    def mapped(area, delay):
        return Mapped("r", 10 * area, area, 50.0, 9, delay, {})

    def search(_verilog, _top, library, *, period_ns, once=(), skipped=()):
        asked.append(period_ns)
        rungs = [mapped(100.0, 8.0), mapped(150.0, 5.0), mapped(180.0, 4.0 if period_ns <= 4.5 else 4.25)]
        best = next((row for row in rungs if row.delay_ns <= period_ns), rungs[-1])
        return StandardCells(library.name, "", period_ns, True, best, tuple(rungs), {"yosys": "1"})

    monkeypatch.setattr(clocks, "map_standard_cells", search)
    return asked


def test_a_spread_is_of_searches_around_a_period(monkeypatch):
    asked = searches(monkeypatch)
    metrics = clocks.measured_spread("", "top", library_named("osu018"), period_ns=8.0).metrics
    assert asked == [7.84, 7.92, 8.0, 8.08, 8.16]
    assert [metrics[name].value for name in ("logic", "logic_min", "logic_max", "total_max")] == [100, 100, 150, 200]
    assert (metrics["runs"].value, metrics["met"].value) == (5, 5)
    assert clocks.measured_spread("", "top", library_named("osu018"), period_ns=4.0).metrics["met"].value == 3


def test_the_fastest_circuit_is_that_of_all_searches(monkeypatch):
    asked = searches(monkeypatch)
    found = clocks.measured_fastest("", "top", library_named("osu018"), periods=(12.0, 6.0))
    assert asked == [1.0, 4.0, 12.0, 6.0]
    assert [found.metrics[name].value for name in ("delay", "logic", "total")] == [4, 180, 230]
    assert (found.flow["asked_for_ns"], found.flow["circuits_tried"]) == (1.0, 12)


@pytest.mark.long
def test_a_curve_is_a_search_at_every_period(monkeypatch):
    monkeypatch.setattr(clocks, "PERTURBED", (0.9, 1.0, 1.1))
    wanted = [task for task in tasks()[1] if task.unit.weight == "INT2" and task.target != "power"]
    found = {record.id.partition("/")[2]: record for record in run_tasks(wanted)}
    fastest = found["fastest"].number("delay")
    for period in PERIODS:
        area, spread = found[f"osu018-{period:g}ns"], found[f"spread-{period:g}ns"]
        assert spread.number("logic_min") <= spread.number("logic") <= spread.number("logic_max")
        assert spread.number("logic_min") <= area.number("logic") <= spread.number("logic_max")
        assert spread.number("runs") == 3
        assert fastest <= area.number("delay")
        rate = 1000 / max(period, area.number("delay")) / area.number("total")
        assert area.number("throughput_per_area") == pytest.approx(rate)
    assert found["fastest"].number("throughput_per_area") == pytest.approx(
        1000 / fastest / found["fastest"].number("total")
    )
    assert found["osu018-4ns"].number("logic") <= found["osu018-3ns"].number("logic")


def page(records):
    return study_report("power", "bitmill report s.toml -o DIR", lambda: ()).page(records)


def made_up(unit, target, kind, **numbers):
    config = {
        "weight": "INT8",
        "activation": "INT8",
        "k_max": 64 + int(unit.removeprefix("unit")),
        "operands": target.split("-")[min(1, target.count("-"))],
    }
    flow = dict.fromkeys(["operands", "estimated", "split", "left_out"], "no wires")
    metrics = {name: metric(value, "1") for name, value in numbers.items()}
    return Record(f"{unit}/{target}", kind, config, unit, flow, {}, (), metrics)


def made_up_study(units=12):
    found = [study_record("power", (), units)]
    for index in range(units):
        unit, size = f"unit{index}", 100.0 + index
        for period in (2.0, 4.0, 8.0):
            area = {"period": period, "delay": 2.5, "logic": size, "logic_per_mac": size, "total": 2 * size, "macs": 1}
            found.append(made_up(unit, f"osu018-{period:g}ns", "area", **area, throughput_per_area=1 / size))
            spread = {"logic": size, "logic_min": size - 1, "logic_max": size + 2}
            found.append(made_up(unit, f"spread-{period:g}ns", "spread", **spread))
        fastest = {"delay": 2.0, "period": 2.0, "logic": size, "logic_per_mac": size, "total": 2 * size}
        found.append(made_up(unit, "fastest", "fastest", **fastest, throughput_per_area=1.5 / size))
        for operands in ("layer", "uniform"):
            parts = dict.fromkeys(POWER_PARTS, size)
            energy = {"energy": size * len(POWER_PARTS), "leakage": 0.25, "period": 25.0, "cycles": 64}
            found.append(made_up(unit, f"power-{operands}-25ns", "power", **parts, **energy))
    return Records(found, study=STUDY)


def test_the_page_shows_curves_and_energies():
    shown = page(made_up_study())
    assert list(shown.pictures) == ["curves", "energy"]
    assert shown.subject == "12 units on osu018 over the clock, osu018 for energy"
    curves, energy = shown.tables
    assert (curves.title, len(curves.rows)) == ("Area against clock on osu018 (180 nm)", 12 * 4)
    assert [cell if isinstance(cell, str) else cell.text for cell in curves.rows[0]] == [
        "k max 64", "2.00", "2.50", "100.0", "99.0", "100.0", "102.0", "200.0", "0.010",
    ]  # fmt: skip
    assert (energy.title, len(energy.rows)) == ("Energy per MAC on osu018 (180 nm)", 24)
    assert energy.note.count("No wires.") == 1
    assert list(shown.answer) == [
        "osu018, INT8, 1 lane, exact sum: fastest is k max 64 with a period of 2.00 ns; most throughput per area has k max 64 at "
        "2.00 ns with 0.01 1.",
        "Least energy on osu018, INT8, 1 lane, exact sum: on layer operands k max 64 with 500.0 1, on uniform operands k max "
        "64 with 500.0 1.",
    ]
    files = shown.files()
    assert files == page(made_up_study()).files()
    assert re.search(r"Energy per MAC of every unit by part", files["index.html"])


def test_a_page_without_them_is_as_before():
    records = Records(
        [study_record("t", (), 1), made_up("unit0", "osu018-4ns", "area", logic=1.0, logic_per_mac=1.0, delay=3.0)],
        study=STUDY,
    )
    shown = page(records)
    assert list(shown.pictures) == ["area-osu018-4ns"]
    assert [table.title for table in shown.tables] == ["osu018 (180 nm) at 4 ns"]
    assert shown.answer == [
        "There is no choice: INT8 for osu018 (180 nm) at 4 ns (1.0 1 a MAC).",
    ]


def test_the_answer_names_a_unit_once_with_all_that_it_is_best_for():
    rows = [
        ("unit0", "osu018-4ns", 1.0),
        ("unit1", "osu018-4ns", 2.0),
        ("unit0", "osu018-9ns", 3.0),
        ("unit1", "osu018-9ns", 4.0),
    ]
    measured = [made_up(name, end, "area", logic=1.0, logic_per_mac=cost, delay=3.0) for name, end, cost in rows]
    assert page(Records([study_record("t", (), 2), *measured], study=STUDY)).answer == [
        "Take k max 64 for osu018 (180 nm) at 4 ns (1.0 1 a MAC) and osu018 (180 nm) at 9 ns (3.0 1 a MAC): "
        "each is the best there.",
        "At the other end are k max 65 for osu018 (180 nm) at 4 ns (2.0 1 a MAC) and osu018 (180 nm) at 9 ns (4.0 1 a MAC).",
    ]


def test_targets_are_told_in_words_and_small_energies_in_femtojoules():
    words = {
        "sky130-8ns-best": "sky130 (130 nm) at 8 ns, in the best formulation",
        "fastest-asap7-best": "asap7 (7 nm), each at its own best clock, in the best formulation",
        "osu018-8ns": "osu018 (180 nm) at 8 ns",
    }
    assert {target: _words(target) for target in words} == words
    fields = {"weight": "INT4", "activation": "INT4"}
    task = Task(config=fields, target="power", library="asap7", operands="layer", period_ns=3.0)
    record = record_of(task, Measured({}, {"energy": metric(0.0272, "pJ/MAC")}, {}))
    (told,) = energy_answer(Records([record], study=STUDY))
    assert "27.2 fJ/MAC" in told
