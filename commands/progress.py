"""What is going on, on standard error: a live line in a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from ..screen import say


class Step(Protocol):
    """Tells what is being done now and, where that is known, how much of the whole is done."""

    def __call__(self, text: str, *, done: int | None = None, total: int | None = None) -> None:
        """Show ``text``, and a bar when ``total`` is given."""
        ...


@contextmanager
def progress(text: str) -> Iterator[Step]:
    """Show ``text`` with the time that has passed until the block ends; the block may change it."""
    if not sys.stderr.isatty():
        yield _plain(text)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=24), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as live:
        task = live.add_task(text, total=None)

        def step(text: str, *, done: int | None = None, total: int | None = None) -> None:
            live.update(task, description=text, completed=done, total=total)

        yield step


def _plain(first: str) -> Step:
    started = time.monotonic()

    def step(text: str, *, done: int | None = None, total: int | None = None) -> None:
        count = f" ({done} of {total})" if total is not None else ""
        say(f"bitmill: {time.monotonic() - started:5.1f} s  {text}{count}", err=True)

    step(first)
    return step
