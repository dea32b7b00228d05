"""``bitmill synth``: what a unit occupies and how fast it is."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..fpga.cells import TARGETS
from ..system.screen import say
from .formulation import chosen, formulation_of, formulation_option
from .large_units import Left, clock_option, measured_on, measured_unit, say_measured_on
from .memories import WITH_MEMORIES, emitted_for_cells, left_out_of, say_left_out
from .options import PATH, output_option, share_of, takes_config
from .progress import progress
from .standard_cells import CellsCommand, cells_option, synth_cells
from .tables import print_table

if TYPE_CHECKING:
    from ..config.document import UnitConfig
    from ..fpga.synthesis import Synthesis
    from ..fpga.timing import Timing

CELL_TARGETS = ("cells", "liberty")
"""Standard cells; the second name is the first one's of old."""
DEFAULT_PERIOD_NS = 10.0


@click.command(cls=CellsCommand)
@takes_config
@click.option(
    "--target",
    type=click.Choice([*TARGETS, *CELL_TARGETS]),
    required=True,
    help="What to map to.",
)
@click.option("--dsp/--no-dsp", default=False, show_default=True, help="Whether multipliers may become DSP blocks.")
@click.option(
    "--seeds",
    type=click.IntRange(1, 100),
    default=3,
    show_default=True,
    metavar="N",
    help="Placements, from seed 1 on.",
)
@click.option("--no-timing", is_flag=True, help="Do not place and route; only ice40 and ecp5 ever do.")
@cells_option("Cells of the cells target; osu018 by default")
@click.option("--liberty", metavar="FILE.lib", type=PATH, help="The same as --cells with one file.")
@click.option(
    "--period", metavar="NS", type=float, help="Clock period that the cells target is to meet; 10 by default."
)
@click.option(
    "--clock-gating/--no-clock-gating", default=None, help="Whether registers of the cells target share gated clocks."
)
@formulation_option
@clock_option()
@output_option("FILE.json", "Also write the record.")
def synth(
    *,
    config: UnitConfig,
    target: str,
    dsp: bool,
    seeds: int,
    no_timing: bool,
    cells: tuple[str, ...],
    liberty: Path | None,
    period: float | None,
    clock_gating: bool | None,
    formulation: str | None,
    clock: str,
    output: Path | None,
) -> None:
    """Synthesize the unit, count its cells, and measure the clock that it reaches between registers.

    Counts: NAND2-equivalents without registers (generic), LUT4 + 2 CCU2C (ecp5), SB_LUT4 (ice40), LUT1 to LUT4 + ALU (gowin),
    LUT1 to LUT6 (xilinx7), areas of the library's NAND2 (cells; before layout, timed by OpenSTA). Results are cached.
    """
    from ..config.sizes import check_verified
    from ..system.errors import BitmillError
    from ..system.files import output_file, to_json

    check_verified(config, "synth")
    if dsp and target in ("generic", *CELL_TARGETS):
        raise BitmillError(f"--dsp must not be given with --target {target}, which has no DSP blocks")
    if liberty is not None and cells:
        raise BitmillError(f"--liberty must not be given with --cells, which names the library, not {str(liberty)!r}")
    if target in CELL_TARGETS:
        if no_timing:
            raise BitmillError(
                f"--no-timing must not be given with --target {target}, whose recipe is chosen by its clock"
            )
        period_ns = DEFAULT_PERIOD_NS if period is None else period
        named = cells if liberty is None else (str(liberty),)
        synth_cells(
            config, cells=named, period_ns=period_ns, clock_gating=clock_gating is not False, formulation=formulation,
            clock=clock, output=output,
        )  # fmt: skip
        return
    for option, value in (
        ("--cells", cells or None),
        ("--liberty", liberty),
        ("--period", period),
        ("--clock-gating", clock_gating),
    ):
        if value is not None:
            raise BitmillError(f"{option} must be given with --target cells, not {target}")
    from ..fpga.formulation_choice import target_probe

    device = None if no_timing else _device(target, dsp=dsp)
    with ExitStack() as outputs:
        staged = outputs.enter_context(output_file(output)) if output else None
        config, choice = chosen(config, formulation, lambda: target_probe(target, dsp=dsp), where=target, dsp=dsp)
        with progress(f"generating {config.title}") as step:
            from ..fpga.capacity import excess
            from ..fpga.jobs import Outcome, default_workers, run_jobs
            from ..fpga.synthesis import synthesize
            from ..hdl.emit.verilog import TOP, emit, once_in_large

            text, left_out = (emit(config), 0) if target in WITH_MEMORIES else emitted_for_cells(config, TOP)
            measured = measured_unit(config, clock)
            once = () if measured == config else once_in_large(config)
            timed = text if measured == config or device is None else emit(measured)
            recipes = _recipes(text, TOP, target, dsp=dsp, once=once)
            placements = _placements(timed, TOP, device, dsp=dsp, seeds=seeds)
            kinds = dict.fromkeys(recipes, "recipe") | dict.fromkeys(placements, "placement")
            left = Left(kinds, default_workers())
            step(f"synthesizing {config.title} for {target}", done=0, total=len(kinds))

            def show(outcome: Outcome[Any]) -> None:
                seconds = left.done(outcome.name, outcome.seconds)
                done = len(kinds) - len(left)
                step(f"{outcome.name} of {config.title} done", done=done, total=len(kinds), left=seconds)

            # One after the other: a placement begins with the recipe that has the least logic.
            for outcome in run_jobs(recipes, progress=show).values():
                outcome.unwrap()
            synthesis = synthesize(text, TOP, target, dsp=dsp, once=once)
            if placements:
                step(f"placing {measured.title} with {seeds} seed(s)", done=len(kinds) - len(left), total=len(kinds))
            timing = _join([outcome.unwrap() for outcome in run_jobs(placements, progress=show).values()])
        record = _record(config, synthesis, timing) | left_out_of(left_out) | formulation_of(config, choice)
        if staged is not None:
            record |= measured_on(config, measured)
            staged.write_text(to_json(record), encoding="utf-8")
    _print(config, synthesis, timing)
    say_measured_on(config, measured)
    over = excess(device, synthesis.counts) if device is not None else None
    if over is not None:
        say(f"bitmill: note: the whole unit does not fit device {device}: it {over}", err=True)
    say_left_out(left_out)


def _device(target: str, *, dsp: bool) -> str | None:
    """The part that a target is timed on: of the iCE40 only the UltraPlus has DSP blocks."""
    return {"ecp5": "ecp5", "ice40": "up5k" if dsp else "hx8k"}.get(target)


def _recipes(verilog: str, top: str, target: str, *, dsp: bool, once: tuple[str, ...]) -> dict[str, Callable[[], None]]:
    """A job for each recipe, whose cells are in the cache then."""
    from ..fpga.cells import check_target
    from ..fpga.synthesis import recipe_cells, recipes_tried

    known = check_target(target)

    def count(recipe: str) -> Callable[[], None]:
        def run() -> None:
            recipe_cells(verilog, top, known, recipe, dsp=dsp, once=once)

        return run

    return {f"recipe {name}": count(name) for name in recipes_tried(verilog, top, known)}


def _placements(
    verilog: str, top: str, device: str | None, *, dsp: bool, seeds: int
) -> dict[str, Callable[[], Timing]]:
    """A job for each seed."""
    from ..fpga.timing import measure_timing

    def place(part: str, seed: int) -> Callable[[], Timing]:
        return lambda: measure_timing(verilog, top, part, dsp=dsp, seeds=(seed,))

    return {} if device is None else {f"placement {seed}": place(device, seed) for seed in range(1, seeds + 1)}


def _join(timings: list[Timing]) -> Timing | None:
    """The placements of all seeds as one measurement."""
    if not timings:
        return None
    placements = tuple(placement for timing in timings for placement in timing.placements)
    return dataclasses.replace(timings[0], placements=placements)


def _record(config: UnitConfig, synthesis: Synthesis, timing: Timing | None) -> dict[str, Any]:
    from .. import __version__

    return {
        "title": config.title,
        "configuration": config.to_dict(),
        "versions": {"bitmill": __version__, **synthesis.tools, **(timing.tools if timing else {})},
        "synthesis": synthesis.to_dict(),
        "timing": timing.to_dict() if timing else None,
    }


def _print(config: UnitConfig, synthesis: Synthesis, timing: Timing | None) -> None:
    counts = synthesis.counts
    per_lane = f"{counts.logic / config.macs:.1f}"
    rows = [
        [f"logic, {counts.logic_unit}", f"{counts.logic:g}", per_lane],
        ["registers", str(counts.registers), f"{counts.registers / config.macs:.1f}"],
    ]
    if counts.target != "generic":
        rows += [[name, str(getattr(counts, name)), ""] for name in ("dsp", "carry")]
    if counts.memory_blocks:
        rows.append(["block memories", str(counts.memory_blocks), ""])
    say(f"{config.title}, {synthesis.target}, recipe {synthesis.recipe}")
    of_one = share_of(config)
    print_table(["count", "unit", of_one], rows, right=["unit", of_one])
    if timing is not None:
        count = len(timing.placements)
        median = f"{timing.fmax_mhz:.1f} MHz on {timing.device}"
        say(f"Fmax {median}, median of {count} placements, spread {timing.spread_mhz:.1f} MHz")
    if synthesis.dsp and not counts.dsp and config.without_dsp:
        say(f"bitmill: note: {config.without_dsp}", err=True)
