"""One mutant on trial, in a process of its own inside the sandbox: does it still elaborate, and does a test fail?

Run by its path with a job file, so that it can try any package; the verdict is written to the path that the job names.
"""

from __future__ import annotations

import importlib
import json
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest


class FirstFailure:
    """A pytest plugin that remembers the test that failed first, and fails one that takes too long."""

    def __init__(self, seconds: float) -> None:
        self.name: str | None = None
        self.seconds = seconds

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Iterator[None]:
        """Called by pytest around each test."""
        with _at_most(self.seconds):
            return (yield)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Called by pytest after each phase of a test."""
        if report.failed and self.name is None:
            self.name = report.nodeid

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Called by pytest after each collection."""
        if report.failed and self.name is None:
            self.name = f"collecting {report.nodeid}"


def _too_long(number: int, frame: FrameType | None) -> None:
    raise TimeoutError("takes too long")


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Raise in the block after that much processor time, which a loaded machine does not use up faster."""
    signal.signal(signal.SIGPROF, _too_long)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def smoke(job: dict[str, Any]) -> tuple[str, str]:
    """Verdict ``rejected`` with the reason, or an empty one with the digest of the elaborated units."""
    try:
        with _at_most(job["elaboration_seconds"]):
            importlib.import_module(job["module"])
            if not job["smoke"]:
                return "", ""
            where, _, function = job["smoke"].partition(":")
            return "", getattr(importlib.import_module(where), function)()
    except (Exception, SystemExit) as error:
        lines = f"{type(error).__name__}: {error}".splitlines()
        return "rejected", lines[0][:200]


def try_mutant(job: dict[str, Any]) -> dict[str, Any]:
    """The verdict: ``rejected``, ``killed`` or ``survived``, and by what."""
    verdict, told = smoke(job)
    if verdict:
        return {"verdict": verdict, "by": told, "digest": ""}
    if job["must_change"] and told == job["must_change"]:
        return {"verdict": "rejected", "by": "no unit changes", "digest": told}
    first = FirstFailure(job["test_seconds"])
    options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--tb=line", "--rootdir", job["root"]]
    status = pytest.main([*options, *job["options"], *job["tests"]], plugins=[first])
    if status == pytest.ExitCode.OK:
        return {"verdict": "survived", "by": "", "digest": told}
    if status in (pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED) and first.name:
        return {"verdict": "killed", "by": first.name, "digest": told}
    raise RuntimeError(f"pytest ended with {status!r} and no failed test")


def main() -> None:
    """Read the job, limit this process, write the verdict."""
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    resource.setrlimit(resource.RLIMIT_CPU, (job["cpu_seconds"], job["cpu_seconds"]))
    resource.setrlimit(resource.RLIMIT_DATA, (job["bytes"], job["bytes"]))
    if not job["mutated"]:
        where = importlib.import_module(job["module"]).__file__
        if where is None or not Path(where).is_relative_to(job["root"]):
            raise RuntimeError(f"{job['module']} comes from {where}, not from {job['root']}")
    verdict = try_mutant(job)
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    verdict["cpu_seconds"] = round(sum(usage.ru_utime + usage.ru_stime for usage in used), 1)
    Path(job["verdict"]).write_text(json.dumps(verdict), encoding="utf-8")


if __name__ == "__main__":
    main()
