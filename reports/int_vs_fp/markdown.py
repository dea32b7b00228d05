"""The report as Markdown, a function of the records alone."""

from __future__ import annotations

from collections.abc import Sequence

from ..records import Records
from . import text, view
from .answer import answer
from .tables import all_tables
from .view import Cell, Number, Table


def render_markdown(records: Records, pictures: Sequence[str]) -> str:
    """The text of ``report.md``; pictures are referred to by their file names."""
    lines = [f"# {text.TITLE}", "", f"{text.subject(records)}.", ""]
    for name in pictures:
        lines += [f"![{text.caption(name)}]({name}.svg)", ""]
    lines += ["## Answer", "", *(f"- {sentence}" for sentence in answer(records)), ""]
    for table in all_tables(records):
        lines += [f"## {table.title}", "", table.note, "", *_table(table), ""]
    lines += ["## How to regenerate", "", *(f"- `{command}`: {what}" for command, what in text.REGENERATE), ""]
    versions = ", ".join(f"{tool} {version}" for tool, version in view.tool_versions(records).items())
    lines += ["Every number is a metric of a record in `records.json` (`records.csv` has the same, a line each).", ""]
    lines += [f"Tools: {versions}."]
    return "\n".join(lines) + "\n"


def _table(table: Table) -> list[str]:
    right = [any(isinstance(row[column], Number) for row in table.rows) for column in range(len(table.header))]
    rule = ["---:" if is_number else "---" for is_number in right]
    return [_row(table.header), _row(rule), *(_row([_text(cell) for cell in row]) for row in table.rows)]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _text(cell: Cell) -> str:
    return cell.text if isinstance(cell, Number) else cell
