"""Renderers: functions of the records alone, self-contained, and every number of theirs a record's."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import matplotlib as mpl
import numpy as np
import pytest

from bitmill.reports import choice, shown
from bitmill.reports.drawing import style
from bitmill.reports.int_vs_fp import view
from bitmill.reports.int_vs_fp.answer import answer
from bitmill.reports.int_vs_fp.bars import arrays_picture
from bitmill.reports.int_vs_fp.fronts import PARETO, accumulators_picture, pareto_picture
from bitmill.reports.int_vs_fp.report import REPORT
from bitmill.reports.int_vs_fp.tables import all_tables, arrays_table, figures
from bitmill.studies.int_vs_fp.study import Study
from bitmill.studies.records import Records
from bitmill.system.errors import BitmillError


class Page(HTMLParser):
    """Cells with their data attributes, and every attribute that could load something."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.cells: list[tuple[str, str, str]] = []
        self.loads: list[tuple[str, str | None]] = []
        self.ids: list[str] = []
        self.tags: set[str] = set()
        self._cell: tuple[str, str] | None = None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.tags.add(tag)
        self.loads += [
            (name, value) for name, value in attrs if name in ("src", "href", "xlink:href", "srcset", "data")
        ]
        if "id" in found:
            self.ids.append(found["id"] or "")
        if tag == "td" and "data-record" in found:
            self._cell = (found["data-record"] or "", found["data-metric"] or "")

    def handle_data(self, data):
        if self._cell:
            self.cells.append((data, *self._cell))
            self._cell = None


@pytest.fixture(scope="module")
def rendered(records):
    return REPORT.page(records).files()


@pytest.fixture(scope="module")
def page(rendered):
    return Page(rendered["index.html"])


def as_shown(text: str, value: float | None) -> bool:
    """Whether a number is shown rounded to its digits."""
    if value is None:
        return text == "exact"
    digits = len(text.partition(".")[2])
    return abs(float(text.replace(",", "")) - value) <= 0.5 * 10**-digits * (1 + 1e-9)


def test_the_same_records_give_the_same_bytes(records, rendered):
    again = Records.from_json(records.to_json())
    with mpl.rc_context({"font.size": 23, "axes.grid": False, "svg.fonttype": "none"}):
        assert REPORT.page(again).files() == rendered


def test_all_files_are_there(rendered):
    names = ("pareto-gates", "pareto-lut4", "accumulators", "parts", "scale-policy", "fmax", "arrays")
    pictures = [f"{name}.svg" for name in names]
    assert set(rendered) == {*pictures, "index.html", "report.md", "records.json", "records.csv"}
    for name in pictures:
        assert rendered[name].startswith("<svg")
        assert f"]({name})" in rendered["report.md"]


def test_the_page_loads_nothing(page, rendered):
    assert page.loads, "the pictures refer to their own parts"
    assert all(value and value.startswith("#") for _, value in page.loads)
    assert not page.tags & {"script", "link", "img", "iframe", "image"}
    assert "url(http" not in rendered["index.html"]
    assert "@import" not in rendered["index.html"]


def test_ids_of_pictures_do_not_meet(page):
    assert len(page.ids) == len(set(page.ids))
    assert {value[1:] for _, value in page.loads if value} <= set(page.ids)


def test_every_number_in_the_tables_is_a_records(page, records):
    assert len(page.cells) > 500
    wrong = [cell for cell in page.cells if not as_shown(cell[0], records[cell[1]].metrics[cell[2]].value)]
    assert wrong == []


def test_markdown_tables_hold_the_same_numbers(rendered, records):
    for table in (*figures(records), *all_tables(records)):
        for row in table.rows:
            line = "| " + " | ".join(cell.text if isinstance(cell, shown.Number) else cell for cell in row) + " |"
            assert line in rendered["report.md"]


def test_every_number_of_the_findings_is_in_a_table(rendered, records, page):
    told = rendered["report.md"].split("## Findings")[1].split("\n## ")[0]
    labels = {pair.label for pair in view.pairs(records)}
    for label in sorted(labels, key=len, reverse=True):
        told = told.replace(label, "")
    names = r"INT8|E4M3|NAND2|LUT4|[BF][FP]\d\d|INT4|E2M1|32-lane|(saturating|wrapping|window|fused) \d+|\d\W\d array"
    names += r"|for \d+ dB|more than \d\.\d dB"
    numbers = set(re.findall(r"(?<![\w-])\d(?:[\d,]*\d)?(?:\.\d+)?(?![\w])", re.sub(names, "", told)))
    shown = {text for text, _, _ in page.cells} | {str(len(records.of_kind("verified")))}
    assert numbers
    assert numbers <= shown


def test_the_answer_comes_first_then_its_picture_and_figures(rendered):
    text = rendered["index.html"]
    places = [
        text.index(part)
        for part in ("<h2>Answer", "<svg", "The candidates: ", "<h2>Findings", "Output SQNR by scale policy")
    ]
    assert places == sorted(places)
    assert rendered["report.md"].index("**Take ") < rendered["report.md"].index("](pareto-gates.svg)")


def test_pictures_carry_no_date_and_nothing_of_this_machine(rendered):
    for svg in (text for name, text in rendered.items() if name.endswith(".svg")):
        assert "date" not in svg.lower()
        assert "<metadata" not in svg
        assert not re.search(r"/(work|tmp|home|usr|root)/", svg)
        assert len(svg) < 400_000


@pytest.mark.parametrize(
    "missing", ["e4m3-k32-exact/generic", "accuracy/tiny/int8/token-maximum", "parts/int4-k1-exact"]
)
def test_a_missing_record_is_named(records, missing):
    fewer = Records(record for record in records if record.id != missing)
    for draw in (REPORT.page, answer, all_tables) if "accuracy" in missing else (REPORT.page,):
        with pytest.raises(BitmillError, match=re.escape(missing)):
            draw(fewer)


def test_no_records_at_all():
    with pytest.raises(BitmillError, match="must hold a record"):
        REPORT.page(Records([]))


def test_an_unknown_picture(records):
    with pytest.raises(BitmillError, match="pareto-gates, pareto-lut4, not 'pie'"):
        pareto_picture(records, "pie")


@pytest.mark.parametrize("name", PARETO)
def test_labels_of_pareto_points_do_not_overlap(records, name):
    with style():
        made = pareto_picture(records, name)
    for axes in made.axes:
        boxes = [text.get_window_extent() for text in axes.texts]
        assert len(boxes) == len(view.pairs(records))
        for i, box in enumerate(boxes):
            assert not any(box.overlaps(other) for other in boxes[i + 1 :])


def test_labels_of_accumulators_do_not_overlap(records):
    with style():
        made = accumulators_picture(records)
    pairs = view.accumulator_pairs(records)
    assert [pair.label for pair in pairs] == ["INT8", "E4M3", "E5M2"]
    for axes, pair in zip(made.axes, pairs, strict=True):
        assert [text.get_text() for text in axes.texts].count("exact") == 1
        boxes = [text.get_window_extent() for text in axes.texts]
        assert len(boxes) == len(view.accumulators(records, pair))
        for i, box in enumerate(boxes):
            assert not any(box.overlaps(other) for other in boxes[i + 1 :])


def test_accumulators_without_error_stand_at_the_top(records):
    with style():
        made = accumulators_picture(records)
    ticks = {tick.get_text(): tick.get_position()[1] for tick in made.axes[0].get_yticklabels()}
    shown = [
        float(np.asarray(line.get_ydata())[0])
        for axes in made.axes
        for line in axes.lines
        if line.get_marker() != "None"
    ]
    lossless = [r for r in records.of_kind("accumulator") if r.metrics["error_sqnr"].value is None]
    assert sum(y == ticks["exact"] for y in shown) == len(lossless)
    assert max(shown) == ticks["exact"]


def test_arrays_not_placed_and_routed_are_said_to_be(records):
    fewer = Records(r for r in records if r.topic not in ("timing", "clock-ratio") or "x" not in r.part)
    with style():
        words = [text.get_text() for axes in arrays_picture(fewer).axes for text in axes.texts]
    assert words.count("not routed") == 4
    rows = {row[:2]: row for row in arrays_table(fewer).rows}
    assert rows["INT8", "8\N{MULTIPLICATION SIGN}8 array"][6] == shown.DASH
    assert isinstance(rows["INT8", "MAC"][6], shown.Number)


def test_a_study_without_arrays_and_accumulators_shows_none(layer, made_up):
    text = REPORT.page(made_up(Study((layer,), units=("mac",), array_units=(), accumulator_pairs=()))).files()
    assert "arrays.svg" not in text
    assert "accumulators.svg" not in text
    assert "Which accumulator" not in text["report.md"]
    assert "Arrays of PEs" not in text["index.html"]


def test_the_front_is_what_nothing_beats():
    points = [(1.0, 1.0, "a"), (2.0, 0.5, "worse"), (2.0, 3.0, "b"), (3.0, 3.0, "dearer"), (3.0, 4.0, "c")]
    assert [name for _, _, name in choice.front(points)] == ["a", "b", "c"]
    assert [name for _, _, name in choice.front(reversed(points))] == ["a", "b", "c"]


def test_a_study_without_dot_products_is_rendered_for_its_macs(layer, made_up):
    text = REPORT.page(made_up(Study((layer,), units=("mac",)))).files()
    assert "The candidates: MAC" in text["report.md"]
    assert "dot32" not in text["index.html"]
