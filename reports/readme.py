"""Regenerates the marked blocks of README.md from the catalog and the committed records.

Run as ``python -m bitmill.reports.readme [--check]``. ``--check`` changes nothing and exits with status 1 if stale.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from .. import formats
from ..config.presets import REPORT_PAIRS
from ..studies.cost import table as cost
from ..studies.records import BITMOD, FULL, INT_VS_FP, NONLINEAR, Records
from ..system.errors import BitmillError
from ..system.files import atomic_write
from ..system.screen import say
from ..system.screen.program import run_program
from ..system.text import markdown
from .catalog import REPORTS
from .report import RESULTS, Report

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
REGENERATE = "make report"
BLOCKS = {
    "figures": REPORTS[INT_VS_FP],
    "bitmod": REPORTS[BITMOD],
    "nonlinear": REPORTS[NONLINEAR],
    "full": REPORTS[FULL],
}
"""Names of blocks that show a report's figures."""
MAIN = "full"
"""The one whose answer the README opens with."""


def _opening(report: Report, records: Records) -> str:
    return f"{markdown(' '.join(report.answer(records)))} ([how that was measured](#what-each-assumption-costs))"


def format_table() -> str:
    """The formats that the report compares, and how many more the catalog has, as Markdown."""
    shown = dict.fromkeys(name for pair in REPORT_PAIRS for name in pair)
    lines = [
        "| format | bits | largest | least > 0 | NaN, Inf | product bits | what it is |",
        "|---|---:|---:|---:|---|---:|---|",
    ]
    for name in shown:
        fmt = formats.get(name)
        numbers = f"{float(fmt.max_value):,g} | {float(fmt.min_positive):g}"
        product = formats.Product(fmt, fmt)
        lines.append(f"| {name} | {fmt.bits} | {numbers} | {fmt.specials} | {product.bits} | {fmt.about} |")
    more = len(formats.names()) - len(shown)
    lines += [
        "",
        f"{more} more are in the catalog (`bitmill formats` lists them, `bitmill formats E4M3` prints every code).",
    ]
    return "\n".join(lines)


def filled(text: str, blocks: Mapping[str, Callable[[], str]]) -> str:
    """The README with each block's lines between its ``<!-- name:begin -->`` and ``<!-- name:end -->`` replaced.

    Raises
    ------
    BitmillError
        If a block is not there exactly once.
    """
    for name, make in blocks.items():
        begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
        pattern = re.compile(re.escape(begin) + r".*?" + re.escape(end), re.DOTALL)
        if len(pattern.findall(text)) != 1 or text.count(begin) != 1 or text.count(end) != 1:
            raise BitmillError(f"README must have one block {begin} ... {end}")
        block = f"{begin}\n{make()}\n{end}"
        text = pattern.sub(lambda _, block=block: block, text)
    return text


def main(arguments: Sequence[str] | None = None) -> int:
    """Fill in or check; returns the exit status."""
    parser = argparse.ArgumentParser(description="Regenerate the marked blocks of README.md.")
    parser.add_argument("--check", action="store_true", help="change nothing, exit with status 1 if a block is stale")
    parser.add_argument("--readme", type=Path, default=README, help="file to fill in (default: %(default)s)")
    parser.add_argument(
        "--results", type=Path, default=ROOT / RESULTS, help="directory of records (default: %(default)s)"
    )
    options = parser.parse_args(arguments)
    return run_program(lambda: _fill_in(options))


def _fill_in(options: argparse.Namespace) -> int:
    old = options.readme.read_text(encoding="utf-8")
    blocks: dict[str, Callable[[], str]] = {"formats": format_table, "cost": cost.figures_block}
    for name, report in BLOCKS.items():
        records = Records.load(options.results / report.study / "records.json", study=report.study)
        blocks[name] = partial(report.block, records)
        if name == MAIN:
            blocks["answer"] = partial(_opening, report, records)
    new = filled(old, blocks)
    if new == old:
        return 0
    if options.check:
        say(f"{options.readme}: stale, regenerate with `{REGENERATE}`", err=True)
        return 1
    atomic_write(options.readme, new)
    return 0


if __name__ == "__main__":
    sys.exit(main())
