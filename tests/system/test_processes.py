"""Tools: their environment, their bounds, and that nothing of them is left."""

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from bitmill import BitmillError
from bitmill.system import processes
from bitmill.system.kept import MOST_FILES, keep_log
from bitmill.system.processes import may_run_tools, run_tool, stop_tools_of

PYTHON = [sys.executable, "-c"]
HOSTILE = {
    "PYTHONPATH": "/somewhere", "PYTHONHOME": "/somewhere", "PYTHONSTARTUP": "/somewhere", "PYTHONWARNINGS": "error",
    "LD_PRELOAD": "/somewhere/evil.so", "VERILATOR_ROOT": "/somewhere", "YOSYS_DATDIR": "/somewhere", "ABC": "/bin/false",
    "MAKEFLAGS": "-n", "CPATH": "/somewhere", "COCOTB_TEST_FILTER": "nothing", "AWS_SECRET_ACCESS_KEY": "x",
    "LANG": "de_DE.UTF-8",
}  # fmt: skip


def _runs(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _gone(pid):
    deadline = time.monotonic() + 2
    while _runs(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not _runs(pid)


def test_nothing_of_the_users_environment_reaches_a_tool(monkeypatch):
    for name, value in HOSTILE.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", f":.:relative:{os.environ['PATH']}")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/opt/here")
    lines = run_tool(
        [*PYTHON, "import os; print(*(f'{k}={v!r}' for k, v in os.environ.items()), sep='\\n')"]
    ).splitlines()
    found = {line.split("=", 1)[0]: line.split("=", 1)[1].strip("'") for line in lines}
    assert not {name for name, value in HOSTILE.items() if value in found.get(name, "")}
    assert not set(HOSTILE) - {"PYTHONPATH"} & set(found)
    assert all(Path(entry).is_absolute() for entry in found["PATH"].split(os.pathsep))
    assert found["LD_LIBRARY_PATH"] == "/opt/here"
    assert found["TMPDIR"] == "."
    assert found["LC_ALL"] == "C"
    assert Path(found["HOME"]) != Path.home()


def test_a_command_that_is_no_tool_gets_the_users_environment(monkeypatch):
    monkeypatch.setenv("MAKEFLAGS", "-n")
    assert run_tool([*PYTHON, "import os; print(os.environ['MAKEFLAGS'])"], inherit=True).strip() == "-n"


def test_neither_descriptors_nor_the_terminal_reach_a_tool(tmp_path):
    with (tmp_path / "secret").open("w") as open_file:
        os.set_inheritable(open_file.fileno(), True)
        told = run_tool([*PYTHON, "import os, sys; print(sorted(os.listdir('/proc/self/fd')), repr(sys.stdin.read()))"])
    # One more, with which the directory itself is read.
    assert told.strip() == "['0', '1', '2', '3'] ''"


def test_a_tool_that_prints_without_end_is_ended(monkeypatch):
    monkeypatch.setattr(processes, "MOST_OUTPUT", 1 << 20)
    with pytest.raises(BitmillError, match=r"^chatter: printed more than 1 MiB, ended$"):
        run_tool([*PYTHON, "while True: print('x' * 65536)"], name="chatter")


def test_a_tool_without_a_timeout_of_its_own_has_one(monkeypatch):
    monkeypatch.setattr(processes, "LONGEST_SECONDS", 0.3)
    with pytest.raises(BitmillError, match=r"^hung: not finished after 0\.3 s, ended$"):
        run_tool([*PYTHON, "import time; time.sleep(60)"], name="hung")


DEAF = """
import os, signal, subprocess, sys, time
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP): signal.signal(number, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], start_new_session={session})
open({file!r}, 'w').write(str(child.pid))
{then}
"""


@pytest.mark.parametrize("session", [False, True])
def test_a_deaf_tool_and_what_it_started_in_another_session_are_ended(session, tmp_path):
    file = tmp_path / "pid"
    code = DEAF.format(session=session, file=str(file), then="time.sleep(60)")
    with pytest.raises(BitmillError, match="not finished"):
        run_tool([*PYTHON, code], timeout=1)
    assert _gone(int(file.read_text()))


def test_what_a_tool_leaves_running_in_its_group_is_ended(tmp_path):
    file = tmp_path / "pid"
    run_tool([*PYTHON, DEAF.format(session=False, file=str(file), then="")])
    assert _gone(int(file.read_text()))


RUN = """
import sys, threading
from bitmill.system.processes import run_tool
tool = threading.Thread(target=lambda: run_tool([sys.executable, "-c", sys.argv[1]]))
tool.start()
tool.join()
"""


@pytest.mark.parametrize("session", [False, True])
def test_tools_of_a_killed_process_die_with_their_children(session, tmp_path, cli_environment):
    """The tool was started by a thread, and its child is in another session."""
    file = tmp_path / "pid"
    code = DEAF.format(session=session, file=str(file), then="time.sleep(60)")
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", RUN, code], env={**cli_environment, "TMPDIR": str(tmp_path)}
    )
    deadline = time.monotonic() + 20
    while not (file.exists() and file.read_text()) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert _gone(int(file.read_text()))
    deadline = time.monotonic() + 2
    while list(tmp_path.glob("*/run-*")) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not list(tmp_path.glob("*/run-*"))


def test_a_stopped_thread_runs_no_other_tool():
    me = threading.get_ident()
    stop_tools_of([me])
    try:
        with pytest.raises(BitmillError, match=r"^true: not run, since all is being stopped$"):
            run_tool(["true"])
    finally:
        may_run_tools([me])
    assert run_tool(["true"]) == ""


def test_kept_logs_are_few_and_young(empty_cache):
    old = keep_log("tool", "old")
    os.utime(old, (0, 0))
    for index in range(MOST_FILES + 5):
        written = time.time() - 1000 + index
        os.utime(keep_log("a tool / with a name", f"log {index}"), (written, written))
    kept = list(old.parent.iterdir())
    assert len(kept) == MOST_FILES
    assert old not in kept
    assert {path.stat().st_mode & 0o777 for path in kept} == {0o600}


def test_what_a_tool_wrote_on_a_full_disk_is_not_taken():
    """A tool does not notice; the limit on files stands for the disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (32 << 10, hard))
    try:
        with pytest.raises(BitmillError, match=r"^temporary folder .*: File too large; TMPDIR names another$"):
            run_tool(["true"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
