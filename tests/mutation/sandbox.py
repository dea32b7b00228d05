"""A temporary copy of the package in which one file at a time is mutated; the working tree is never touched."""

from __future__ import annotations

import compileall
import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bitmill.system.errors import BitmillError
from bitmill.system.tools import run_tool

from .mutants import Mutant

LEFT_OUT = shutil.ignore_patterns(".*", "build", "__pycache__", "*.egg-info", "results", "sim_build")


@dataclass(frozen=True)
class Verdict:
    """How a trial ended: ``rejected``, ``killed`` or ``survived``, by which test or for which reason, and what it took."""

    verdict: str
    by: str
    digest: str = ""
    cpu_seconds: float = 0.0


@dataclass(frozen=True)
class Plan:
    """What a trial runs: its smoke test, its tests in order, and when it is given up.

    ``smoke`` is ``module:function``, or empty where to import the mutated module is enough; ``digest`` is what that function
    gives unmutated.
    """

    smoke: str
    tests: tuple[str, ...]
    options: tuple[str, ...]
    seconds: float
    cpu_seconds: int = 900
    memory: int = 6 << 30
    elaboration_seconds: float = 30.0
    test_seconds: float = 30.0
    digest: str = ""


class Sandbox:
    """A copy of a package under ``folder/links/NAME``.

    Parameters
    ----------
    package
        Directory of the package; its name there does not matter.
    name
        What it is imported as.
    folder
        An empty directory to put the copy in.
    """

    def __init__(self, *, package: Path, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder
        self.root = folder / "links" / name
        shutil.copytree(package, self.root, ignore=LEFT_OUT)
        # Mutated files get another time stamp, so their byte code is never taken; it is not written during trials.
        compileall.compile_dir(self.root, quiet=1)
        (folder / "tmp").mkdir()

    def run(self, mutant: Mutant | None, plan: Plan) -> Verdict:
        """Put the mutant on trial; without one, the package as it is.

        Raises
        ------
        BitmillError
            If the trial itself breaks.
        """
        if mutant is None:
            return self._try(self.name, plan, mutated=False, must_change="")
        path = self.root / mutant.path
        original, times = path.read_text(encoding="utf-8"), path.stat()
        try:
            path.write_text(mutant.apply(original), encoding="utf-8")
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns + 10_000_000_000))
            parts = Path(mutant.path).with_suffix("").parts
            module = ".".join((self.name, *(parts[:-1] if parts[-1] == "__init__" else parts)))
            return self._try(module, plan, mutated=True, must_change=plan.digest if mutant.operator == "reset" else "")
        finally:
            path.write_text(original, encoding="utf-8")
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))

    def _try(self, module: str, plan: Plan, *, mutated: bool, must_change: str) -> Verdict:
        answer, job = self.folder / "verdict.json", self.folder / "job.json"
        answer.unlink(missing_ok=True)
        described: dict[str, Any] = {
            "module": module, "smoke": plan.smoke, "root": str(self.root), "mutated": mutated, "verdict": str(answer),
            "tests": [str(self.root / test) for test in plan.tests], "options": plan.options, "must_change": must_change,
            "cpu_seconds": plan.cpu_seconds, "bytes": plan.memory, "elaboration_seconds": plan.elaboration_seconds,
            "test_seconds": plan.test_seconds,
        }  # fmt: skip
        job.write_text(json.dumps(described), encoding="utf-8")
        environment = {
            "PYTHONPATH": str(self.root.parent),
            "PYTHONDONTWRITEBYTECODE": "1",
            "TMPDIR": str(self.folder / "tmp"),
            # What one trial compiled another one finds, as keys are of contents.
            "BITMILL_CACHE": str(self.folder.parent / "cache"),
        }
        command = [sys.executable, "-P", str(Path(__file__).with_name("trial.py")), str(job)]
        try:
            run_tool(command, cwd=self.root, env=environment, timeout=plan.seconds, name="trial", inherit=True)
        except BitmillError as error:
            # Not finished, or ended by a signal such as the limit on its time: a loop without an end.
            if mutated and ("not finished" in str(error) or "ended by signal" in str(error)):
                return Verdict("killed", str(error).removeprefix("trial: "))
            raise
        finally:
            shutil.rmtree(self.folder / "tmp", ignore_errors=True)
            (self.folder / "tmp").mkdir(exist_ok=True)
        return Verdict(**json.loads(answer.read_text(encoding="utf-8")))
