"""``bitmill run``: work of a real size on the generated hardware."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from .options import PATH, TENSOR, load_config, output_option


@click.group()
def run() -> None:
    """Run work on the generated hardware in simulation."""


@run.command()
@click.option("--config", "config_file", metavar="CONFIG.toml", type=PATH, help="The array or bit-serial tile.")
@click.option("--preset", "preset_name", metavar="NAME", help="A built-in one instead, such as int8-8x8 or bitmod-8x8.")
@click.option(
    "--weights", required=True, type=TENSOR, metavar="FILE[:TENSOR]",
    help="Weights [M, K]: safetensors, npy or npz; for tiles also what `bitmill quantize` wrote.",
)  # fmt: skip
@click.option("--activations", required=True, type=TENSOR, metavar="FILE[:TENSOR]", help="Activations [N, K].")
@click.option(
    "--scheme", "scheme_name", metavar="NAME",
    help="Of a tile's weights, bitmod-fp4 by default, or of an array's blocks; `bitmill quantize --list` shows all.",
)  # fmt: skip
@click.option(
    "--group", type=int, metavar="G", help="Weights of a tile that share a scale; the scheme's own by default."
)
@click.option(
    "--rule", type=click.Choice(["maximum", "least-squares"]),
    help="How scales are chosen, one per weight row of an array, one per activation row of integers; maximum by default.",
)  # fmt: skip
@click.option("--engine", type=click.Choice(["compiled", "cocotb"]), default="compiled", show_default=True)
@click.option("--stall", type=click.FloatRange(0, 1, max_open=True), default=0.0, metavar="P",
              help="Stall both streams at random with this probability.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, metavar="S", help="Of the stalls.")
@click.option(
    "--allow-saturation", is_flag=True,
    help="Run operands that saturate, overflow or are lost as a whole on their way into their formats; they are counted.",
)  # fmt: skip
@output_option("DIR", "Also write DIR/gemm.json and the results, DIR/output.npy [M, N].")
def gemm(
    *,
    config_file: Path | None,
    preset_name: str | None,
    weights: str,
    activations: str,
    scheme_name: str | None,
    group: int | None,
    rule: Literal["maximum", "least-squares"] | None,
    engine: Literal["compiled", "cocotb"],
    stall: float,
    seed: int,
    allow_saturation: bool,
    output: Path | None,
) -> None:
    """Quantize two matrices, stream their product through the unit's RTL, and compare every result with golden.

    M, N and K may be anything up to the configuration's k_max. Prints cycles, utilisation and where the cycles went; of
    a bit-serial tile, whose weights have a scheme, the signal-to-noise ratio too.
    """
    from ..config.sizes import check_generated
    from .gemm_families import GEMM

    config = load_config(config_file, preset_name)
    check_generated(config)
    GEMM.of(config)(
        config, weights=weights, activations=activations, scheme_name=scheme_name, group=group, rule=rule,
        engine=engine, stall=stall, seed=seed, allow_saturation=allow_saturation, output=output,
    )  # fmt: skip
