"""Regenerates the marked blocks of README.md from the catalog and the committed records.

Run as ``python -m bitmill.reports.readme [--check]``. ``--check`` changes nothing and exits with status 1 if stale.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from .. import formats
from ..config.presets import REPORT_PAIRS
from ..studies.cost import table as cost
from ..studies.records import BITMOD, FULL, NONLINEAR, Records
from ..system.errors import BitmillError
from ..system.files import atomic_write
from ..system.screen import say
from ..system.screen.program import run_program
from . import shown
from .bitmod import readme as bitmod
from .full import readme as full
from .int_vs_fp import view
from .nonlinear import readme as nonlinear

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
RESULTS = Path("reports/results/int-vs-fp")
REGENERATE = "make report"


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


def figures_block(records: Records) -> str:
    """Main picture and key figures of the committed report, with the command that regenerates them, as Markdown."""
    unit = view.main_unit(records)
    layers = [layer.config["layer"] for layer in view.layers(records)]
    header = [
        "format",
        *(f"SQNR {layer} / dB" for layer in layers),
        "NAND2-eq. per MAC",
        "LUT4 per MAC",
        "products through RTL",
    ]
    lines = [
        f"![Accuracy against gates of every format]({RESULTS.as_posix()}/pareto-gates.svg)",
        "",
        "| " + " | ".join(header) + " |",
        "|---" + "|---:" * (len(header) - 1) + "|",
    ]
    for pair in view.pairs(records):
        best = (view.best_policy(records, layer, pair, "token") for layer in layers)
        cells = [
            shown.number(records, f"accuracy/{layer}/{pair.key}/{policy.key}", "sqnr", 1)
            for layer, policy in zip(layers, best, strict=True)
        ]
        name = f"{pair.key}-{unit}"
        cells += [
            shown.number(records, f"area/{name}/generic", "logic_per_mac"),
            shown.number(records, f"area/{name}/ecp5", "lut4_per_mac", 1),
            shown.number(records, f"verified/{name}", "products_matched"),
        ]
        lines.append("| " + " | ".join([pair.label, *(cell.text for cell in cells)]) + " |")
    lines += [
        "",
        f"{view.UNIT_TITLES[unit]}, exact accumulator; activations scaled per token, weights per channel, the "
        "better of both "
        f"scale rules; logic without DSP blocks, registers apart. {shown.tools_named(records, 'area')}. Regenerate with "
        f"`{REGENERATE}`; every number is in [records.json]({RESULTS.as_posix()}/records.json).",
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
    parser.add_argument("--records", type=Path, default=ROOT / RESULTS / "records.json", help="default: %(default)s")
    bitmod_default = ROOT / bitmod.RESULTS / "records.json"
    parser.add_argument("--bitmod-records", type=Path, default=bitmod_default, help="default: %(default)s")
    nonlinear_default = ROOT / nonlinear.RESULTS / "records.json"
    parser.add_argument("--nonlinear-records", type=Path, default=nonlinear_default, help="default: %(default)s")
    full_default = ROOT / full.RESULTS / "records.json"
    parser.add_argument("--full-records", type=Path, default=full_default, help="default: %(default)s")
    options = parser.parse_args(arguments)
    return run_program(lambda: _fill_in(options))


def _fill_in(options: argparse.Namespace) -> int:
    old = options.readme.read_text(encoding="utf-8")
    records = Records.load(options.records)
    of_bitmod = Records.load(options.bitmod_records, study=BITMOD)
    of_nonlinear = Records.load(options.nonlinear_records, study=NONLINEAR)
    of_full = Records.load(options.full_records, study=FULL)
    blocks = {
        "formats": format_table,
        "figures": lambda: figures_block(records),
        "bitmod": lambda: bitmod.figures_block(of_bitmod),
        "nonlinear": lambda: nonlinear.figures_block(of_nonlinear),
        "full": lambda: full.figures_block(of_full),
        "cost": cost.figures_block,
    }
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
