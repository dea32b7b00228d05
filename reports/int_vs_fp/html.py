"""The report as one self-contained HTML file, a function of the records and the pictures drawn from them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ..records import Records
from . import text, view
from .answer import answer
from .tables import all_tables
from .view import Number

TEMPLATES = Path(__file__).parents[1] / "templates"


def render_html(records: Records, pictures: Mapping[str, str]) -> str:
    """The text of ``index.html``: pictures, answer, tables, how to regenerate. Nothing is loaded from elsewhere."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.tests["number"] = lambda cell: isinstance(cell, Number)
    return environment.get_template("int_vs_fp.html.j2").render(
        title=text.TITLE,
        subject=text.subject(records),
        pictures=[(name, svg, text.caption(name)) for name, svg in pictures.items()],
        answer=answer(records),
        tables=all_tables(records),
        regenerate=text.REGENERATE,
        tools=view.tool_versions(records),
        records=len(records),
    )
