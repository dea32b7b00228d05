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
SURE_PARTS, SURE_SHARE = 5, 0.05
"""So many parts, and this share of them, must be done before it is said how long the rest takes."""


class Step(Protocol):
    """Tells what is being done now and, where that is known, how much of the whole is done."""

    def __call__(
        self, text: str, *, done: int | None = None, total: int | None = None, left: float | None = None
    ) -> None:
        """Show ``text``, and a bar when ``total`` is given; ``left`` are the seconds left, where the caller knows better."""
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
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(bar_width=24), TimeElapsedColumn(),
        TextColumn("{task.fields[left]}", markup=False),
    )  # fmt: skip
    pace = _Pace()
    with Progress(*columns, console=Console(stderr=True), transient=True) as live:
        task = live.add_task(visible(text), total=None, left="")

        def step(text: str, *, done: int | None = None, total: int | None = None, left: float | None = None) -> None:
            pace.step(done, total, left)
            seconds = pace.left()
            shown = "" if seconds is None else f"about {_duration(seconds)} left"
            live.update(task, description=visible(text), completed=done, total=total, left=shown)

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
        self._pace = _Pace()
        if not paced:
            self._tell(again=False)

    def step(self, text: str, *, done: int | None = None, total: int | None = None, left: float | None = None) -> None:
        """Something new."""
        with self._lock:
            now = time.monotonic()
            self._pace.step(done, total, left)
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
        say(f"bitmill: {now - self._started:5.1f} s  {self._text}{count}{self._left()}", err=True)

    def _left(self) -> str:
        seconds = self._pace.left()
        return f", about {_duration(seconds)} left" if seconds is not None and seconds > LONG_SECONDS else ""


class _Pace:
    """How long parts take, as far as that can be told: the first ones may be known already, or the longest of all."""

    def __init__(self) -> None:
        self._total: int | None = None
        self._steps: list[tuple[float, int]] = []
        self._ends: float | None = None

    def step(self, done: int | None, total: int | None, left: float | None = None) -> None:
        """So many parts of ``total`` are done now; of another total they are other parts. ``left`` is what the caller knows."""
        self._ends = None if left is None else time.monotonic() + left
        if total is None or total != self._total:
            self._steps = []
        self._total = total
        if total is not None:
            self._steps.append((time.monotonic(), done or 0))

    def left(self) -> float | None:
        """Seconds that the rest takes; None while too few are done, or the last ones took another time than all."""
        if self._ends is not None:
            return max(0.0, self._ends - time.monotonic())
        if self._total is None or len(self._steps) < 2:
            return None
        (since, before), (now, done) = self._steps[0], self._steps[-1]
        made = done - before
        if made < SURE_PARTS or made < SURE_SHARE * (self._total - before):
            return None
        whole = (now - since) / made
        # The later half, of the time and of the parts: both must go on as all went.
        halves = (
            max(step for step in self._steps if step[0] <= (since + now) / 2),
            max(step for step in self._steps if step[1] <= (before + done) / 2),
        )
        by_time, by_parts = ((now - then) / max(done - earlier, 1) for then, earlier in halves)
        steady = all(whole / 2 <= pace <= 2 * whole for pace in (by_time, by_parts))
        return by_time * (self._total - done) if steady else None


def _duration(seconds: float) -> str:
    if seconds <= LONG_SECONDS:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
