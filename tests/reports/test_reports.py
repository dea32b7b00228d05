"""Every report that comes with bitmill, from its committed records; and how a run ends, which is the same for all."""

from __future__ import annotations

import html
import re
from dataclasses import replace

import pytest

from bitmill.formats.block import BLOCKS
from bitmill.reports.catalog import REPORTS
from bitmill.reports.report import Report
from bitmill.reports.shown import Number
from bitmill.studies.committed import RESULTS, committed_records
from bitmill.system.errors import BitmillError


@pytest.fixture(scope="module", params=REPORTS)
def report(request):
    return REPORTS[request.param]


@pytest.fixture(scope="module")
def records(report):
    return committed_records(report.study)


@pytest.fixture(scope="module")
def page(report, records):
    return report.page(records)


def test_what_is_committed_is_rendered_from_its_records(report, page):
    folder, files = RESULTS / report.study, page.files()
    names = ("report.md", "records.csv", "records.json")
    for name in names:
        assert (folder / name).read_text(encoding="utf-8") == files[name], name
    # The page is of the same words and pictures; pictures are the machine's that drew them, to the last digit.
    there = {path.name for path in folder.iterdir()} - {"index.html"}
    assert there == files.keys() - {"index.html"}
    for name in there - set(names):
        assert len((folder / name).read_text(encoding="utf-8")) == pytest.approx(len(files[name]), rel=0.02), name


def test_every_number_of_a_table_is_a_records(records, page):
    cells = [
        cell
        for table in (*page.figures, *page.tables)
        for row in table.rows
        for cell in row
        if isinstance(cell, Number)
    ]
    assert len(cells) > 400
    for cell in cells:
        assert cell.metric in records[cell.record].metrics
    for table in (*page.figures, *page.tables):
        assert {len(row) for row in table.rows} == {len(table.header)}, table.title


def test_a_page_opens_with_the_answer_and_carries_nothing_of_this_machine(report, records, page):
    text = page.files()["index.html"]
    assert text.index("<h2>Answer") < text.index("<svg") < text.index("<table>") < text.index("<h2>Findings")
    assert len(page.answer) == 2
    assert page.figures
    assert not re.search(r'(?:src|href)="(?!#)', text)
    drawings = report.drawings(records)
    assert list(page.pictures) == list(drawings)
    for name, picture in page.pictures.items():
        assert drawings[name].caption in html.unescape(text)
        assert "date" not in picture.lower()
        assert not re.search(r"/(work|tmp|home|usr|root)/", picture)
        assert len(picture) < 400_000, name


def test_ids_stand_nowhere_in_words(records, page):
    tables = [*page.figures, *page.tables]
    words = [page.subject, *page.answer, *page.findings, *page.captions.values()]
    words += [text for table in tables for text in (table.title, table.note, *table.header)]
    words += [cell for table in tables for row in table.rows for cell in row if isinstance(cell, str)]
    ids = {name for record in records for name in (record.part, record.id)} | BLOCKS.keys()
    ids = {name for name in ids if "-" in name or "/" in name}
    assert ids & set(re.split(r"[\s,;:()\"]+", " ".join(words))) == set()


def test_no_figure_is_published_twice_in_two_ways():
    stated: dict[tuple[str, str], float] = {}
    for study in REPORTS:
        for record in committed_records(study).of_kind("claim"):
            if "published" in record.metrics:
                key = record.config["source"], record.config["claim"]
                value = record.number("published")
                assert stated.setdefault(key, value) == pytest.approx(value), key


def test_an_output_that_cannot_be_written_is_refused_before_any_work(report, tmp_path):
    (tmp_path / "file").write_text("")
    lazy = replace(report, measure=lambda **_: pytest.fail("work was done"))
    with pytest.raises(BitmillError, match=r"file/out: cannot be written"):
        lazy.run(tmp_path / "file" / "out")


@pytest.mark.parametrize("error", [KeyboardInterrupt(), BitmillError("no such luck")])
def test_a_failure_leaves_the_old_report(report, tmp_path, error):
    def fail(**_):
        raise error

    (tmp_path / "index.html").write_text("old")
    with pytest.raises(type(error)):
        replace(report, measure=fail).run(tmp_path)
    with pytest.raises(BitmillError, match="record"):
        replace(report, measure=lambda **_: [], drawings=REPORTS["int-vs-fp"].drawings).run(tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"index.html": "old"}


def test_what_was_half_written_goes(tmp_path, monkeypatch):
    def half(_report, folder, _records):
        (folder / "report.md").write_text("half")
        raise BitmillError("no space")

    monkeypatch.setattr(Report, "_files", half)
    with pytest.raises(BitmillError, match="no space"):
        replace(REPORTS["nonlinear"], measure=lambda **_: []).run(tmp_path)
    assert list(tmp_path.iterdir()) == []
