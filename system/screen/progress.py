"""What is going on, on standard error: a live line in a terminal, plain lines elsewhere, and never long silence."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from ..text import visible
from .say import say

FIRST_SECONDS = 2.0
"""After so long without a word what is going on is said."""
AGAIN_SECONDS = 10.0
"""After so long with nothing new it is said again."""
LONG_SECONDS = 60.0
"""Where more time is left than this, how much."""


class Step(Protocol):
    """Tells what is being done now and, where that is known, how much of the whole is done."""

    def __call__(self, text: str, *, done: int | None = None, total: int | None = None) -> None:
        """Show ``text``, and a bar when ``total`` is given."""
        ...


@contextmanager
def progress(text: str, *, paced: bool = False) -> Iterator[Step]:
    """Show ``text`` with the time that has passed until the block ends; the block may change it.

    Elsewhere than in a terminal every change is a line; with ``paced`` at most one in ``FIRST_SECONDS``, and none before.
    Inside another such block it is that one's text which changes, for as long as this one lasts.
    """
    if _active:
        step, outer = _active[-1]
        step(text)
        _active.append((step, text))
        try:
            yield step
        finally:
            _active.pop()
            step(outer)
        return
    with _shown(text, paced=paced) as step:
        _active.append((step, text))
        try:
            yield step
        finally:
            _active.pop()


_active: list[tuple[Step, str]] = []
"""What is shown now, innermost last: one process has one screen."""


@contextmanager
def _shown(text: str, *, paced: bool) -> Iterator[Step]:
    if sys.stderr is not None and sys.stderr.isatty():
        with _live(text) as step:
            yield step
        return
    lines = _Lines(text, paced=paced)
    heart = threading.Thread(target=lines.beat, daemon=True, name="bitmill progress")
    heart.start()
    try:
        yield lines.step
    finally:
        lines.ended.set()
        heart.join()


@contextmanager
def _live(text: str) -> Iterator[Step]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(bar_width=24), TimeElapsedColumn(),
        TextColumn("left", markup=False), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as live:
        task = live.add_task(visible(text), total=None)

        def step(text: str, *, done: int | None = None, total: int | None = None) -> None:
            live.update(task, description=visible(text), completed=done, total=total)

        yield step


class _Lines:
    """Plain lines: what is new, and after a while without a line what is still going on."""

    def __init__(self, text: str, *, paced: bool) -> None:
        self.ended = threading.Event()
        self._lock = threading.Lock()
        self._paced = paced
        self._started = self._told = time.monotonic()
        self._silence = FIRST_SECONDS
        self._text, self._done, self._total = text, None, None
        self._part_started: tuple[float, int] | None = None
        if not paced:
            self._tell(again=False)

    def step(self, text: str, *, done: int | None = None, total: int | None = None) -> None:
        """Something new."""
        with self._lock:
            now = time.monotonic()
            if total is None or total != self._total or self._part_started is None:
                self._part_started = None if total is None else (now, done or 0)
            self._text, self._done, self._total = text, done, total
            if not self._paced or now - self._told >= FIRST_SECONDS:
                self._tell(again=False)

    def beat(self) -> None:
        """Until the end: say what is going on whenever nothing was said for a while."""
        while not self.ended.wait(min(0.1, FIRST_SECONDS / 4)):
            with self._lock:
                if time.monotonic() - self._told >= self._silence:
                    self._tell(again=True)

    def _tell(self, *, again: bool) -> None:
        now = time.monotonic()
        self._told = now
        # Once it has been said that it goes on, that is said less often.
        self._silence = AGAIN_SECONDS if again else FIRST_SECONDS
        count = f" ({self._done} of {self._total})" if self._total is not None else ""
        say(f"bitmill: {now - self._started:5.1f} s  {self._text}{count}{self._left(now)}", err=True)

    def _left(self, now: float) -> str:
        if self._part_started is None or self._total is None or self._done is None:
            return ""
        since, before = self._part_started
        made = self._done - before
        seconds = (now - since) / made * (self._total - self._done) if made > 0 else 0.0
        return f", about {_duration(seconds)} left" if seconds > LONG_SECONDS else ""


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
