"""``bitmill estimate``: what a unit will occupy, without synthesis, and how wrong that may be."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..system.screen import say
from .options import output_option, takes_config
from .tables import print_table

if TYPE_CHECKING:
    from ..config import MacConfig
    from ..config.bit_serial import BitSerialConfig


@click.command()
@takes_config
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@output_option("FILE.json", "Also write the estimates.")
def estimate(*, config: MacConfig | BitSerialConfig, as_json: bool, output: Path | None) -> None:
    """Predict gates, LUTs and flip-flops of a MAC or dot product without synthesis.

    The models were fitted on synthesized units of everything that they accept. The last column says how many units that the fit
    never saw, drawn from the same space, lie in their bands; what would need a band wider than 10 % is refused.
    """
    from ..config import MacConfig
    from ..fpga.cost.model import shipped_models
    from ..system.errors import BitmillError
    from ..system.files import output_file, to_json

    if not isinstance(config, MacConfig) or config.unit == "array":
        what = "an array" if isinstance(config, MacConfig) else "a bit-serial tile"
        raise BitmillError(f"unit must be 'mac' or 'dot' to be estimated, not {what}")
    models = shipped_models()
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
    say(config.title)
    print_table(
        ["target", "metric", "estimate", "low", "high", "per MAC", "unit", "median error", "in the band"],
        [
            [model.target, model.metric, *(f"{value:,.0f}" for value in (estimate.value, estimate.low, estimate.high)),
             f"{estimate.value / config.macs:,.1f}", model.unit, f"{model.held_out.median:.1%}", f"{model.held_out.within:.1%}"]
            for model, estimate in found
        ],
        right=["estimate", "low", "high", "per MAC", "median error", "in the band"],
    )  # fmt: skip
