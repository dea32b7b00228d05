"""``bitmill run``: work of a real size on the generated hardware."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from .options import PATH, load_config, output_option
from .progress import progress
from .tables import print_table

if TYPE_CHECKING:
    from ..sim.gemm import Gemm

ACCOUNT = {
    "steps": "steps taken, one a cycle at best",
    "short_tiles": "waiting for results of short tiles to leave",
    "stalls": "waiting for somebody to take results",
    "gaps": "no step offered",
    "fill": "fill: skew and pipeline",
    "drain": "drain: last results on their way out",
}


@click.group()
def run() -> None:
    """Run work on the generated hardware in simulation."""


@run.command()
@click.option("--config", "config_file", metavar="CONFIG.toml", type=PATH, help="The array.")
@click.option("--preset", "preset_name", metavar="NAME", help="A built-in configuration instead, such as int8-8x8.")
@click.option("--weights", required=True, metavar="FILE[:TENSOR]", help="Weights [M, K]: safetensors, npy or npz.")
@click.option("--activations", required=True, metavar="FILE[:TENSOR]", help="Activations [N, K].")
@click.option(
    "--rule", type=click.Choice(["maximum", "least-squares"]), default="maximum", show_default=True,
    help="How scales are chosen: one per weight row, one per activation row.",
)  # fmt: skip
@click.option("--engine", type=click.Choice(["compiled", "cocotb"]), default="compiled", show_default=True)
@click.option("--stall", type=click.FloatRange(0, 1, max_open=True), default=0.0, metavar="P",
              help="Stall both streams at random with this probability.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, metavar="S", help="Of the stalls.")
@output_option("DIR", "Also write DIR/gemm.json and the results, DIR/output.npy [M, N].")
def gemm(
    *,
    config_file: Path | None,
    preset_name: str | None,
    weights: str,
    activations: str,
    rule: Literal["maximum", "least-squares"],
    engine: Literal["compiled", "cocotb"],
    stall: float,
    seed: int,
    output: Path | None,
) -> None:
    """Quantize two matrices, stream their product through the array's RTL, and compare every result with golden.

    M, N and K may be anything up to the configuration's k_max. Prints cycles, utilisation and where the cycles went.
    """
    from ..files import output_directory
    from ..reports.tensors import load_matrix
    from ..sim.gemm import check_shapes

    config = load_config(config_file, preset_name)
    weight, activation = load_matrix(weights, "weights"), load_matrix(activations, "activations")
    check_shapes(config, weight.shape, activation.shape)
    with ExitStack() as outputs:
        directory = outputs.enter_context(output_directory(output)) if output else None
        with progress(f"quantizing for {config.title}") as step:
            import numpy as np

            from .. import golden
            from ..sim.gemm import gemm as run_gemm

            scales = (
                golden.choose_scale(config.weight, weight, granularity="channel", rule=rule, name="weights"),
                golden.choose_scale(config.activation, activation, granularity="token", rule=rule, name="activations"),
            )
            codes = (
                golden.quantize(config.weight, weight, scales[0]),
                golden.quantize(config.activation, activation, scales[1]),
            )
            step(f"building {config.title} for {engine}")
            result = run_gemm(
                config, *codes, engine=engine, stall=stall, seed=seed,
                progress=lambda done, total: step(f"running {config.title}", done=done, total=total),
            )  # fmt: skip
        if directory is not None:
            real = golden.to_float(config, result.result) * scales[0].values[:, None] * scales[1].values[None, :]
            np.save(directory / "output.npy", real)
            text = json.dumps(_record(result, {"weights": weights, "activations": activations, "rule": rule}), indent=2)
            (directory / "gemm.json").write_text(text + "\n", encoding="utf-8", newline="\n")
    _print(result)


def _print(result: Gemm) -> None:
    m, n, k = result.shape
    click.echo(
        f"passed: {result.config.title}, {m}x{n}x{k}, {result.engine}, {result.result.value.size} results equal golden"
    )
    rows = [[text, f"{getattr(result.account, name)}", f"{getattr(result.account, name) / result.account.cycles:.2%}"]
            for name, text in ACCOUNT.items()]  # fmt: skip
    rows.append(["all cycles", str(result.account.cycles), "100.00%"])
    print_table(["where cycles went", "cycles", "share"], rows, right=["cycles", "share"])
    click.echo(
        f"utilisation {result.utilisation:.2%}: {result.ideal_cycles:.1f} cycles' worth of products in "
        f"{result.account.cycles}; padding of ragged edges {result.padding:.1f}"
    )


def _record(result: Gemm, inputs: dict[str, Any]) -> dict[str, Any]:
    from .. import __version__
    from ..tools import tool_versions

    return {"inputs": inputs, "versions": {"bitmill": __version__, **tool_versions()}, "gemm": result.to_dict()}
