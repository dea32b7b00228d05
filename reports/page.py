"""A report as one self-contained HTML file and as Markdown, from what a study has to say: the answer first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ..studies.records import Records
from ..system.text import markdown, markdown_code, visible
from .shown import Cell, Number, Table, tool_versions

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, kw_only=True)
class Page:
    """What a report shows, in this order; a function of the records alone.

    Attributes
    ----------
    title, subject
        Its headline, and what was measured in a phrase.
    answer
        What to choose and what not, in two sentences.
    pictures
        Name to SVG text, that of the answer first; the Markdown refers to ``NAME.svg``.
    captions
        What each picture shows, for readers who cannot see it.
    figures
        Tables of what the answer rests on.
    findings
        What else was found, a sentence each.
    tables
        All that was measured.
    regenerate
        Commands and what they do.
    records
        Where all numbers come from.
    """

    title: str
    subject: str
    answer: Sequence[str]
    tables: Sequence[Table]
    regenerate: Sequence[tuple[str, str]]
    records: Records
    findings: Sequence[str] = ()
    figures: Sequence[Table] = ()
    pictures: Mapping[str, str] = field(default_factory=dict)
    captions: Mapping[str, str] = field(default_factory=dict)

    def caption(self, name: str) -> str:
        """What a picture shows; its name if nobody said."""
        return self.captions.get(name, name)

    def files(self) -> dict[str, str]:
        """File name to text of everything in the report's directory."""
        return {
            **{f"{name}.svg": picture for name, picture in self.pictures.items()},
            "records.csv": self.records.to_csv(),
            "report.md": render_markdown(self),
            "index.html": render_html(self),
            "records.json": self.records.to_json(),
        }


def render_html(page: Page) -> str:
    """The text of ``index.html``: answer, its picture and figures, then the rest. Nothing is loaded from elsewhere."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        finalize=_seen,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.tests["number"] = lambda cell: isinstance(cell, Number)
    return environment.get_template("report.html.j2").render(
        title=page.title,
        subject=page.subject,
        pictures=[(name, svg, page.caption(name)) for name, svg in page.pictures.items()],
        answer=" ".join(page.answer),
        findings=page.findings,
        figures=page.figures,
        tables=page.tables,
        regenerate=page.regenerate,
        tools=tool_versions(page.records),
        records=len(page.records),
    )


def render_markdown(page: Page) -> str:
    """The text of ``report.md``; pictures are referred to by their file names. All text of the page reads as it is."""
    first, *others = [f"![{markdown(page.caption(name))}]({name}.svg)" for name in page.pictures] or [""]
    lines = [f"# {markdown(page.title)}", "", f"{markdown(page.subject)}.", "", "## Answer", ""]
    lines += [f"**{markdown(' '.join(page.answer))}**", "", *([first, ""] if first else [])]
    lines += [line for table in page.figures for line in _section(table)]
    if page.findings:
        lines += ["## Findings", "", *(f"- {markdown(sentence)}" for sentence in page.findings), ""]
    lines += [line for picture in others for line in (picture, "")]
    lines += [line for table in page.tables for line in _section(table)]
    commands = [f"- {markdown_code(command)}: {markdown(what)}" for command, what in page.regenerate]
    lines += ["## How to regenerate", "", *commands, ""]
    versions = ", ".join(f"{tool} {version}" for tool, version in tool_versions(page.records).items())
    lines += ["Every number is a metric of a record in `records.json` (`records.csv` has the same, a line each).", ""]
    lines += [f"Tools: {markdown(versions)}."]
    return "\n".join(lines) + "\n"


def _section(table: Table) -> list[str]:
    return [f"## {markdown(table.title)}", "", markdown(table.note), "", *markdown_table(table), ""]


def markdown_table(table: Table) -> list[str]:
    """Lines of a table, columns with numbers to the right."""
    right = [any(isinstance(row[column], Number) for row in table.rows) for column in range(len(table.header))]
    rule = ["---:" if is_number else "---" for is_number in right]
    header = _row([markdown(name) for name in table.header])
    return [header, _row(rule), *(_row([_text(cell) for cell in row]) for row in table.rows)]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _text(cell: Cell) -> str:
    return markdown(cell.text if isinstance(cell, Number) else cell)


def _seen(value: Any) -> Any:
    """What a template puts in: text without what steers, and pictures as they are."""
    return visible(value) if type(value) is str else value
