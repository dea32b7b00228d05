"""The command line: ``bitmill COMMAND``. Failures are one line on standard error and a status other than 0.

Almost nothing is imported here: what takes time is imported where an interruption is told in one line.
"""

from __future__ import annotations

import os
import signal
import sys

# Not from `typing`, see the package's `__init__`.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType
    from typing import Any

FAILED = 2
INTERRUPTED = 130
TRACEBACK_VARIABLE = "BITMILL_TRACEBACK"
"""Environment variable that shows where a fault of bitmill's own happened."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    0: done. 2: bad input, a missing tool or a failed run, told in one line on standard error. 130: interrupted.
    """
    if arguments is not None:
        return _told(arguments)
    # A process of its own, with nothing to do afterwards.
    _open_closed_streams()
    status = _told(sys.argv[1:])
    if _in_main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # All is done; Python would end itself by it while it finalizes.
    return status


def __getattr__(name: str) -> Any:
    if name == "bitmill":
        return _group()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _told(arguments: Sequence[str]) -> int:
    """The status of a command, whose failure is told in one line."""
    group = _group()
    import click

    from .system.errors import BitmillError
    from .system.files import guarding_inputs

    previous = _stop_cleanly_on_termination()
    try:
        with guarding_inputs():
            return _run(group, arguments)
    except BitmillError as error:
        return _fail(str(error), arguments)
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "bitmill"
        return _fail(f"{error.format_message()} (see `{path} --help`)", arguments)
    except click.ClickException as error:
        return _fail(error.format_message(), arguments)
    except (KeyboardInterrupt, click.Abort):
        _say("bitmill: interrupted, nothing written")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader, such as `head`, has seen enough.
        _discard_output()
        return 0
    except OSError as error:
        if error.filename is None and (_output_is_lost() or _is_of_help(error)):
            return _fail(f"standard output: cannot be written: {error.strerror or error}", arguments)
        return _fail(f"{error.filename or 'system'}: {error.strerror or error}", arguments)
    except MemoryError:
        return _fail("the system has no more memory", arguments)
    except Exception as error:
        # A fault of bitmill's own: where it is matters to whoever mends it.
        if os.environ.get(TRACEBACK_VARIABLE):
            raise
        told = f"{type(error).__name__}: {error}"
        return _fail(
            f"fault of bitmill's own, please report it with what {TRACEBACK_VARIABLE}=1 adds: {told}", arguments
        )
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        _output_is_lost()


def _group() -> Any:
    """The commands. Their libraries take a moment to import, in which an interruption ends the process."""
    # Not by an exception, some of which get lost in the middle of an import.
    restore = _on_interruption(_interrupted) if "bitmill.commands.group" not in sys.modules else _nothing
    try:
        from .commands.group import bitmill
    finally:
        restore()
    return bitmill


def _run(group: Any, arguments: Sequence[str]) -> int:
    import click

    try:
        with group.make_context("bitmill", list(arguments)) as context:
            group.invoke(context)
            if sys.stdout is not None:
                sys.stdout.flush()
    except click.exceptions.Exit as done:
        return done.exit_code
    return 0


def _fail(message: str, arguments: Sequence[str]) -> int:
    from .system.text import message as readable
    from .system.text import short

    for argument in arguments:
        message = message.replace(repr(argument), short(argument))
    _say(f"bitmill: error: {readable(message)}")
    return FAILED


def _say(line: str) -> None:
    from .system.screen import say

    say(line, err=True)


def _in_main_thread() -> bool:
    import threading

    return threading.current_thread() is threading.main_thread()


def _on_interruption(then: Callable[[], object]) -> Callable[[], None]:
    """Call ``then`` on Ctrl-C instead of raising, if Ctrl-C is not ignored; what it returns undoes that."""
    if not _in_main_thread():
        return _nothing
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler:
        return _nothing
    signal.signal(signal.SIGINT, lambda _number, _frame: then())

    def undo() -> None:
        signal.signal(signal.SIGINT, before)

    return undo


def _nothing() -> None:
    pass


def _interrupted() -> None:
    os.write(2, b"bitmill: interrupted, nothing written\n")
    os._exit(INTERRUPTED)


def _open_closed_streams() -> None:
    """Give the null device to standard streams that are closed, or the next files to be opened would take their places."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # The lowest descriptor that is free.
            if number:
                setattr(sys, name, open(number, "w", encoding="utf-8", closefd=False))  # noqa: SIM115


def _output_is_lost() -> bool:
    """Whether standard output takes nothing any more; Python would complain of it once more when it flushes at exit."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except (OSError, ValueError):
        _discard_output()
        return True
    return False


def _is_of_help(error: OSError) -> bool:
    """Whether click failed to print help; whatever else is printed says so itself."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    return frame is not None and frame.tb_frame.f_globals.get("__name__") == "click.utils"


def _discard_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _stop_cleanly_on_termination() -> dict[signal.Signals, signal._HANDLER]:
    """Make SIGTERM and SIGHUP unwind like Ctrl-C, so that tools are ended and nothing half-written is left.

    What was ignored when this process was started stays ignored, such as SIGHUP under ``nohup``.
    """

    def stop(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    if not _in_main_thread():
        return {}
    present = [signal.Signals[name] for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    wanted = [number for number in present if signal.getsignal(number) is not signal.SIG_IGN]
    return {number: signal.signal(number, stop) for number in wanted}


if __name__ == "__main__":
    sys.exit(main())
