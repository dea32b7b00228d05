"""``bitmill estimate``: what a unit will occupy, without synthesis, and how wrong that may be."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..system.screen import say
from .options import output_option, share_of, takes_config
from .standard_cells import CellsCommand
from .tables import print_table

if TYPE_CHECKING:
    from ..config.document import UnitConfig


@click.command(cls=CellsCommand)
@takes_config
@click.option(
    "--cells", metavar="NAME", multiple=True,
    help="A cell library instead of gates and LUTs, several times if wanted: sky130, ihp-sg13g2, asap7, osu018.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@output_option("FILE.json", "Also write the estimates.")
def estimate(*, config: UnitConfig, cells: tuple[str, ...], as_json: bool, output: Path | None) -> None:
    """Predict gates, LUTs and flip-flops of a MAC or dot product without synthesis, or gate equivalents on a cell library.

    The models were fitted on synthesized units of everything that they accept. The last column says how many units that the fit
    never saw, drawn from the same space, lie in their bands; what would need a band wider than 10 % is refused.
    """
    from ..fpga.cost.model import library_models, shipped_models
    from ..system.files import output_file, to_json

    models = [model for name in dict.fromkeys(cells) for model in library_models(name)] or shipped_models()
    found = [(model, model.estimate(config)) for model in models]
    rows = [
        {
            "target": model.target,
            "metric": model.metric,
            "unit": model.unit,
            **asdict(estimate),
            "held_out": asdict(model.held_out),
        }
        for model, estimate in found
    ]
    text = to_json({"configuration": config.to_dict(), "estimates": rows})
    if output is not None:
        with output_file(output) as staged:
            staged.write_text(text)
    if as_json:
        for line in text.splitlines():
            say(line)
        return
    of_one = share_of(config)
    say(config.title)
    print_table(
        ["target", "metric", "estimate", "low", "high", of_one, "unit", "median error", "in the band"],
        [
            [model.target, model.metric, *(f"{value:,.0f}" for value in (estimate.value, estimate.low, estimate.high)),
             f"{estimate.value / config.macs:,.1f}", model.unit, f"{model.held_out.median:.1%}", f"{model.held_out.within:.1%}"]
            for model, estimate in found
        ],
        right=["estimate", "low", "high", of_one, "median error", "in the band"],
    )  # fmt: skip
