"""The command line as tests use it: in this process, or as a process of its own."""

import os
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest

from bitmill.cli import main
from bitmill.config.bit_serial import BitSerialConfig


@dataclass(frozen=True)
class Ran:
    """How a command ended and what it printed."""

    status: int
    out: str
    err: str


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """``cli("formats", "E4M3")`` runs the command in this process."""

    def run(*arguments: object) -> Ran:
        status = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Ran(status, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def cli_command() -> list[str]:
    """The start of a command that runs bitmill as a process of its own, to go with ``cli_environment``."""
    return [sys.executable, "-P", "-c", "import sys; from bitmill.cli import main; sys.exit(main())"]


@pytest.fixture(scope="session")
def cli_environment() -> dict[str, str]:
    """Variables by which such a process finds this bitmill."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


_STARTER = """
import os, signal, sys
ignored = sys.argv[1].split(",")
for name in ("SIGINT", "SIGTERM", "SIGHUP"):
    signal.signal(getattr(signal, name), signal.SIG_IGN if name in ignored else signal.SIG_DFL)
os.execv(sys.argv[2], sys.argv[2:])
"""


@pytest.fixture(scope="session")
def with_signals() -> Callable[..., list[str]]:
    """``with_signals(command, ignored=("SIGHUP",))``: the command with those signals ignored and the other ones not.

    A test that sends signals starts its commands by this, since the tests themselves may run where some are ignored, as
    under ``nohup`` or in the background of a script.
    """

    def prefixed(command: Sequence[str], *, ignored: Sequence[str] = ()) -> list[str]:
        return [sys.executable, "-I", "-S", "-c", _STARTER, ",".join(ignored), *command]

    return prefixed


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty working directory, so that whatever a failed command leaves behind is seen."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def refuses(cli, here):
    """Run a command that must fail with one line, and return the line; nothing may have been written."""

    def run(*arguments):
        before = sorted(here.rglob("*"))
        result = cli(*arguments)
        assert result.status == 2
        assert result.out == ""
        assert re.fullmatch(r"bitmill: error: [^\n]+\n", result.err), result.err
        assert sorted(here.rglob("*")) == before
        return result.err.removeprefix("bitmill: error: ").rstrip("\n")

    return run


SERIAL_TILES = [
    BitSerialConfig(rows=2, cols=3, group=32),
    BitSerialConfig(rows=3, cols=2, lanes=2, window=11, group=16, drop=4, k_max=64),
    BitSerialConfig(rows=1, cols=2, activation="BF16", window=12, group=16, weight_bits=6),
    BitSerialConfig(rows=2, cols=2, lanes=8, window=24, group=32, weight_bits=4),
    BitSerialConfig(rows=2, cols=2, activation="INT8", group=32),
    BitSerialConfig(rows=2, cols=2, group_exponent="given", group=32),
    BitSerialConfig(rows=1, cols=1, group_exponent="given", activation="BF16", window=9, group=16, drop=3),
]


@pytest.fixture(params=SERIAL_TILES, ids=lambda config: config.title)
def serial_tile(request):
    """Bit-serial tiles of every kind of activation, width of weights and window, one after the other."""
    return request.param
