"""The full cost study: its plan hangs together, committed records can be measured again, and claims follow from records."""

import random
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from bitmill import BitmillError, MacConfig
from bitmill.reports.full import fronts, text
from bitmill.reports.full.report import REPORT
from bitmill.reports.full.walks import WALKS, Step
from bitmill.reports.published import rows
from bitmill.studies.committed import committed_records
from bitmill.studies.full import parts
from bitmill.studies.full.layer_errors import error_id
from bitmill.studies.full.parts import COUNTED
from bitmill.studies.full.plan import ALIGNERS, FRONTS, GRID, planned, studies, units_of
from bitmill.studies.ids import unit_key
from bitmill.studies.records import FULL, Record, Records, metric
from bitmill.studies.sweep import engine
from bitmill.studies.sweep.measurement import known, measure
from bitmill.studies.sweep.study_file import StudyFile
from bitmill.studies.sweep.taken import Committed
from bitmill.studies.sweep.task import unit_of


@pytest.fixture(scope="module")
def committed():
    return committed_records(FULL)


def test_every_step_of_a_walk_is_planned():
    tasks, _ = planned(studies())
    known = {task.key for task in tasks} | {f"parts/{unit_key(config)}" for config in COUNTED}
    missing = [
        name for walk in WALKS for step in walk.steps for name in (step.floating, step.integer) if name not in known
    ]
    assert missing == []


def test_public_units_stand_beside_units_that_are_planned():
    tasks = {task.key: task for task in planned(studies())[0]}
    for peer in rows("peers"):
        unit = tasks[peer["ours"]].unit
        assert unit.weight in peer["what"].replace("MXFP4", "E2M1").replace("NVFP4", "E2M1"), peer
        assert unit.lanes == (16 if "16 lanes" in peer["what"] else 32), peer
        assert ("pipelined" in peer["what"]) == ("+" in peer["ours"]), peer


def coordinates(step):
    """Everything that a step is made of, from the tasks and configurations that it names: by side and field."""
    tasks = {task.key: task for task in planned(studies())[0]}
    parts = {f"parts/{unit_key(config)}": config for config in COUNTED}
    found: dict[Any, Any] = {"metric": step.metric}
    for side, name in (("floating", step.floating), ("integer", step.integer)):
        task = tasks.get(name)
        config = parts[name] if task is None else task.unit
        found[side] = config.model_dump()
        found["target", side] = "parts" if task is None else (task.target, task.dsp)
        found["clock", side] = None if task is None else task.period_ns
    assert found["target", "floating"] == found["target", "integer"], "like with like"
    assert found["clock", "floating"] == found["clock", "integer"], "like with like"
    return found


def moved(before, after):
    """Assumptions that are different in two steps. A unit of one lane is a MAC; a target without clocks has no clock."""
    found = set()
    if before["metric"] != after["metric"]:
        found.add("metric")
    for name in ("target", "clock"):
        values = before[name, "floating"], after[name, "floating"]
        if values[0] != values[1] and not (name == "clock" and None in values):
            found.add(name)
    for field in MacConfig.model_fields:
        changes = {
            (repr(before[side][field]), repr(after[side][field]))
            for side in ("floating", "integer")
            if before[side][field] != after[side][field]
        }
        assert len(changes) <= 1, f"{field} moves differently for the two: {changes}"
        if changes:
            found.add("lanes" if field == "unit" else field)
    return found


def test_a_walk_moves_one_assumption_at_a_time():
    for walk in WALKS:
        steps = [coordinates(step) for step in walk.steps]
        for index, (before, after) in enumerate(pairwise(steps)):
            assert len(moved(before, after)) == 1, (walk.key, walk.steps[index + 1].change, moved(before, after))
        assert walk.steps[0].change.startswith("their setting"), walk.key


def test_steps_that_move_two_assumptions_are_noticed():
    slow, fast = "osu018-36.6ns", "osu018-25.5ns"
    ways = {
        ("pipeline", "clock"): ("e4m3-k32-exact-p0", slow, "e4m3-k32-exact", fast),
        ("scale", "accumulator"): ("mx-e2m1-k32-fp32-p0", slow, "e2m1-k32-exact-p0", slow),
    }
    for names, (first, where, second, there) in ways.items():
        before, after = (coordinates(Step("", f"{unit}/{target}", f"{integer}/{target}", "total_per_mac"))
                         for unit, target, integer in ((first, where, "int8-k32-exact-p0"),
                                                       (second, there, "int8-k32-exact" + "-p0" * (there == slow))))  # fmt: skip
        assert moved(before, after) == set(names)


def test_formats_against_each_other_have_every_axis(committed):
    tasks, _ = planned(studies())
    known = {task.key for task in tasks}
    units = {unit_key(config) for config in units_of(FRONTS)}
    assert len(units) >= 10
    axes = fronts.axes_of(committed, sorted(units))
    assert {"gates", "lut4", "own_clock", "equal_clock", "energy"} <= set(axes)
    assert [f"{unit}/{end}" for unit in units for axis in axes.values() for end in axis.needs
            if f"{unit}/{end}" not in known] == []  # fmt: skip


def test_at_least_four_formulations_of_everything(committed):
    found = committed.of_kind("cheapest")
    assert {(record.config["pair"], record.config["rounding"]) for record in found} == {
        (pair, rounding) for pair in ("INT8", "E4M3") for rounding in ("exact", "fused")
    }
    for record in found:
        if record.id.endswith("/generic"):
            assert record.number("formulations") >= 4, record.id
        costs = [committed[name].number(record.flow["metric"]) for name in record.flow["derived_from"]]
        assert record.number("cost") == min(costs)
        assert record.metrics["accumulator_sqnr"].value is None or record.config["rounding"] == "fused"


def test_skipped_combinations_have_their_reason(committed):
    rows = committed["study/full"].config["skipped"]
    assert rows
    assert all("aligner must be 'grouped'" in row["reason"] for row in rows)


def test_two_studies_cannot_measure_one_name_in_two_ways():
    fields = {"grid": [{"pairs": ["INT8"]}]}
    ways = {
        name: StudyFile.from_dict({"title": name, **fields, "targets": {"clock": seeds}})
        for name, seeds in {"first": [1, 2], "second": [1, 3]}.items()
    }
    with pytest.raises(BitmillError, match="second: int8-k1-exact/clock must be measured as another study does"):
        planned(ways)


def test_a_curve_has_four_periods_and_the_fastest_clock():
    tasks, _ = planned(studies())
    for unit in studies()["curves"].expand().units:
        assert sum(task.key.startswith(f"{unit}/spread-") for task in tasks) >= 4
        assert any(task.key == f"{unit}/fastest" for task in tasks)


def record(name, kind="area", **metrics):
    return Record(
        id=name, topic=kind, config={"weight": "INT8", "activation": "INT8"}, part=name.partition("/")[0],
        metrics={key: metric(value, "GE") for key, value in metrics.items()},
    )  # fmt: skip


def test_a_front_is_what_nothing_beats():
    points = [
        replace(record(f"point/{name}", "point", sqnr=sqnr, gates=cost), part=name)
        for name, cost, sqnr in [("a", 1, 10), ("b", 2, 30), ("c", 3, 20), ("d", 4, 40), ("e", 1, 9)]
    ]
    assert [point.part for point in fronts.members(points, "gates")] == ["a", "b", "d"]


def test_fronts_are_of_all_compared_units(committed):
    points, axes = fronts.points_of(committed)
    for name in axes:
        found = committed[f"front/{name}"]
        kept = [point for point in points if not any(
            other.number(name) <= point.number(name) and other.number("sqnr") >= point.number("sqnr")
            and (other.number(name), other.number("sqnr")) != (point.number(name), point.number("sqnr")) for other in points
        )]  # fmt: skip
        assert set(found.config["members"]) == {point.part for point in kept}
        assert (found.number("units"), found.number("members")) == (len(points), len(kept))


def test_errors_are_told_apart_by_what_is_computed():
    units = {unit_key(config): config for config in studies()[GRID].expand().units.values()}
    same = {error_id(units[name]) for name in ("e4m3-k1-exact", "e4m3-k8-exact", "e4m3-k8-exact-p0")}
    assert same == {"error/e4m3-k1-exact"}
    assert error_id(units["e4m3-k8-fp32"]) != error_id(units["e4m3-k1-fp32"])


def test_derived_records_follow_from_the_measured_ones(committed):
    again = REPORT.again(committed)
    assert {record.id for record in again} == {record.id for record in committed}
    for found in again:
        if found.topic in {*REPORT.derives} - {"model", "prediction"} and not found.id.startswith("claim/bitmod"):
            assert found.metrics == committed[found.id].metrics, found.id


def test_every_published_claim_has_a_row(committed):
    claims = {record.id.removeprefix("claim/"): record for record in committed.of_kind("claim")}
    for walk in WALKS:
        assert claims[walk.key].number("published") == walk.published
        assert claims[walk.key].number("ours") == committed[f"walk/{walk.key}/0"].number("ours")
    assert {"fpga-minifloat-front", "bitmod-area", "bitmod-energy", "l-mul-area"} <= set(claims)
    assert all(record.config["why"] and record.config["source"] for record in claims.values())
    assert any("183" in sentence for sentence in text.findings(committed))


def test_accumulator_widths_of_the_fpga_paper(committed):
    # Typed from the closed forms: 8 + 8 + 5 + 1, and 2 * (2**4 + 3) + 5 - 1.
    assert committed["claim/fpga-minifloat-width-int8"].number("published") == 22
    assert committed["claim/fpga-minifloat-width-e4m3_finite"].number("published") == 42
    assert committed["claim/fpga-minifloat-width-e4m3_finite"].number("ours") <= 42


def of_task(record):
    """The task whose record it is."""
    tasks, _ = planned(studies())
    return next(task for task in tasks if task.key == record.id)


def small_areas(committed):
    """Areas of units that are synthesized in seconds."""
    return [
        record
        for record in committed.of_kind("area")
        if record.config["target"] in ("generic", "ecp5")
        and unit_of(record).lanes <= 8
        and record.number("logic") < 5000
    ]


@pytest.mark.parametrize("index", range(5))
def test_five_random_records_are_measured_again_from_scratch(index, committed, tmp_path, monkeypatch):
    # Chosen anew in every version of the records: the seed is what they are.
    chosen = random.Random(len(committed.to_json())).sample(sorted(record.id for record in small_areas(committed)), 5)
    record = committed[chosen[index]]
    monkeypatch.setenv("BITMILL_CACHE", str(tmp_path))
    task = of_task(record)
    assert known(task) is None
    again = measure(task)
    assert again.metrics == record.metrics, record.id
    assert again.flow["verilog_sha256"] == record.flow["verilog_sha256"]
    assert list(tmp_path.rglob("*.json.gz"))


def chosen_tasks(committed):
    """A task of every kind of target whose unit is elaborated in no time, with its committed record."""
    tasks = [task for task in planned(studies())[0] if task.unit.lanes <= 8 and task.key in committed]
    by_target = {(task.target, task.dsp): task for task in tasks}
    assert {"generic", "ecp5", "cells", "clock", "fastest", "spread", "power"} <= {target for target, _ in by_target}
    return by_target


def test_committed_measurements_are_taken_while_nothing_is_different(committed, monkeypatch):
    def refuse(_task):
        raise AssertionError("measured")

    monkeypatch.setattr(engine, "measure", refuse)
    monkeypatch.setattr(engine, "known", lambda _task: None)
    by_target = chosen_tasks(committed)
    tasks = [task for task in by_target.values() if task.target != "fastest" or "periods" in committed[task.key].flow]
    records = engine.run_tasks(tasks, workers=2, taken=Committed())
    assert records == [committed[task.key] for task in tasks]
    (user,) = engine.run_tasks(tasks[:1], taken=Committed(measured_by="who"))
    assert (user.flow["measured_by"], user.metrics) == ("who", records[0].metrics)
    with pytest.raises(AssertionError, match="measured"):
        engine.run_tasks(tasks[:1])


CHANGES = {
    "ice40": {"dsp": True},
    "cells": {"period_ns": 7.75},
    "clock": {"seeds": (1, 2, 4)},
    "fastest": {"periods": (4.0, 6.0)},
    "spread": {"period_ns": 7.75},
    "power": {"cycles": 100},
}


@pytest.mark.parametrize("target", ["generic", "ecp5", *CHANGES])
def test_a_committed_measurement_of_something_else_is_not_taken(target, committed, monkeypatch):
    task = chosen_tasks(committed)[target, False]
    taken = Committed()
    if target in CHANGES:
        other = replace(task, **CHANGES[target])
        # Even if it is called alike.
        monkeypatch.setattr(taken, "_records", Records([replace(committed[task.key], id=other.key)], study=FULL))
        assert taken.record(other) is None
    record = committed[task.key]
    flow = {**record.flow, "library_sha256": "0", "stimulus_sha256": "0", "periods": [1], "factors": [1]}
    for changed in (
        {"tool_versions": {**record.tool_versions, "yosys": "0.1"}},
        {"flow": {**record.flow, "verilog_sha256": "0" * 64}},
        {"config": {**record.config, "k_max": 17}},
        *([{"flow": flow}] if target in ("cells", "fastest", "spread", "power") else []),
    ):
        monkeypatch.setattr(taken, "_records", Records([replace(record, **changed)], study=FULL))
        assert taken.record(task) is None, changed


def test_parts_are_taken_from_committed_records(committed, monkeypatch):
    def refuse(*_arguments):
        raise AssertionError("measured")

    monkeypatch.setattr("bitmill.studies.int_vs_fp.parts.breakdown", refuse)
    ((name, job),) = parts.parts_jobs(COUNTED[:1])
    assert job()[0].metrics == {**committed[name].metrics, "logic_per_mac": job()[0].metrics["logic_per_mac"]}
    ((_, job),) = parts.parts_jobs(COUNTED[:1], fresh=True)
    with pytest.raises(AssertionError, match="measured"):
        job()


# The abc of the WebAssembly build has pointers of 32 bits, by which it breaks some ties: half a gate in twelve hundred.
@pytest.mark.parametrize(
    ("name", "apart"), [("int8-k1-exact/generic", 1e-3), ("e2m1-k1-exact/generic", 1e-3), ("e2m1-k4-exact/ecp5", 0)]
)
def test_both_yosys_give_the_committed_cells(name, apart, committed, tmp_path, monkeypatch):
    for yosys in ("pyosys", "yowasp"):
        monkeypatch.setenv("BITMILL_CACHE", str(tmp_path / yosys))
        monkeypatch.setenv("BITMILL_YOSYS", yosys)
        again = measure(of_task(committed[name]))
        assert again.number("logic") == pytest.approx(committed[name].number("logic"), rel=apart, abs=0), yosys
        assert again.number("registers") == committed[name].number("registers"), yosys


def test_a_missing_unit_is_named(committed):
    fewer = Records([record for record in committed if record.id != WALKS[0].steps[1].floating], study=FULL)
    with pytest.raises(BitmillError, match=WALKS[0].steps[1].floating):
        REPORT.again(fewer)


def test_formulations_have_names():
    units = units_of(ALIGNERS)
    names = {fronts.formulation_of(config) for config in units}
    assert names == {
        "grouped aligner", "barrel aligner", "placed aligner", "binned aligner", "24-bit window", "32-bit window",
        "rows of digits", "columns of all lanes", "synthesizer's own",
    }  # fmt: skip
