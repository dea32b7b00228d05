"""The time left of work that says nothing of itself but takes about as long as is known before."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from .progress import Step

SHORT_SECONDS = 60.0
TICK_SECONDS = 5.0


@contextmanager
def expected(step: Step, text: str, seconds: float) -> Iterator[None]:
    """While the block runs, tell the seconds that have passed of those expected, where these are more than a minute."""
    if seconds <= SHORT_SECONDS:
        yield
        return
    started, over, total = time.monotonic(), threading.Event(), round(seconds)
    step(f"{text}, seconds", done=0, total=total)

    def tick() -> None:
        while not over.wait(TICK_SECONDS):
            step(f"{text}, seconds", done=min(int(time.monotonic() - started), total), total=total)

    ticker = threading.Thread(target=tick, daemon=True, name="bitmill expected")
    ticker.start()
    try:
        yield
    finally:
        over.set()
        ticker.join()
