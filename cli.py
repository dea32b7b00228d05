"""The command line: ``bitmill COMMAND``. Failures are one line on standard error and a status other than 0."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Sequence
from types import FrameType

import click

from . import __version__
from .commands.build import build
from .commands.estimate import estimate
from .commands.formats import formats, presets
from .commands.generate import generate
from .commands.quantize import quantize
from .commands.report import report
from .commands.run import run
from .commands.synth import synth
from .commands.verify import verify
from .errors import BitmillError

FAILED = 2
INTERRUPTED = 130


def _print_versions(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if not wanted or context.resilient_parsing:
        return
    from .tools import tool_versions, yosys_engine

    versions = tool_versions()
    click.echo(f"bitmill {__version__}")
    click.echo(f"python {sys.version.split()[0]}")
    for name, version in versions.items():
        click.echo(f"{name} {version} ({yosys_engine()})" if name == "yosys" else f"{name} {version}")
    context.exit()


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_versions,
    help="Print the versions of bitmill and of its tools.",
)
@click.pass_context
def bitmill(context: click.Context) -> None:
    """Generate, verify, synthesize and compare low-bit multiply-accumulate hardware.

    INT or FP, how many bits, which accumulator? `bitmill report int-vs-fp -o DIR` answers for a real layer.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


for _command in (formats, presets, quantize, generate, verify, run, synth, estimate, build, report):
    bitmill.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    0: done. 2: bad input, a missing tool or a failed run, told in one line on standard error. 130: interrupted.
    """
    previous = _stop_cleanly_on_termination()
    try:
        return _run(sys.argv[1:] if arguments is None else arguments)
    except BitmillError as error:
        return _fail(str(error))
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "bitmill"
        return _fail(f"{error.format_message()} (see `{path} --help`)")
    except click.ClickException as error:
        return _fail(error.format_message())
    except (KeyboardInterrupt, click.Abort):
        _say("bitmill: interrupted, nothing written")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader, such as `head`, has seen enough. Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        return _fail(f"{error.filename or 'system'}: {error.strerror or error}")
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _run(arguments: Sequence[str]) -> int:
    try:
        with bitmill.make_context("bitmill", list(arguments)) as context:
            bitmill.invoke(context)
            sys.stdout.flush()
    except click.exceptions.Exit as done:
        return done.exit_code
    return 0


def _fail(message: str) -> int:
    _say(f"bitmill: error: {' '.join(message.split())}")
    return FAILED


def _say(line: str) -> None:
    click.echo(line, err=True)


def _stop_cleanly_on_termination() -> dict[signal.Signals, signal._HANDLER]:
    """Make SIGTERM and SIGHUP unwind like Ctrl-C, so that tools are ended and nothing half-written is left.

    What was ignored when this process was started stays ignored, such as SIGHUP under ``nohup``.
    """

    def stop(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    if threading.current_thread() is not threading.main_thread():
        return {}
    present = [signal.Signals[name] for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    wanted = [number for number in present if signal.getsignal(number) is not signal.SIG_IGN]
    return {number: signal.signal(number, stop) for number in wanted}


if __name__ == "__main__":
    sys.exit(main())
