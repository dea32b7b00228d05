"""Ctrl-C and termination half-way: one line, the tools ended, nothing half-written."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from bitmill.config import AcceleratorConfig
from bitmill.fpga.cache import CACHE_VARIABLE


def _children_of(session):
    """Processes whose environment carries the mark of this test's command."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                environment = (folder / "environ").read_bytes()
                state = (folder / "stat").read_text().rsplit(")", 1)[1].split()[0]
            except OSError:
                continue
            if f"BITMILL_TEST_SESSION={session}".encode() in environment.split(b"\0") and state != "Z":
                found.append(int(folder.name))
    return found


INTERRUPTED = {
    "generate": ("generate", "unit.toml", "-o", "out"),
    "verify": ("verify", "unit.toml", "-o", "out", "--waves"),
    "compiled": ("verify", "unit.toml", "-o", "out", "--engine", "compiled"),
    "synth": ("synth", "unit.toml", "--target", "ecp5", "-o", "out.json"),
    "report": ("report", "int-vs-fp", "-o", "out"),
}


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for left-over processes in /proc")
@pytest.mark.parametrize(
    ("name", "number"), [*((name, signal.SIGINT) for name in INTERRUPTED), ("synth", signal.SIGTERM)]
)
def test_ctrl_c_half_way(name, number, here, cli_command, cli_environment, tmp_path_factory):
    # 64 lanes of a wide format: seconds of work in Yosys.
    config = AcceleratorConfig(weight="E5M2", activation="E5M2", unit="dot", lanes=64)
    (here / "unit.toml").write_text(config.to_toml())
    session = f"{os.getpid()}-{name}-{number.name}"
    temporary = tmp_path_factory.mktemp("tmp")
    environment = {
        **cli_environment,
        "BITMILL_TEST_SESSION": session,
        CACHE_VARIABLE: str(tmp_path_factory.mktemp("cache")),
        "TMPDIR": str(temporary),
    }
    process = subprocess.Popen(
        [*cli_command, *INTERRUPTED[name]], env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        deadline = time.monotonic() + 60
        while len(_children_of(session)) < 2:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline, "no tool was started"
            time.sleep(0.02)
        process.send_signal(number)
        _, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert "Traceback" not in err
    if number is signal.SIGINT:
        assert process.returncode == 130
        assert err.splitlines()[-1] == "bitmill: interrupted, nothing written"
    else:
        assert process.returncode == 128 + number
    deadline = time.monotonic() + 5
    while _children_of(session) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert _children_of(session) == []
    assert [path.name for path in here.iterdir()] == ["unit.toml"]
    assert list(temporary.iterdir()) == []
