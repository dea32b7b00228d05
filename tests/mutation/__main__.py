"""The mutation check: ``python -m bitmill.tests.mutation`` (``make mutation``).

Breaks one line of ``hdl/``, ``golden/`` or ``nonlinear/`` at a time and expects a test to fail. Exit status 1 if fewer than 90 %
of the mutants that elaborate are killed, not counting those that ``survivors.toml`` explains as equivalent, or if a survivor is
not explained.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from bitmill.system.errors import BitmillError

from . import configurations
from .campaign import Campaign, Floor
from .record import ROOT, write
from .survivors import explained, template, unexplained


def floors() -> list[Floor]:
    """The floors that are mutated, with their tests, quick ones first."""
    found = []
    for name, patterns in configurations.TESTS.items():
        tests = sorted({path for pattern in patterns for path in (ROOT / "tests").glob(pattern)}, key=_rank)
        names = tuple(str(path.relative_to(ROOT)) for path in tests)
        slow = configurations.SLOW_TESTS.get(name, {})
        found.append(Floor(name, configurations.SMOKE[name], names, ("--hypothesis-seed=0",), slow))
    return found


def _rank(path: Path) -> tuple[bool, Path]:
    return path.name not in configurations.FIRST_TESTS, path


def campaign(*, count: int, seed: int, journal: Path | None, trust_killed: bool = False, only: str = "") -> Campaign:
    """The campaign against this checkout."""
    equivalent = {survivor.id for survivor in explained().values() if survivor.kind == "equivalent"}
    return Campaign(
        package=ROOT, name="bitmill", floors=floors(), count=count, seed=seed, journal=journal,
        least_per_file=configurations.LEAST_PER_FILE, trust_killed=trust_killed, only=only,
        equivalent=equivalent,
    )  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m bitmill.tests.mutation", description="Break lines, expect failing tests."
    )
    parser.add_argument("--count", type=int, default=configurations.COUNT, help="mutants that must count")
    parser.add_argument("--seed", type=int, default=configurations.SEED, help="chooses the mutants")
    parser.add_argument("--workers", type=int, help="processes; the number of cores by default")
    parser.add_argument("--only", default="", metavar="REGEX", help="mutate files only whose path it finds")
    parser.add_argument("-o", "--output", type=Path, help="directory for records.json and mutation.md")
    parser.add_argument("--fresh", action="store_true", help="forget what an earlier run found")
    parser.add_argument(
        "--trust-killed",
        action="store_true",
        help="try survivors that are not equivalent again only, even if tests changed",
    )
    options = parser.parse_args(arguments)
    journal = ROOT / "build" / "mutation" / f"seed{options.seed}.jsonl"
    print(
        f"mutation check: seed {options.seed}, {options.count} mutants, journal {journal}", file=sys.stderr, flush=True
    )
    # Termination unwinds as Ctrl-C does.
    if signal.getsignal(signal.SIGTERM) is not signal.SIG_IGN:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if options.fresh:
            journal.unlink(missing_ok=True)
        trials = campaign(
            count=options.count,
            seed=options.seed,
            journal=journal,
            trust_killed=options.trust_killed,
            only=options.only,
        ).run(workers=options.workers, tell=lambda line: print(f"mutation: {line}", file=sys.stderr, flush=True))
        chosen = {"only": options.only, "count": options.count} if options.only else {}
        summary = write(trials, seed=options.seed, out=options.output, chosen=chosen)
    except BitmillError as error:
        print(f"mutation: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("mutation: interrupted; the same command goes on from here", file=sys.stderr)
        return 130
    print(summary.text)
    missing = unexplained(trials, explained())
    for trial in missing:
        print(template(trial))
    return int(summary.rate < configurations.REQUIRED_RATE or bool(missing))


if __name__ == "__main__":
    sys.exit(main())
