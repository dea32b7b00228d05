"""``bitmill verify``: the Verilog, or its netlist, against golden in a simulator."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from ..system.screen import say
from .options import OUTPUT, output_option, takes_config
from .progress import progress
from .standard_cells import CellsCommand, cells_option
from .tables import print_table, say_written

if TYPE_CHECKING:
    from ..config.document import UnitConfig
    from ..sim.netlist import NetlistKind

DEFAULT_WAVES = "bitmill_top.fst"
COUNTS = ("results", "products", "beats", "transactions", "input_stalls", "output_stalls", "resets", "cycles")


@click.command(cls=CellsCommand)
@takes_config
@click.option("--seed", type=click.IntRange(0, (1 << 64) - 1), metavar="S", help="Repeat a run; random by default.")
@click.option(
    "--dot-products", type=click.IntRange(1, 1_000_000), default=120, show_default=True, metavar="N",
    help="Random dot products, tiles or rows, beside the directed corners.",
)  # fmt: skip
@click.option(
    "--waves", is_flag=False, flag_value=Path(DEFAULT_WAVES), type=OUTPUT, metavar="[FILE]",
    help=f"Record a waveform (FST); {DEFAULT_WAVES} by default, in DIR with -o.",
)  # fmt: skip
@click.option(
    "--netlist",
    type=click.Choice(["generic", "ecp5", "gowin", "xilinx7", "cells"]),
    help="Verify the mapped netlist instead.",
)
@cells_option("Cells of --netlist cells; osu018 by default")
@click.option(
    "--engine", type=click.Choice(["auto", "cocotb", "compiled"]), default="auto", show_default=True,
    help="Icarus Verilog under cocotb, or compiled C++: the same counts, hundreds of times faster, no waveform. auto: Icarus, "
    "but compiled where Icarus would take more than 20 s.",
)  # fmt: skip
@output_option("DIR", "Also write DIR/verification.json.")
def verify(
    *,
    config: UnitConfig,
    seed: int | None,
    dot_products: int,
    waves: Path | None,
    netlist: NetlistKind | None,
    cells: tuple[str, ...],
    engine: Literal["auto", "cocotb", "compiled"],
    output: Path | None,
) -> None:
    """Simulate the unit and compare every result with golden, bit for bit.

    Traffic comes back to back, with random stalls, in bursts and with resets in the middle. A mismatch is an error.
    """
    from ..config.sizes import check_verified
    from ..system.errors import BitmillError
    from ..system.files import output_directory, output_file, to_json
    from ..system.tools import find_tool

    check_verified(config, "verify")
    if engine == "cocotb" or waves is not None:
        find_tool("iverilog")
    if engine == "compiled" and waves is not None:
        raise BitmillError(f"--waves needs --engine cocotb, which records waveforms, not {engine!r}")
    if cells and netlist != "cells":
        raise BitmillError(f"--cells must be given with --netlist cells, not {netlist or 'without a netlist'}")
    seed = secrets.randbelow(1 << 32) if seed is None else seed
    with ExitStack() as outputs:
        directory = outputs.enter_context(output_directory(output)) if output else None
        recorded = waves
        if waves is not None:
            in_directory = directory is not None and waves == Path(DEFAULT_WAVES)
            recorded = directory / waves if in_directory and directory else outputs.enter_context(output_file(waves))
        task = f"verifying {config.title}, {netlist or 'rtl'}, seed {seed}"
        with progress(task) as step:
            from .. import sim

            result = sim.verify(
                config,
                seed=seed,
                dot_products=dot_products,
                netlist=netlist,
                cells=cells or None,
                waves=recorded,
                engine=engine,
                progress=_now_and_then(lambda done, total: step(task, done=done, total=total)),
                tell=lambda note: say(f"bitmill: note: {note}", err=True),
            )
        if directory is not None:
            library = {"cells": list(cells) or ["osu018"]} if netlist == "cells" else {}
            text = to_json(_record(config, result.to_dict()) | library)
            (directory / "verification.json").write_text(text, encoding="utf-8", newline="\n")
    say(f"passed: {config.title}, {result.level}, seed {result.seed}")
    rows = [[phase.name, *(str(getattr(phase, name, "")) for name in COUNTS[2:])] for phase in result.phases]
    rows.append(["all", *(str(getattr(result, name)) for name in COUNTS[2:])])
    columns = ["phase", *(name.replace("_", " ") for name in COUNTS[2:])]
    print_table(columns, rows, right=columns[1:])
    results, parts = config.counted
    say(f"{result.results} {results}, {result.products} {parts}, {result.mismatches} mismatches")
    record = [output / "verification.json"] if output else []
    shown = [output / waves if output and waves == Path(DEFAULT_WAVES) else waves] if waves else []
    say_written(*record, *shown)


def _now_and_then(tell: Callable[[int, int], None], seconds: float = 2.0) -> Callable[[int, int], None]:
    """``tell``, called at once and then at most once in so many seconds: batches end far more often."""
    last = -seconds

    def step(done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last >= seconds:
            last = time.monotonic()
            tell(done, total)

    return step


def _record(config: UnitConfig, result: dict[str, Any]) -> dict[str, Any]:
    from .. import __version__
    from ..system.tools import tool_versions

    versions = {"bitmill": __version__, **tool_versions()}
    return {"title": config.title, "configuration": config.to_dict(), "versions": versions, "verification": result}
