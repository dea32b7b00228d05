"""Pages of records of several cell libraries: made up from those of osu018, for the measured ones come one library at a time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bitmill.reports.bitmod.report import REPORT as BITMOD
from bitmill.reports.drawing import style
from bitmill.reports.full.report import REPORT as FULL
from bitmill.reports.libraries import libraries, words_of
from bitmill.reports.nonlinear.report import REPORT as NONLINEAR
from bitmill.studies.bitmod.units import candidates
from bitmill.studies.committed import committed_records
from bitmill.studies.full.plan import FRONTS, units_of
from bitmill.studies.ids import unit_key
from bitmill.studies.records import Metric, Records
from bitmill.tests.reports.clashes import clashes

OTHERS = {"sky130": 0.9, "ihp-sg13g2": 1.1, "asap7": 0.5}
"""Library to how many times osu018's figures it has."""


def scaled(record, name, identifier, **config):
    """A record of another library: all its figures times a factor, energies in fJ on the fastest one."""
    factor = OTHERS[name]
    metrics = {
        key: Metric(
            entry.value and entry.value * factor * (1000 if name == "asap7" and "pJ" in entry.unit else 1),
            entry.unit.replace("pJ", "fJ") if name == "asap7" else entry.unit,
        )
        for key, entry in record.metrics.items()
    }
    flow = {**record.flow, "cells": name}
    return replace(record, id=identifier, metrics=metrics, flow=flow, config={**record.config, **config})


def page_of(report, more):
    """The page of the committed records and more; nothing in its pictures may clash."""
    old = committed_records(report.study)
    records = Records([*old, *more], study=report.study)
    derived = ("model", "prediction")
    measured = [record for record in records if record.topic not in report.derives]
    whole = Records(measured, study=report.study)
    # The cost models are fitted on records of their own.
    records = whole.plus(r for r in report.derive(whole) if r.topic not in derived)
    records = records.plus(record for record in old if record.topic in derived)
    # Those of osu018 alone are looked at elsewhere.
    named = {
        name: drawing
        for name, drawing in report.drawings(records).items()
        if name == "area" or any(name.endswith(library) for library in OTHERS)
    }
    assert next(iter(report.drawings(records))) not in named
    with style():
        found = {name: clashes(drawing.draw(records)) for name, drawing in named.items()}
    assert {name: mistakes for name, mistakes in found.items() if mistakes} == {}
    return (
        records,
        replace(report, drawings=lambda _: {name: named[name] for name in sorted(named)[:1]}).page(records),
        named,
    )


@pytest.fixture(scope="module")
def full():
    old = committed_records(FULL.study)
    more = []
    for library in OTHERS:
        for part in map(unit_key, units_of(FRONTS)):
            of = {"library": library}
            more.append(scaled(old[f"{part}/osu018-15ns"], library, f"{part}/{library}-12ns", target=library, **of))
            for operands in ("layer", "uniform"):
                power = old[f"{part}/power-{operands}-15ns"]
                more.append(scaled(power, library, f"{part}/power-{library}-{operands}-12ns", **of))
            area = replace(old[f"{part}/osu018-15ns"], topic="fastest")
            more.append(scaled(area, library, f"{part}/fastest-{library}", target="fastest", **of))
    return page_of(FULL, more)


def test_the_full_study_has_every_library(full):
    records, page, drawings = full
    assert libraries(records) == ["osu018", "asap7", "ihp-sg13g2", "sky130"]
    for library in OTHERS:
        assert {f"fronts-{library}", f"energy-{library}"} <= drawings.keys()
        assert f"{library} cells" in page.answer[0]
        assert f"Energy per MAC on {words_of(library)}" in [table.title for table in page.tables]
    points = page.figures[0]
    assert "asap7 GE per MAC, all units at 12 ns" in points.header
    assert "fJ per MAC on the layer's operands, asap7 before layout" in points.header
    assert "sky130 GE per GMAC/s, each unit at its own best clock" in points.header
    int8 = records["point/int8-k8-exact"]
    assert int8.number("equal_clock_sky130") == pytest.approx(0.9 * int8.number("equal_clock"))
    assert int8.metrics["energy_asap7"].unit == "fJ/MAC"


def test_ratios_of_pes_stand_side_by_side():
    old, more = committed_records(BITMOD.study), []
    for library in OTHERS:
        for candidate in candidates():
            for part in candidate.parts:
                for label in ("8ns", f"best-{candidate.key}"):
                    name = f"{part.key}/{library}-{label}"
                    if name not in {record.id for record in more}:
                        more.append(scaled(old[f"{part.key}/osu018-{label}"], library, name))
    records, page, drawings = page_of(BITMOD, more)
    table = next(table for table in page.tables if table.title == "The PEs on other cell libraries")
    assert {row[1] for row in table.rows} == OTHERS.keys()
    assert len(table.rows) == 2 * len(OTHERS) * len(candidates())
    assert {"throughput-sky130", "throughput-asap7"} <= drawings.keys()
    # A factor on areas and delays alike leaves ratios as they are.
    usual, other = (records[f"cost/serial-given/{label}"].number("relative_4") for label in ("8ns", "sky130-8ns"))
    assert other == pytest.approx(usual)


def test_units_of_rows_have_a_table_and_a_column_for_each():
    old = committed_records(NONLINEAR.study)
    more = [
        scaled(record, library, record.id.replace("osu018", library), target=library)
        for library in OTHERS
        for record in old.of_kind("hardware")
        if record.config["target"] == "osu018"
    ]
    records, page, _ = page_of(NONLINEAR, more)
    assert page.figures[1].header[2:6] == tuple(
        f"GE of logic, {words_of(name)}" for name in ("osu018", "asap7", "ihp-sg13g2", "sky130")
    )
    titles = [table.title for table in page.tables]
    assert all(f"The units on {words_of(library)}" in titles for library in OTHERS)
    assert len(records) == len(old) + len(more)


def test_libraries_are_named_with_their_process():
    assert [words_of(name) for name in ("osu018", "asap7", "of my own")] == [
        "osu018 (180 nm)",
        "asap7 (7 nm)",
        "of my own",
    ]
