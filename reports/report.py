"""A report: what is measured for it, what follows from that, and what its page shows; one way to run and to render them all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from ..studies.records import Record, Records
from ..system.files import output_directory
from ..system.text import markdown
from .drawing import style, to_svg
from .page import Page, markdown_table
from .shown import Table

RESULTS = Path("reports/results")
"""Committed records and what is rendered from them, a directory per study, from the root of a checkout."""


@dataclass(frozen=True)
class Drawing:
    """A picture of records, and what it shows for readers who cannot see it."""

    draw: Callable[[Records], Figure]
    caption: str


@dataclass(frozen=True, kw_only=True)
class Report:
    """One report, as a row: everything but ``measure`` is a function of records alone.

    Attributes
    ----------
    study
        Whose records it tells.
    title, subject
        Its headline, and what was measured in a phrase.
    measure
        Gives the measured records, in an order that does not depend on timing; its arguments are those of ``run``.
    derives, derive
        Topics of the records that follow from the measured ones, and what gives those.
    answer
        What to choose and what not, two sentences.
    findings
        What else was found, a sentence each, the most useful first.
    figures
        Tables that the answer rests on, which the README shows too.
    tables
        All that was measured; those without rows are left out.
    drawings
        By name, that of the answer first; those whose records are there.
    regenerate
        Commands and what they do; the first one makes what is committed.
    """

    study: str
    title: str
    subject: Callable[[Records], str]
    measure: Callable[..., Iterable[Record]]
    answer: Callable[[Records], Iterable[str]]
    findings: Callable[[Records], Iterable[str]]
    tables: Callable[[Records], Iterable[Table]]
    drawings: Callable[[Records], Mapping[str, Drawing]]
    regenerate: Sequence[tuple[str, str]]
    derives: tuple[str, ...] = ()
    derive: Callable[[Records], Iterable[Record]] = lambda _records: ()
    figures: Callable[[Records], Iterable[Table]] = lambda _records: ()

    @property
    def folder(self) -> Path:
        """Where its committed files are, from the root of a checkout."""
        return RESULTS / self.study

    def whole(self, measured: Iterable[Record]) -> Records:
        """The measured records and those that follow from them.

        Raises
        ------
        BitmillError
            If one that is needed is missing.
        """
        known = Records(measured, study=self.study)
        return known.plus(self.derive(known))

    def again(self, records: Records) -> Records:
        """Records with what follows from the measured ones derived anew."""
        return self.whole(record for record in records if record.topic not in self.derives)

    def page(self, records: Records) -> Page:
        """What the report shows.

        Raises
        ------
        BitmillError
            If a record that a picture or a sentence needs is missing.
        """
        drawings = self.drawings(records)
        with style():
            pictures = {name: to_svg(drawing.draw(records), name) for name, drawing in drawings.items()}
        return Page(
            title=self.title,
            subject=self.subject(records),
            answer=list(self.answer(records)),
            findings=list(self.findings(records)),
            figures=[table for table in self.figures(records) if table.rows],
            tables=[table for table in self.tables(records) if table.rows],
            regenerate=self.regenerate,
            records=records,
            pictures=pictures,
            captions={name: drawing.caption for name, drawing in drawings.items()},
        )

    def run(self, out: str | Path, **how: Any) -> Path:
        """Measure everything and write the report; returns the path of its ``index.html``.

        Parameters
        ----------
        out
            Directory of ``index.html``, ``report.md``, ``records.json``, ``records.csv`` and the pictures; made if missing.
            Nothing in it changes before everything was measured and rendered.
        how
            As for ``measure``.

        Raises
        ------
        BitmillError
            If an input is bad, a tool is missing or fails, a unit differs from golden, or ``out`` cannot be written.
        """
        self.tell(out, **how)
        return Path(out) / "index.html"

    def tell(self, out: str | Path, **how: Any) -> list[str]:
        """``run``, and what a terminal shows of it: the answer, and behind it the path of the page."""
        return self._written(out, lambda: self.whole(self.measure(**how)))

    def write(self, out: str | Path, records: Records) -> list[str]:
        """Write the report of given records, as ``tell`` does."""
        return self._written(out, lambda: records)

    def _written(self, out: str | Path, measured: Callable[[], Records]) -> list[str]:
        with output_directory(out) as staged:
            page = self.page(measured())
            self._files(staged, page)
        return [*page.answer, str(Path(out) / "index.html")]

    def _files(self, folder: Path, page: Page) -> None:
        for name, content in page.files().items():
            (folder / name).write_text(content, encoding="utf-8", newline="\n")

    def block(self, records: Records) -> str:
        """The README's part of the committed report: answer, picture and figures, and the command that regenerates them."""
        name, drawing = next(iter(self.drawings(records).items()))
        lines = [f"**{markdown(' '.join(self.answer(records)))}**", ""]
        lines += [f"![{markdown(drawing.caption)}]({self.folder.as_posix()}/{name}.svg)", ""]
        for table in self.figures(records):
            lines += [*markdown_table(table), "", f"{markdown(table.title)}. {markdown(table.note)}", ""]
        source = f"[records.json]({self.folder.as_posix()}/records.json)"
        return "\n".join([*lines, f"Regenerate with `{self.regenerate[0][0]}`; every number is in {source}."])
