import os
import signal
import subprocess
import sys
import time
from functools import partial

import pytest

from bitmill import BitmillError
from bitmill.fpga import cache
from bitmill.fpga.jobs import run_jobs
from bitmill.fpga.synthesis import synthesize
from bitmill.system import tools


def test_outcomes_come_as_they_finish_and_return_in_order():
    seen = []
    jobs = {"slow": lambda: time.sleep(0.4) or "s", "fast": lambda: "f"}
    outcomes = run_jobs(jobs, workers=2, progress=seen.append)
    assert [outcome.name for outcome in seen] == ["fast", "slow"]
    assert [(outcome.done, outcome.total) for outcome in seen] == [(1, 2), (2, 2)]
    assert {name: outcome.unwrap() for name, outcome in outcomes.items()} == {"slow": "s", "fast": "f"}
    assert list(outcomes) == ["slow", "fast"]
    assert outcomes["slow"].seconds >= 0.4


def test_one_failure_does_not_lose_the_others(design):
    jobs = {
        "bad": partial(synthesize, "module top(;", "top", "ice40"),
        "good": partial(synthesize, design("xor8"), "top", "ice40"),
    }
    outcomes = run_jobs(jobs)
    assert outcomes["good"].unwrap().counts.logic == 8
    with pytest.raises(BitmillError, match="syntax error"):
        outcomes["bad"].unwrap()


def test_a_defect_is_raised():
    with pytest.raises(ZeroDivisionError):
        run_jobs({"defect": lambda: 1 // 0})


def test_workers_are_checked():
    for workers in (0, -1, 10**6):
        with pytest.raises(BitmillError, match=rf"^workers must be from 1 to \d+ on this machine, not {workers}$"):
            run_jobs({}, workers=workers)


def test_interruption_ends_the_tools_promptly_and_keeps_what_is_finished(empty_cache, tmp_path):
    pid_file = tmp_path / "pid"
    sleeper = f"import os, time; open({str(pid_file)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    started_late = []

    def finishes_once_the_sleeper_runs():
        while not (pid_file.exists() and pid_file.read_text()):
            time.sleep(0.01)
        return cache.cached("kind", {"job": 1}, lambda: {"x": 1})

    jobs = {
        "sleeps": lambda: cache.cached("kind", {"job": 0}, lambda: tools.run_tool([sys.executable, "-c", sleeper])),
        "finishes": finishes_once_the_sleeper_runs,
        "interrupts": lambda: time.sleep(0.1),
        **{f"late {index}": lambda: started_late.append(time.sleep(1)) for index in range(20)},
    }

    def progress(outcome):
        if outcome.name == "interrupts":
            raise KeyboardInterrupt

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_jobs(jobs, workers=2, progress=progress)
    assert time.monotonic() - started < 10
    assert len(started_late) <= 2
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text()), 0)
    assert cache.load(cache.cache_key("kind", {"job": 1})) == {"x": 1}
    assert [path for path in empty_cache.rglob("*") if path.is_file()] == [
        cache.entry_path(cache.cache_key("kind", {"job": 1}))
    ]


_BUSY = """
import signal, sys, time
from bitmill.fpga.jobs import run_jobs

def stop(number, _frame):
    raise SystemExit(128 + number)

def compute():
    print("computing", flush=True)
    until = time.monotonic() + 60
    while time.monotonic() < until:
        sum(range(1000))

signal.signal(signal.SIGTERM, stop)
run_jobs({"first": compute, "second": compute}, workers=2)
"""


def test_termination_does_not_wait_for_what_jobs_compute(cli_environment):
    command = [sys.executable, "-c", _BUSY]
    with subprocess.Popen(command, env=cli_environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "computing\n"
        started = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 128 + signal.SIGTERM
    # A second of patience, and what ending Python takes on a busy machine.
    assert time.monotonic() - started < 5
