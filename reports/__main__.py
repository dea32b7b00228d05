"""Renders the committed reports again from their measured records: ``python -m bitmill.reports [STUDY ...]``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ..studies.committed import RESULTS, committed_records
from ..system.screen import say_lines
from ..system.screen.program import run_program
from .catalog import REPORTS


def main(arguments: Sequence[str] | None = None) -> int:
    """Render what the command line names, or all; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bitmill.reports", description=__doc__)
    parser.add_argument("studies", nargs="*", metavar="STUDY", help=f"of {', '.join(REPORTS)} (all)")
    chosen = parser.parse_args(arguments).studies
    for name in chosen:
        if name not in REPORTS:
            parser.error(f"STUDY must be one of {', '.join(REPORTS)}, not {name!r}")
    return run_program(lambda: _render(chosen or list(REPORTS)))


def _render(studies: Sequence[str]) -> int:
    for name in studies:
        report = REPORTS[name]
        say_lines(report.write(RESULTS / name, report.again(committed_records(name))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
