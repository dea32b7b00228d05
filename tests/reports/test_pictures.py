"""Pictures of the committed records: no text over text, no line through a label, every axis named; and what finds that."""

from __future__ import annotations

import pytest

from bitmill.reports.catalog import REPORTS
from bitmill.reports.charts import beside
from bitmill.reports.colours import FAMILIES, family_of, family_of_scheme
from bitmill.reports.drawing import figure, label_columns, style
from bitmill.studies.committed import committed_records
from bitmill.tests.reports.clashes import clashes


@pytest.mark.parametrize("study", REPORTS)
def test_nothing_clashes_in_what_is_committed(study):
    records = committed_records(study)
    with style():
        found = {name: clashes(drawing.draw(records)) for name, drawing in REPORTS[study].drawings(records).items()}
    assert found
    assert {name: mistakes for name, mistakes in found.items() if mistakes} == {}


def _panel():
    made = figure(6, 4, "title", "subtitle")
    axes = made.subplots()
    made.subplots_adjust(left=0.15, bottom=0.2)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_xlabel("cost / gates")
    axes.set_ylabel("SQNR / dB")
    return made, axes


def test_every_kind_of_clash_is_found():
    with style():
        made, axes = _panel()
        assert clashes(made) == []
        axes.text(0.5, 0.5, "one")
        axes.text(0.51, 0.5, "two")
        axes.text(0.1, 0.2, "crossed")
        axes.plot([0, 1], [0.22, 0.22])
        axes.text(0.1, 0.8, "marked")
        axes.plot([0.12], [0.81], "o")
        axes.text(0.1, 0.4, "barred")
        axes.barh(0.41, 0.15, height=0.05)
        made.text(0.98, 0.5, "too long a text")
        axes.set_ylabel("")
        axes.legend(handles=axes.lines, labels=["a", "b"], loc="upper right")
        beside(axes, 0.6, 0.22, "on white")
        found = clashes(made)
    assert found == [
        "'one' over 'two'", "'too long a text' leaves the page", "a line crosses 'crossed'", "a mark is over 'marked'",
        "a bar ends in 'barred'", "the vertical axis of '' has no title", "a legend covers a panel",
    ]  # fmt: skip


def test_labels_in_columns_are_apart_whatever_is_crowded():
    with style():
        made, axes = _panel()
        axes.set_xlim(0, 2)
        label_columns(axes, [(1.0, 0.5 + 0.001 * index, f"label {index}", "black", False) for index in range(9)])
        label_columns(axes, [(0.1, 0.999, "at the top", "black", True), (0.11, 0.998, "below it", "black", False)])
        assert clashes(made) == []
        heights = {text.get_text(): text.get_position()[1] for text in axes.texts}
    assert [heights[f"label {index}"] for index in range(9)] == sorted(heights[f"label {index}"] for index in range(9))
    assert heights["at the top"] > heights["below it"]


@pytest.mark.parametrize(
    ("weight", "activation", "more", "family"),
    [
        ("INT4", "INT8", {}, "INT"), ("E2M1", "E2M1", {}, "FP4"), ("E3M2", "E3M2", {}, "FP6"), ("E4M3", "E4M3", {}, "FP8"),
        ("INT4", "E4M3", {}, "FP8"), ("E2M1", "E4M3", {}, "FP8"), ("E2M1", "E2M1", {"scale": "E8M0"}, "MX"),
        ("E2M1", "E2M1", {"scale": "none"}, "FP4"), ("INT8", "FP16", {}, "FP16"),
        ("MINE", "INT4", {"formats": {"MINE": {"exponent_bits": 3, "mantissa_bits": 2}}}, "FP6"),
    ],
)  # fmt: skip
def test_formats_have_their_familys_colour(weight, activation, more, family):
    assert family_of({"weight": weight, "activation": activation, **more}) == family
    assert (
        len({tint for tint, _, _ in FAMILIES.values()})
        == len({mark for _, mark, _ in FAMILIES.values()})
        == len(FAMILIES)
    )


def test_schemes_have_their_familys_colour():
    names = ("bitmod-fp3", "int4-asym", "mxint4", "nvfp4", "fp4", "fp3", "olive4", "nf4")
    assert [family_of_scheme(name) for name in names] == ["BitMoD", "INT", "MX", "MX", "FP4", "FP4", "other", "other"]
