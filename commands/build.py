"""``bitmill build``: a unit as the bitstream of a board."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..system.screen import say
from .options import output_option, takes_config
from .progress import progress
from .tables import print_table

if TYPE_CHECKING:
    from ..config.document import UnitConfig


@click.command()
@takes_config
@click.option("--board", default="icebreaker", show_default=True, metavar="NAME", help="A board of amaranth-boards.")
@click.option("--dsp/--no-dsp", default=False, show_default=True, help="Whether multipliers may become DSP blocks.")
@click.option("--seed", type=click.IntRange(0, (1 << 31) - 1), default=1, show_default=True, help="Of the placement.")
@output_option("DIR", "Directory to write to.", required=True)
def build(*, config: UnitConfig, board: str, dsp: bool, seed: int, output: Path) -> None:
    """Build the bitstream of a board: the unit behind a serial bridge, so that pins suffice.

    Writes the bitstream and a JSON record of what it occupies, the clock it reaches, and the bits of a frame.
    """
    from ..config.sizes import check_verified
    from ..system.files import output_directory

    check_verified(config, "build")
    with output_directory(output) as staged, progress(f"building {config.title} for {board}"):
        from ..fpga.board import build_bitstream
        from ..hdl.emit.verilog import TOP, emit

        result = build_bitstream(emit(config), TOP, staged, board=board, dsp=dsp, seed=seed)
    say(f"{output / result.path.name}: {config.title} on {result.board}")
    print_table(["site", "used"], [[kind, str(count)] for kind, count in result.used.items()], right=["used"])
    say(f"Fmax {result.fmax_mhz:.1f} MHz; the board's clock is {result.clock_mhz:g} MHz")
