"""The README's generated blocks."""

from __future__ import annotations

import pytest

from bitmill import formats
from bitmill.reports.int_vs_fp.report import REPORT
from bitmill.reports.readme import filled, format_table, main
from bitmill.studies.committed import RESULTS
from bitmill.system.errors import BitmillError

EMPTY = """# title
<!-- answer:begin -->
<!-- answer:end -->
<!-- formats:begin -->
<!-- formats:end -->
prose
<!-- figures:begin -->
old
<!-- figures:end -->
<!-- bitmod:begin -->
<!-- bitmod:end -->
<!-- nonlinear:begin -->
<!-- nonlinear:end -->
<!-- full:begin -->
<!-- full:end -->
<!-- cost:begin -->
<!-- cost:end -->
end
"""


@pytest.fixture
def files(tmp_path, records):
    (tmp_path / "README.md").write_text(EMPTY)
    for name in ("bitmod", "nonlinear", "int-vs-fp-full"):
        (tmp_path / name).symlink_to(RESULTS / name)
    (tmp_path / "int-vs-fp").mkdir()
    (tmp_path / "int-vs-fp" / "records.json").write_text(records.to_json())
    return ["--readme", str(tmp_path / "README.md"), "--results", str(tmp_path)]


def test_fills_once_and_then_is_fresh(files, tmp_path, capsys):
    assert main([*files, "--check"]) == 1
    assert (tmp_path / "README.md").read_text() == EMPTY, "--check changes nothing"
    assert "stale" in capsys.readouterr().err
    assert main(files) == 0
    text = (tmp_path / "README.md").read_text()
    assert format_table() in text
    assert text.startswith("# title\n<!-- answer:begin -->\nTake INT4 for 10 dB of mean output SQNR (")
    assert "\nprose\n" in text
    assert text.endswith("\nend\n")
    assert main([*files, "--check"]) == 0
    (tmp_path / "README.md").write_text(text.replace("| E4M3 | 8 |", "| E4M3 | 9 |"))
    assert main([*files, "--check"]) == 1


def test_the_format_table_has_every_compared_format_and_no_other():
    rows = [line.split("|")[1].strip() for line in format_table().splitlines() if line.startswith("| ")][1:]
    assert rows == ["INT4", "INT8", "E2M1", "E2M3", "E3M2", "E4M3", "E5M2"]
    assert "| E4M3 | 8 | 448 | 0.00195312 | NaN | 37 |" in format_table()
    assert f"{len(formats.names()) - 7} more" in format_table()


def test_the_figures_are_the_records(records):
    block = REPORT.block(records)
    assert "make report" in block
    row = next(line for line in block.splitlines() if line.startswith("| INT8 |"))
    assert f"{records['int8-k32-exact/ecp5'].number('logic_per_mac'):,.1f}" in row
    assert f"{records['verified/int8-k32-exact'].number('products'):,.0f}" in row


@pytest.mark.parametrize("text", ["", EMPTY * 2, EMPTY.replace("formats:end", "formats:fin")])
def test_markers_must_be_there_once(text):
    with pytest.raises(BitmillError, match="one block <!-- formats:begin -->"):
        filled(text, {"formats": lambda: "x"})


def test_missing_records_are_one_line(files, tmp_path, capsys):
    (tmp_path / "int-vs-fp" / "records.json").unlink()
    assert main(files) == 2
    assert capsys.readouterr().err.startswith("bitmill: ")
