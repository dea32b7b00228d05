"""Ctrl-C and termination half-way: one line, the tools ended, nothing half-written; and what was ignored stays ignored."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from bitmill.config import MacConfig
from bitmill.fpga.cache import CACHE_VARIABLE

from .marked import processes_with

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/environ").exists(), reason="looks for left-over processes in /proc"
)

INTERRUPTED = {
    "generate": ("generate", "unit.toml", "-o", "out"),
    "verify": ("verify", "unit.toml", "-o", "out", "--waves"),
    "compiled": ("verify", "unit.toml", "-o", "out", "--engine", "compiled"),
    "synth": ("synth", "unit.toml", "--target", "ecp5", "-o", "out.json"),
    "report": ("report", "int-vs-fp", "-o", "out"),
}


def _tools_in(temporary):
    """Running processes that carry the mark of a tool of a run whose folder lies in ``temporary``."""
    return processes_with([f"BITMILL_TOOL={temporary}/"])


@pytest.fixture
def begun(here, cli_command, cli_environment, tmp_path_factory, with_signals):
    """``begun(name)``: the command under way, with a tool running, and its own temporary folder."""
    processes = []

    def start(name, *, ignored=(), unit=None):
        # 64 lanes of a wide format: seconds of work in Yosys.
        config = unit or MacConfig(weight="E5M2", activation="E5M2", unit="dot", lanes=64)
        (here / "unit.toml").write_text(config.to_toml())
        temporary = tmp_path_factory.mktemp("tmp")
        environment = {
            **cli_environment,
            CACHE_VARIABLE: str(tmp_path_factory.mktemp("cache")),
            "TMPDIR": str(temporary),
        }
        command = with_signals([*cli_command, *INTERRUPTED[name]], ignored=ignored)
        process = subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        processes.append(process)
        _wait_for(lambda: process.poll() is not None or _tools_in(temporary), seconds=60)
        assert process.poll() is None, process.communicate()
        return process, temporary

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def _wait_for(condition, *, seconds):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("name", "number"),
    [*((name, signal.SIGINT) for name in INTERRUPTED), ("synth", signal.SIGTERM), ("synth", signal.SIGHUP)],
)
def test_ctrl_c_half_way(name, number, here, begun):
    process, temporary = begun(name)
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert "Traceback" not in err
    if number is signal.SIGINT:
        assert process.returncode == 130
        assert err.splitlines()[-1] == "bitmill: interrupted, nothing written"
    else:
        assert process.returncode == 128 + number
    _wait_for(lambda: not _tools_in(temporary), seconds=5)
    assert [path.name for path in here.iterdir()] == ["unit.toml"]
    assert list(temporary.iterdir()) == []


def test_what_was_ignored_stays_ignored(here, begun):
    """As under ``nohup`` and in the background of a script: the signals change nothing, neither for tools."""
    names = ("SIGINT", "SIGTERM", "SIGHUP")
    unit = MacConfig(weight="E5M2", activation="E5M2", unit="dot", lanes=8)
    process, temporary = begun("generate", ignored=names, unit=unit)
    for name in names:
        number = getattr(signal, name)
        process.send_signal(number)
        for tool in _tools_in(temporary):
            os.kill(tool, number)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, "Traceback" in err) == (0, False), err
    assert (here / "out" / "bitmill_top.v").is_file()


@pytest.mark.parametrize("name", ["compiled", "verify"])
def test_tools_die_with_a_killed_run_and_its_folder_goes(name, begun):
    process, temporary = begun(name)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    _wait_for(lambda: not _tools_in(temporary), seconds=2)
    _wait_for(lambda: not list(temporary.glob("bitmill-*/run-*")), seconds=2)
