"""A run of the mutation check: which mutants, tried by whom, and what came of them, kept line by line so that nothing is lost."""

from __future__ import annotations

import hashlib
import json
import queue
import re
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from bitmill.fpga.jobs import Outcome, default_workers, run_jobs
from bitmill.system.errors import BitmillError

from .mutants import Mutant, mutants_of
from .reach import Reach
from .sandbox import Plan, Sandbox, Verdict


@dataclass(frozen=True)
class Trial:
    """A mutant and its verdict."""

    mutant: Mutant
    verdict: Verdict


@dataclass(frozen=True)
class Floor:
    """A folder whose files are mutated, and what tries them: the smoke test, tests in order, options of pytest.

    ``only_for``: names of slow test files, and the files whose mutants they are run for.
    """

    folder: str
    smoke: str
    tests: tuple[str, ...]
    options: tuple[str, ...] = ()
    only_for: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


Tell = Callable[[str], None]


class Campaign:
    """Tries seeded mutants of a package until enough of them counted.

    Parameters
    ----------
    package, name
        Directory of the package, and what it is imported as.
    floors
        What to mutate; every ``*.py`` file in their folders is found, and in folders of these. The
        last one that has a file is the one that tries it.
    count
        Mutants that must count, that is: elaborate.
    seed
        Chooses them. The choice is stable: an edit of one function leaves the mutants of others chosen.
    journal
        File to which every verdict is appended, and from which a run that was stopped goes on; None keeps none.
    timeout_factor
        A trial is ended, and its mutant counted as killed, after this many times the unmutated run, plus a minute.
    test_seconds
        Processor time after which a single test counts as failed.
    only
        Regular expression that a file's path must hold to be mutated.
    trust_killed
        Take kills from the journal even if anything has changed since, and survivors that are ``equivalent``, which no test
        can kill: for work on the other survivors, and for a record where tests were only added since.
    equivalent
        Ids of mutants that are known to compute the same.
    """

    def __init__(
        self,
        *,
        package: Path,
        name: str,
        floors: Sequence[Floor],
        count: int,
        seed: int,
        journal: Path | None = None,
        timeout_factor: float = 4.0,
        least_per_file: int = 2,
        trust_killed: bool = False,
        equivalent: Collection[str] = (),
        test_seconds: float = 30.0,
        only: str = "",
    ) -> None:
        self.package, self.name, self.seed, self.count = package, name, seed, count
        self.journal, self.timeout_factor, self.test_seconds = journal, timeout_factor, test_seconds
        self._floor_of = {
            str(path.relative_to(package)): floor
            for floor in floors
            for path in sorted((package / floor.folder).rglob("*.py"))
            if re.search(only, str(path.relative_to(package)))
        }
        self.mutants = {
            path: sorted(
                mutants_of(path, (package / path).read_text(encoding="utf-8")), key=lambda mutant: self._draw(mutant.id)
            )
            for path in self._floor_of
        }
        self.quota = _quota({path: len(found) for path, found in self.mutants.items()}, count, least_per_file)
        self._sources, self._tests = _digests(package, floors)
        self._trust_killed, self._equivalent = trust_killed, equivalent
        self._reach = Reach(package=package, name=name)

    def _draw(self, identifier: str) -> str:
        return hashlib.sha256(f"{self.seed}:{identifier}".encode()).hexdigest()

    def run(self, *, workers: int | None = None, tell: Tell = print) -> list[Trial]:
        """The trials of all chosen mutants, rejected ones too.

        Raises
        ------
        BitmillError
            If the tests fail on the unmutated package, or a trial breaks.
        """
        workers = default_workers() if workers is None else workers
        verdicts = self._remembered()
        if self._wanted(verdicts):
            self._try(verdicts, workers, tell)
        chosen = [mutant for found in self.mutants.values() for mutant in found if mutant.id in verdicts]
        return [Trial(mutant, verdicts[mutant.id]) for mutant in chosen]

    def _try(self, verdicts: dict[str, Verdict], workers: int, tell: Tell) -> None:
        """Try mutants until enough of them count, and add their verdicts."""
        with self._sandboxes(workers) as pool:
            plans = self._plans(pool, workers, tell)
            while wanted := self._wanted(verdicts):
                counted = sum(verdict.verdict != "rejected" for verdict in verdicts.values())
                tell(f"{counted} of {self.count} mutants counted, {len(wanted)} to try")

                def finish(outcome: Outcome[Verdict]) -> None:
                    verdict = outcome.unwrap()
                    verdicts[outcome.name] = verdict
                    self._remember(outcome.name, verdict)
                    where = f"{outcome.done} of {outcome.total}"
                    tell(f"{where}: {verdict.verdict} {outcome.name} in {outcome.seconds:.0f} s {verdict.by}")

                jobs = {mutant.id: _job(pool, mutant, plans[mutant.path]) for mutant in wanted}
                run_jobs(jobs, workers=workers, progress=finish)

    def _wanted(self, verdicts: Mapping[str, Verdict]) -> list[Mutant]:
        """The next mutants: each file's quota first; what exhausted files lack comes from those with most left."""
        wanted: list[Mutant] = []
        lacking, spare = 0, []
        for path, found in self.mutants.items():
            counted = sum(mutant.id in verdicts and verdicts[mutant.id].verdict != "rejected" for mutant in found)
            left = [mutant for mutant in found if mutant.id not in verdicts]
            missing = self.quota[path] - counted
            if missing >= 0:
                wanted += left[:missing]
                lacking += missing - len(left[:missing])
                spare.append(left[missing:])
            else:
                lacking += missing
                spare.append(left)
        for found in sorted(spare, key=len, reverse=True):
            if lacking > 0:
                take = found[: max(1, lacking // 4)]
                wanted += take
                lacking -= len(take)
        return wanted

    def _plans(self, pool: queue.Queue[Sandbox], workers: int, tell: Tell) -> dict[str, Plan]:
        """Run the tests on the unmutated package, for their time and to see that they pass."""
        floors = {floor.folder: floor for floor in self._floor_of.values()}
        plans = {
            name: Plan(floor.smoke, self._used(floor), floor.options, 3600.0, test_seconds=self.test_seconds)
            for name, floor in floors.items()
        }
        tell(f"unmutated: tests of {', '.join(floors)}")
        baselines = run_jobs({name: _job(pool, None, plan) for name, plan in plans.items()}, workers=workers)
        for name, outcome in baselines.items():
            verdict = outcome.unwrap()
            if verdict.verdict != "survived":
                raise BitmillError(f"{name}: tests must pass without a mutant, not {verdict.verdict} {verdict.by}")
            tell(f"unmutated: tests of {name} pass in {outcome.seconds:.0f} s")
            plans[name] = replace(
                plans[name], seconds=self.timeout_factor * outcome.seconds + 60, digest=verdict.digest
            )
        return {
            path: replace(plans[floor.folder], tests=self._tests_of(path, floor))
            for path, floor in self._floor_of.items()
        }

    def _tests_of(self, path: str, floor: Floor) -> tuple[str, ...]:
        """The tests that can reach a file, those named after it or importing it before the others: most mutants die at once."""

        def distance(test: str) -> int:
            if Path(test).stem.startswith(f"test_{Path(path).stem}"):
                return 0
            return 1 if path in self._reach.direct(test) else 2

        chosen = [test for test in floor.tests if path in self._reach.files(test)]
        kept = [test for test in chosen if path in floor.only_for.get(Path(test).name, (path,))]
        return tuple(sorted(kept or chosen or floor.tests, key=distance))

    def _used(self, floor: Floor) -> tuple[str, ...]:
        """The floor's tests that are run for any of the files to be mutated."""
        paths = [path for path, home in self._floor_of.items() if home is floor and self.mutants[path]]
        used = {test for path in paths for test in self._tests_of(path, floor)}
        return tuple(test for test in floor.tests if test in used)

    @contextmanager
    def _sandboxes(self, workers: int) -> Iterator[queue.Queue[Sandbox]]:
        pool: queue.Queue[Sandbox] = queue.Queue()
        with tempfile.TemporaryDirectory(prefix="bitmill-mutation-", ignore_cleanup_errors=True) as folder:
            for number in range(workers):
                home = Path(folder) / str(number)
                home.mkdir()
                pool.put(Sandbox(package=self.package, name=self.name, folder=home))
            yield pool

    def _remembered(self) -> dict[str, Verdict]:
        if self.journal is None or not self.journal.is_file():
            return {}
        known = {mutant.id for found in self.mutants.values() for mutant in found}
        verdicts: dict[str, Verdict] = {}
        for line in self.journal.read_text(encoding="utf-8").splitlines():
            try:
                entry = json.loads(line)
            except ValueError:  # The last line of a run that was killed while it wrote.
                continue
            same = (entry["sources"], entry["tests"]) == (self._sources, self._tests)
            settled = entry["verdict"]["verdict"] != "survived" or entry["id"] in self._equivalent
            trusted = self._trust_killed and settled
            if entry["id"] in known and (same or trusted):
                verdicts[entry["id"]] = Verdict(**entry["verdict"])
        return verdicts

    def _remember(self, identifier: str, verdict: Verdict) -> None:
        if self.journal is not None:
            self.journal.parent.mkdir(parents=True, exist_ok=True)
            entry = {"id": identifier, "sources": self._sources, "tests": self._tests, "verdict": asdict(verdict)}
            with self.journal.open("a", encoding="utf-8") as file:
                file.write(json.dumps(entry) + "\n")


def _job(pool: queue.Queue[Sandbox], mutant: Mutant | None, plan: Plan) -> Callable[[], Verdict]:
    def work() -> Verdict:
        sandbox = pool.get()
        try:
            return sandbox.run(mutant, plan)
        finally:
            pool.put(sandbox)

    return work


def _quota(sites: Mapping[str, int], count: int, least: int) -> dict[str, int]:
    """How many mutants of each file: ``least`` of every one, the rest by the square root of what there is."""
    quota = {path: min(least, number) for path, number in sites.items()}
    while sum(quota.values()) < min(count, sum(sites.values())):
        # The next one goes where the fewest have been taken for the size.
        path = max(
            (path for path in sites if quota[path] < sites[path]),
            key=lambda path: (sites[path] ** 0.5 / (quota[path] + 1), path),
        )
        quota[path] += 1
    return quota


def _digests(package: Path, floors: Sequence[Floor]) -> tuple[str, str]:
    """Of the package's sources, and of the tests and how they are run: what a verdict depends on."""
    sources, tests = hashlib.sha256(), hashlib.sha256(repr(list(floors)).encode())
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).parts
        if not any(part.startswith(".") or part in ("build", "mutation") for part in parts):
            digest = tests if parts[0] == "tests" else sources
            digest.update("/".join(parts).encode() + b"\0" + path.read_bytes())
    return sources.hexdigest()[:16], tests.hexdigest()[:16]
