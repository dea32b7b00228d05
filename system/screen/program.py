"""A module of bitmill that is run by itself: its failures are one line, as the command line's are."""

from __future__ import annotations

from collections.abc import Callable

from ..errors import BitmillError
from ..text import message
from .say import say

FAILED = 2
INTERRUPTED = 130


def run_program(work: Callable[[], int | None]) -> int:
    """What ``work`` returns, 0 for None, as an exit status; 2 after a failure and 130 after Ctrl-C, told in one line."""
    try:
        return work() or 0
    except BitmillError as error:
        say(f"bitmill: error: {message(str(error))}", err=True)
        return FAILED
    except OSError as error:
        say(f"bitmill: error: {message(f'{error.filename}: {error.strerror}')}", err=True)
        return FAILED
    except KeyboardInterrupt:
        say("bitmill: interrupted, nothing written", err=True)
        return INTERRUPTED
