"""The full study on several cell libraries: gaps between INT and FP, FormatScope on its own node, and the page with both."""

from itertools import pairwise

import pytest

from bitmill.reports.full.formatscope import formatscope_claims, formatscope_records
from bitmill.reports.full.gap_picture import PANELS
from bitmill.reports.full.gaps import BEST, LEAST_ENERGY, gap_records, gaps_answer
from bitmill.reports.full.report import REPORT
from bitmill.reports.published import rows
from bitmill.studies.circuits import Measured
from bitmill.studies.committed import committed_records
from bitmill.studies.full.plan import FRONTS, LIBRARIES, planned, studies
from bitmill.studies.records import FULL, Record, Records, metric
from bitmill.studies.sweep import measurement
from bitmill.studies.sweep.study_file import StudyFile
from bitmill.studies.sweep.targets import tasks_of
from bitmill.studies.sweep.task import POWER

ALL = ("osu018", "sky130", "ihp-sg13g2", "asap7")
CHOSEN = studies()


def made(task, *, met=True, **metrics):
    found = {name: metric(value, "pJ/MAC" if name == "energy" else "GE") for name, value in metrics.items()}
    flow = {"met": met, "library_sha256": "0", "operands": "", "estimated": "", "split": "", "left_out": ""}
    return measurement.record_of(task, Measured(flow, found, {"yosys": "0"}))


def cost(task, *, met=True):
    """E4M3 is dearer than INT8 by half and half as fast, whatever the library."""
    base = {"E4M3": 150.0, "INT8": 100.0}.get(task.unit.weight, 40.0)
    parts = dict.fromkeys(("multiply", "align", "accumulate", "registers", "control", "leakage"), 0.1)
    delay = 2.0 if task.unit.weight == "E4M3" else 1.0
    return made(
        task, met=met, total_per_mac=base, logic_per_mac=base, delay=delay, energy=base / 100, period=9.0, cycles=9,
        **(parts if task.target == POWER else {}),
    )  # fmt: skip


def every(record_of):
    """Records of all that the libraries' gaps need, made up."""
    tasks = planned({name: CHOSEN[name] for name in (LIBRARIES, FRONTS)})[0]
    tasks = [task for task in tasks if task.target in ("cells", "fastest", "power")]
    return Records([record_of(task) for task in tasks], study=FULL)


def gaps(records):
    return {record.id: record for record in gap_records(records, CHOSEN[LIBRARIES], CHOSEN[FRONTS])}


def test_gaps_are_told_at_every_clock_of_every_library():
    found = gaps(every(cost))
    assert {record.config["library"] for record in found.values()} == set(ALL)
    for library in ALL:
        of = {
            clock: found[f"gap/e4m3-exact/{library}/{clock.replace(' ', '-')}"]
            for clock in (BEST, "slow clock", LEAST_ENERGY)
        }
        assert [of[clock].number("extra") for clock in of] == pytest.approx([200, 50, 50])
        assert [of[clock].metrics["cost"].unit for clock in of] == ["GE ns/MAC", "GE/MAC", "pJ/MAC"]
        assert f"gap/mxfp4/{library}/middle-clock" in found


def test_the_smallest_formulation_is_compared():
    grid = [{"pairs": ["INT8", "E4M3"], "lanes": [32]}, {"pairs": ["INT8"], "lanes": [32], "multiplier": ["columns"]}]
    study = StudyFile.from_dict({"title": "t", "grid": grid, "targets": {"cells": {"sky130": {"periods": [5]}}}})
    tasks = tasks_of(study.expand(), study.targets)
    found = [made(task, delay=1.0, total_per_mac={"columns": 80.0}.get(task.unit.multiplier, 100.0)) for task in tasks]
    for records in (found, found[::-1]):
        (gap,) = gap_records(Records(records, study=FULL), study, CHOSEN[FRONTS])
        assert gap.number("extra") == pytest.approx(25)
        assert gap.flow["derived_from"] == ["e4m3-k32-exact/sky130-5ns", "int8-k32-exact-columns/sky130-5ns"]


def test_a_unit_that_misses_its_clock_is_not_compared():
    ids = gaps(every(lambda task: cost(task, met=not (task.unit.weight == "E4M3" and task.period_ns == 10.0))))
    assert "gap/e4m3-exact/sky130/tight-clock" not in ids
    assert "gap/e4m3-exact/sky130/middle-clock" in ids


def test_formatscope_is_met_on_its_own_node_one_assumption_at_a_time():
    tasks = {task.key: task for task in planned(CHOSEN)[0]}
    records: dict[str, Record] = {}
    for row in rows("formatscope"):
        units = [tasks[f"{unit}/sky130-36.6ns"] for _, unit in row["steps"]]
        for before, after in pairwise(task.unit.model_dump() for task in units):
            moved = {name for name in before if before[name] != after[name]} - {"block"}
            assert len(moved) == 1, (row["what"], moved)
        for index, task in enumerate(units):
            records[task.key] = made(task, area=1000.0 + index, logic_per_mac=1.0, total_per_mac=2.0, delay=3.0)
    known = Records(records.values(), study=FULL)
    claims = {record.id: record for record in formatscope_claims(known.plus(formatscope_records(known)))}
    assert claims["claim/formatscope-int4-um2"].number("published") == 27772
    assert claims["claim/formatscope-int4-um2"].number("ours") == 1000
    assert claims["claim/formatscope-fp8-e4m3-sky130"].number("published") == 12.6
    assert len(claims) == 8
    assert list(formatscope_records(Records([], study=FULL))) == []


def test_the_page_shows_several_libraries():
    committed = committed_records(FULL)
    known = {record.id for record in committed}
    more = Records([*committed, *(record for record in every(cost) if record.id not in known)], study=FULL)
    assert "libraries" not in REPORT.drawings(committed)
    shown = Records({record.id: record for record in (*more, *gaps(more).values())}.values(), study=FULL)
    drawing = REPORT.drawings(shown)["libraries"]
    assert [axes.get_title() or axes.get_title("left") for axes in drawing.draw(shown).axes] == [
        title for _, title in PANELS
    ]
    (table,) = (table for table in REPORT.tables(shown) if table.title == "INT against FP on every library")
    assert len(table.rows) == len(shown.of_kind("gap")) > 80
    assert any("sky130" in sentence for sentence in gaps_answer(shown))
