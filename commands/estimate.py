"""``bitmill estimate``: what a unit will occupy, without synthesis, and how wrong that may be."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..screen import say
from .options import output_option, takes_config
from .tables import print_table

if TYPE_CHECKING:
    from ..bit_serial import BitSerialConfig
    from ..config import AcceleratorConfig


@click.command()
@takes_config
@output_option("FILE.json", "Also write the estimates.")
def estimate(*, config: AcceleratorConfig | BitSerialConfig, output: Path | None) -> None:
    """Predict gates, LUTs and flip-flops of a MAC or dot product in milliseconds.

    The closed-form models were fitted on synthesized units; nine of ten units that the fit never saw lie in the band.
    """
    from ..config import AcceleratorConfig
    from ..errors import BitmillError
    from ..files import output_file, to_json
    from ..reports.cost.model import shipped_models

    if not isinstance(config, AcceleratorConfig) or config.unit == "array":
        what = "an array" if isinstance(config, AcceleratorConfig) else "a bit-serial tile"
        raise BitmillError(f"unit must be 'mac' or 'dot' to be estimated, not {what}")
    models = shipped_models()
    found = [(model, model.estimate(config)) for model in models]
    if output is not None:
        rows = [
            {"target": model.target, "metric": model.metric, "unit": model.unit, **asdict(estimate),
             "held_out": asdict(model.held_out)}
            for model, estimate in found
        ]  # fmt: skip
        with output_file(output) as staged:
            staged.write_text(to_json({"configuration": config.to_dict(), "estimates": rows}))
    say(config.title)
    print_table(
        ["target", "metric", "estimate", "low", "high", "per MAC", "unit", "median error", "90 % within"],
        [
            [model.target, model.metric, *(f"{value:,.0f}" for value in (estimate.value, estimate.low, estimate.high)),
             f"{estimate.value / config.macs:,.1f}", model.unit, f"{model.held_out.median:.1%}", f"{model.held_out.p90:.1%}"]
            for model, estimate in found
        ],
        right=["estimate", "low", "high", "per MAC", "median error", "90 % within"],
    )  # fmt: skip
    beyond = sorted({name for _, estimate in found for name in estimate.beyond})
    if beyond:
        say(
            f"bitmill: note: no unit of the fit had as many bits of {', '.join(beyond)}; the band may not hold",
            err=True,
        )
