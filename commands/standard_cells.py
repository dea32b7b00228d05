"""The part of ``bitmill synth`` that maps onto standard cells, and the option that names them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..system.screen import say
from .formulation import chosen, formulation_of
from .large_units import RecipePace, measured_on, measured_unit, say_measured_on
from .memories import emitted_for_cells, left_out_of, say_left_out
from .options import share_of
from .progress import progress
from .tables import print_table

if TYPE_CHECKING:
    from ..config.document import UnitConfig
    from ..fpga.standard_cells import StandardCells


class CellsCommand(click.Command):
    """A command with ``--cells``: all names and Liberty files that follow it belong to it, such as a shell's ``*.lib``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Repeat the option before every name and file."""
        from ..fpga.libraries import LIBRARIES

        spread: list[str] = []
        within = False
        for arg in args:
            follows = within and spread[-1] != CELLS and (arg in LIBRARIES or arg.endswith(_FILES))
            spread += [CELLS, arg] if follows else [arg]
            within = arg == CELLS or (within and (spread[-2] == CELLS))
        return super().parse_args(ctx, spread)


CELLS = "--cells"
_FILES = (".lib", ".lib.gz")


def cells_option(text: str) -> Callable[..., Any]:
    """``--cells``, as a tuple of names or paths under ``cells``."""
    return click.option(
        CELLS, metavar="NAME|PATH", multiple=True,
        help=f"{text}: sky130, ihp-sg13g2, asap7 or osu018, looked for in $BITMILL_CELLS and $PDK_ROOT; or Liberty files, .gz or "
        "not, or a folder of them.",
    )  # fmt: skip


def synth_cells(
    config: UnitConfig,
    *,
    cells: Sequence[str],
    period_ns: float,
    clock_gating: bool,
    formulation: str | None,
    clock: str,
    output: Path | None,
) -> None:
    """Map the unit onto a library, print what it occupies and the clock that it reaches, and write the record."""
    from ..fpga.formulation_choice import cells_probe
    from ..fpga.large_cells import map_large
    from ..fpga.libraries import find_library
    from ..fpga.standard_cells import check_flow, map_standard_cells
    from ..hdl.emit.verilog import TOP, once_in_cells, once_in_large
    from ..system.files import output_file, to_json

    check_flow(period_ns)
    with ExitStack() as outputs:
        library = find_library(cells or None)
        staged = outputs.enter_context(output_file(output)) if output else None
        config, choice = chosen(
            config, formulation, lambda: cells_probe(library, period_ns=period_ns, clock_gating=clock_gating),
            where=f"{library.key} at {period_ns:g} ns",
        )  # fmt: skip
        with progress(f"generating {config.title}") as step:
            verilog, left_out = emitted_for_cells(config, TOP)
            measured = measured_unit(config, clock)
            slice_ = "" if measured == config else ", a slice of it,"
            doing = f"mapping {measured.title}{slice_} onto {library.key}"
            step(doing)
            pace = RecipePace()

            def show(recipe: str, seconds: float, left: int) -> None:
                then = f"{left} recipes left at the most" if left or measured == config else f"counting {config.title}"
                step(f"{doing}: {recipe} done, {then}", left=pace.left(seconds, left))

            if measured == config:
                result = map_standard_cells(
                    verilog,
                    TOP,
                    library,
                    period_ns=period_ns,
                    clock_gating=clock_gating,
                    once=once_in_cells(config),
                    progress=show,
                )
            else:
                result = map_large(
                    verilog,
                    emitted_for_cells(measured, TOP)[0],
                    TOP,
                    library,
                    period_ns=period_ns,
                    clock_gating=clock_gating,
                    once_of_whole=once_in_large(config),
                    once_of_part=once_in_cells(measured),
                    progress=show,
                )
        if staged is not None:
            record = (
                _record(config, result)
                | left_out_of(left_out)
                | formulation_of(config, choice)
                | measured_on(config, measured)
            )
            staged.write_text(to_json(record), encoding="utf-8")
    _print(config, result)
    say_measured_on(config, measured)
    say_left_out(left_out)


def _record(config: UnitConfig, result: StandardCells) -> dict[str, Any]:
    from .. import __version__

    return {
        "title": config.title,
        "configuration": config.to_dict(),
        "versions": {"bitmill": __version__, **result.tools},
        "synthesis": result.to_dict(),
    }


def _print(config: UnitConfig, result: StandardCells) -> None:
    best = result.best
    gating = "clock gating" if result.clock_gating else "no clock gating"
    say(f"{config.title}, {result.library_key}, recipe {best.recipe}, {gating}")
    figures = [("logic, gate equivalents", best.logic_ge), ("registers, gate equivalents", best.registers_ge)]
    rows = [[name, f"{value:.1f}", f"{value / config.macs:.1f}"] for name, value in figures]
    rows += [
        ["registers", str(best.registers), f"{best.registers / config.macs:.1f}"],
        ["area, square micrometres", f"{result.area_um2:,.1f}", f"{result.area_um2 / config.macs:,.2f}"],
    ]
    rows += [["leakage, nW", f"{result.leakage_nw:,.3f}", f"{result.leakage_nw / config.macs:,.4f}"]]
    of_one = share_of(config)
    print_table(["count", "unit", of_one], rows, right=["unit", of_one])
    if result.without_area:
        say(f"{result.library} states no area of {', '.join(result.without_area)}: not used")
    if result.leakage_left_out:
        say(f"{result.library} states no leakage of {', '.join(result.leakage_left_out)}: counted as zero")
    reached = f"shortest period {best.delay_ns:.2f} ns ({1000 / best.delay_ns:.1f} MHz)"
    tried = f"{len(result.tried)} recipes tried"
    if result.met:
        say(f"{reached}, meets {result.period_ns:g} ns; the smallest that does, {tried}")
    else:
        say(f"{reached}, misses {result.period_ns:g} ns; the fastest, {tried}")
