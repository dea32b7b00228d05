"""Studies on cell libraries: which are measured, what records and ids call them, and what follows from several of them."""

import os
import re
from dataclasses import replace

import pytest

from bitmill import BitmillError, MacConfig
from bitmill.fpga.formulation_choice import Choice
from bitmill.fpga.libraries import CELLS_VARIABLE, LIBRARIES
from bitmill.fpga.pace import fastest_ns, paced
from bitmill.studies import libraries
from bitmill.studies.circuits import Measured
from bitmill.studies.records import FULL, Records, metric
from bitmill.studies.sweep import cells, chosen, counted, measurement, sizes, taken
from bitmill.studies.sweep.engine import run_tasks
from bitmill.studies.sweep.study_file import StudyFile
from bitmill.studies.sweep.targets import tasks_of
from bitmill.studies.sweep.task import Task

FIELDS = {"title": "t", "grid": [{"pairs": ["INT8"]}]}
ALL = ("osu018", "sky130", "ihp-sg13g2", "asap7")


def ends(**targets):
    study = StudyFile.from_dict({**FIELDS, "targets": targets}, source="s.toml")
    tasks = list(tasks_of(study.expand(), study.targets))
    assert study.targets.per_unit >= len(tasks)
    return [task.key.partition("/")[2] for task in tasks]


def test_ids_of_osu018_are_as_they_were_and_others_say_their_library():
    power = {"operands": ["layer"], "period_ns": 9}
    asked = {"periods": [8, 12.5], "fastest": True, "curve": [4], "power": power}
    assert ends(osu018=[8, 12.5], curve=[4], power=power) == [
        "osu018-8ns", "osu018-12.5ns", "osu018-4ns", "spread-4ns", "fastest", "power-layer-9ns",
    ]  # fmt: skip
    assert ends(cells={"sky130": asked}) == [
        "sky130-8ns", "sky130-12.5ns", "sky130-4ns", "spread-sky130-4ns", "fastest-sky130", "power-sky130-layer-9ns",
    ]  # fmt: skip
    assert ends(cells={"sky130": {"periods": [8], "fastest": True, "formulation": "best"}}) == [
        "sky130-8ns-best",
        "fastest-sky130-best",
    ]
    assert ends(cells=["asap7", "ihp-sg13g2"], osu018=[8]) == ["osu018-8ns", "fastest-asap7", "fastest-ihp-sg13g2"]


def test_a_grid_may_have_clocks_of_its_own():
    grid = [{"pairs": ["INT4"], "periods": [8, 9]}, {"pairs": ["INT8", "INT4"], "periods": [7, 9]}]
    cells = {"sky130": {"formulation": "best"}, "asap7": {"periods": [2]}}
    study = StudyFile.from_dict({**FIELDS, "grid": grid, "targets": {"cells": cells}})
    found = [task.key for task in tasks_of(study.expand(), study.targets)]
    assert found == [
        *(f"int4-k1-exact/sky130-{period}ns-best" for period in (8, 9, 7)),
        *(f"int4-k1-exact/asap7-{period}ns" for period in (2, 8, 9, 7)),
        *(f"int8-k1-exact/sky130-{period}ns-best" for period in (7, 9)),
        *(f"int8-k1-exact/asap7-{period}ns" for period in (2, 7, 9)),
    ]


def test_luts_are_counted_in_the_best_formulation(monkeypatch):
    fields = {"weight": "INT4", "activation": "INT4", "unit": "dot", "lanes": 4, "k_max": 4, "pipeline": 0}
    task = Task(config=fields, target="ecp5", best=True)
    record = measurement.record_of(task, counted.measured(task))
    assert record.id == "int4-k4-exact-max4-p0/ecp5-best"
    costs = {name: figures["cost"] for name, figures in record.flow["tried"].items()}
    assert len(costs) > 3
    assert record.number("logic") == min(costs.values()) < max(costs.values())
    assert ", ".join(record.flow["chosen"].values()) in [name for name in costs if costs[name] == min(costs.values())]
    plain = replace(task, config={**fields, **record.flow["chosen"]}, best=False)
    assert record.metrics == measurement.record_of(plain, counted.measured(plain)).metrics
    committed = taken.Committed()
    for flow, there in (({}, True), ({"formulations": {}}, False)):
        monkeypatch.setattr(committed, "_records", Records([replace(record, flow={**record.flow, **flow})], study=FULL))
        assert (committed.record(task) is not None) is there, flow


@pytest.mark.parametrize(("targets", "message"), [
    ({"cells": {"sky130": {}}}, "targets.cells: sky130 must have at least one of periods, fastest, curve, power, not none"),
    ({"cells": {"sky130": {"period": [8]}}}, "field 'targets.cells.sky130.period' is unknown; accepted are periods, fastest"),
    ({"cells": {"sky130": {"periods": [-8]}}}, "targets.cells.sky130.periods.0: must be greater than 0, not -8"),
    ({"cells": ["osu018"], "curve": [8]}, "targets: targets.cells must not have osu018 where osu018, curve or power are given"),
    ({"cells": ["skywater"]}, "targets.cells: cells must be sky130, ihp-sg13g2, asap7, osu018 or a path of Liberty files, not"),
    ({"cells": 8}, "targets.cells"),
    ({"cells": {"sky130": {}, "asap7": {}}, "grid": [{"pairs": ["INT4"], "periods": [8]}, {"pairs": ["INT8"]}]},
     "targets.cells: sky130 must have at least one of periods"),
    ({"generic": True, "grid": [{"pairs": ["INT4"], "periods": [8]}]},
     "grid.0.periods must be left out without cell libraries, not [8.0]"),
    ({"cells": ["sky130"], "grid": [{"pairs": ["INT4"], "periods": [0.001]}]},
     "grid.0.periods.0: must be at least 0.01 ns, not 0.001"),
])  # fmt: skip
def test_mistakes_are_told_in_one_line(targets, message):
    fields = {**FIELDS, "grid": targets.pop("grid", FIELDS["grid"]), "targets": targets}
    with pytest.raises(BitmillError) as error:
        StudyFile.from_dict(fields, source="s.toml")
    assert str(error.value).startswith(f"s.toml: {message}")
    assert "\n" not in str(error.value)


def test_the_best_formulation_is_kept_and_said(monkeypatch):
    fields = {"weight": "INT2", "activation": "INT2", "unit": "dot", "lanes": 2, "k_max": 4, "pipeline": 0}
    task = Task(config=fields, target="cells", period_ns=20.0, best=True)
    columns = MacConfig.from_dict({**fields, "multiplier": "columns"})
    monkeypatch.setattr(chosen, "choose", lambda _config, _probe: Choice(columns, {"logic": None, "columns": None}))
    record = measurement.record_of(task, cells.measured(task))
    assert record.id == "int2-k2-exact-max4-p0/osu018-20ns-best"
    assert record.flow["chosen"]["multiplier"] == "columns"
    plain = replace(task, config=columns.to_dict(), best=False)
    assert record.metrics == measurement.record_of(plain, cells.measured(plain)).metrics
    committed = taken.Committed()
    for flow, there in (({}, True), ({"formulations": {}}, False), ({"chosen": {"multiplier": "logic"}}, False)):
        known = Records([replace(record, flow={**record.flow, **flow})], study=FULL)
        monkeypatch.setattr(committed, "_records", known)
        assert (committed.record(task) is not None) is there, flow


def made(task, **metrics):
    found = {name: metric(value, "1") for name, value in metrics.items()}
    return measurement.record_of(task, Measured({"met": True, "library_sha256": "0"}, found, {"yosys": "0"}))


def test_records_say_their_library_and_those_of_before_are_osu018():
    fields = {"weight": "INT8", "activation": "INT8"}
    old, new = (
        made(Task(config=fields, target="spread", library=name, period_ns=4.0)) for name in ("osu018", "sky130")
    )
    assert "library" not in old.config
    assert new.config["library"] == "sky130"


def test_libraries_that_are_not_here_are_said_in_one_line(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("BITMILL_CELLS", str(tmp_path))
    monkeypatch.setenv("PDK_ROOT", str(tmp_path))
    assert libraries.libraries_found() == ("osu018",)
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert all(f"{name} (" in told for name in ALL[1:])
    assert "ciel" in told
    assert "BITMILL_CELLS" in told
    with pytest.raises(BitmillError, match=r"^missing library sky130: "):
        libraries.libraries_found(["sky130"])


def test_a_library_of_a_path_is_called_by_its_own_name(tmp_path):
    text = libraries.library_named("osu018").text.replace("osu018_stdcells", "mine", 1)
    (tmp_path / "mine.lib").write_text(text)
    assert libraries.libraries_found([str(tmp_path / "mine.lib")]) == ("osu018", str(tmp_path / "mine.lib"))
    task = Task(
        config={"weight": "INT2", "activation": "INT2"},
        target="cells",
        library=str(tmp_path / "mine.lib"),
        period_ns=9.0,
    )
    assert task.key == "int2-k1-exact/mine-9ns"
    before = measurement.cache_key(task)
    assert measurement.fingerprint(task).keys() > {f"library {tmp_path / 'mine.lib'}"}
    libraries._read.cache_clear()
    (tmp_path / "mine.lib").write_text(text + "\n")
    assert measurement.cache_key(task) != before


def test_a_library_has_a_pace_of_its_own():
    osu018 = libraries.library_named("osu018")
    assert (fastest_ns(osu018), paced(7.3, osu018)) == (1.0, 7.3)


def test_hours_are_told_before_work_begins(monkeypatch):
    monkeypatch.setattr(sizes, "known", lambda _task: None)
    fields = {"weight": "INT8", "activation": "INT8"}
    tasks = [Task(config=fields, target="cells", library=name, period_ns=8.0) for name in ("osu018", "sky130")]
    record = measurement.record_of(tasks[0], Measured({"cpu_seconds": 1800.0}, {}, {}))
    lines = list(sizes.hours([*tasks, Task(config=fields, target="generic")], [record]))
    assert lines[0].startswith(
        "osu018: 1 to measure or take from committed records, at most 0.50 CPU hours, 1 of them by recorded times"
    )
    found = re.search(r"^sky130: 1 to measure .* at most (0\.\d+) CPU hours, 0 of them by recorded", lines[1])
    assert found
    assert lines[2].startswith(f"together {0.5 + float(found[1]):.2f} CPU hours")
    monkeypatch.setattr(sizes, "known", lambda _task: record)
    assert list(sizes.hours(tasks, [record])) == []


def test_larger_units_and_searches_are_reckoned_to_take_longer():
    fields = {"weight": "INT8", "activation": "INT8"}
    wide = {**fields, "unit": "dot", "lanes": 32}
    seconds = [sizes.reckoned_seconds(Task(config=config, target=target)) for config, target in (
        (fields, "cells"), (fields, "fastest"), (wide, "fastest"),
    )]  # fmt: skip
    assert seconds == sorted(seconds)
    assert seconds[2] > 10 * seconds[1]
    array = {**fields, "unit": "array", "rows": 4, "cols": 4}
    assert sizes.reckoned_seconds(Task(config=array, target="cells")) > seconds[0]


def test_a_plan_is_told_and_nothing_is_measured(cli, refuses, monkeypatch, tmp_path):
    monkeypatch.setenv("BITMILL_CELLS", str(tmp_path))
    monkeypatch.setenv("PDK_ROOT", str(tmp_path))
    monkeypatch.setattr(measurement, "measure", None)
    first, *rest = cli("report", "int-vs-fp", "--full", "--plan").out.splitlines()
    assert re.fullmatch(r"\d+ measurements, \d+ of them committed", first)
    assert [line.split(":")[0] for line in rest[:-1]] == ["osu018"]
    assert re.match(r"together [1-9]\.\d+ CPU hours", rest[-1])
    assert refuses("report", "int-vs-fp", "--plan") == "--plan must be given with --full, not alone"
    assert refuses("report", "int-vs-fp") == "-o must be given: the directory of the report"
    refused = refuses("report", "int-vs-fp", "--cells", "sky130", "-o", "out")
    assert refused.startswith(
        "--cells must be given with --full, which maps onto cell libraries; without it units are counted in"
    )
    options = " ".join(cli("report", "int-vs-fp", "--help").out.split())
    for option in ("--cells NAME|PATH", "--dask SCHEDULER", "--fresh"):
        assert f"{option} With --full: " in options


@pytest.mark.long
@pytest.mark.skipif(not os.environ.get(CELLS_VARIABLE), reason=f"{CELLS_VARIABLE} names no folder of libraries")
@pytest.mark.parametrize("name", LIBRARIES)
def test_a_small_unit_is_measured_on_every_library(name):
    grid = {"pairs": ["INT2"], "lanes": [2], "k_max": [8], "pipeline": [0]}
    asked = {"periods": [20], "fastest": True, "power": {"operands": ["uniform"], "period_ns": 20, "cycles": 32}}
    study = StudyFile.from_dict({"title": "t", "grid": [grid], "targets": {"cells": {name: asked}}})
    slow, fast, power = run_tasks(list(tasks_of(study.expand(), study.targets)))
    library = libraries.library_named(name)
    assert slow.flow["cells"] == name
    assert slow.number("area") == pytest.approx(
        slow.number("total") * library.gate_area * library.square_microns, abs=1e-3
    )
    assert fast.number("delay") <= slow.number("delay") < 20
    assert fast.number("delay") > fastest_ns(library) / 3
    assert power.number("energy") > power.number("leakage") > 0
    assert power.number("leakage_power") * 20 * 1e-6 == pytest.approx(power.number("leakage"), rel=1e-6)
    assert slow.number("macs") == 2
