"""``bitmill run gemm`` on an array."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..system.errors import BitmillError
from ..system.screen import say
from .gemm_losses import check_losses, record_losses, say_losses
from .gemm_output import print_run, write_run
from .progress import progress

if TYPE_CHECKING:
    from ..config import MacConfig
    from ..golden import Rule

PARTS = {
    "steps": "steps taken, one a cycle at best",
    "short_tiles": "waiting for results of short tiles to leave",
    "stalls": "waiting for somebody to take results",
    "gaps": "no step offered",
    "fill": "fill: skew and pipeline",
    "drain": "drain: last results on their way out",
}


def run_array(
    config: MacConfig,
    *,
    weights: str,
    activations: str,
    scheme_name: str | None,
    group: int | None,
    rule: Rule | None,
    engine: Literal["compiled", "cocotb"],
    stall: float,
    seed: int,
    allow_saturation: bool,
    output: Path | None,
) -> None:
    """Quantize two matrices with one scale a row each, run their product, print and write what came of it.

    Raises
    ------
    BitmillError
        If there is a scheme or a group, or a matrix cannot be read or run.
    """
    for option, value in (("--scheme", scheme_name), ("--group", group)):
        if value is not None:
            raise BitmillError(f"{option} must be given with a bit-serial tile, not with {config.title}")
    rule = rule or "maximum"
    from ..models.layers import load_matrix
    from ..sim.gemm import check_shapes
    from ..system.files import output_directory

    weight, activation = load_matrix(weights, "weights"), load_matrix(activations, "activations")
    check_shapes(config, weight.shape, activation.shape)
    with ExitStack() as outputs:
        directory = outputs.enter_context(output_directory(output)) if output else None
        with progress(f"quantizing for {config.title}") as step:
            from .. import golden
            from ..sim.gemm import gemm

            scales = (
                golden.choose_scale(config.weight_format, weight, granularity="channel", rule=rule, name="weights"),
                golden.choose_scale(
                    config.activation_format, activation, granularity="token", rule=rule, name="activations"
                ),
            )
            (weight_codes, weights_lost), (activation_codes, activations_lost) = (
                golden.encode_counted(fmt, matrix, scale=scale)
                for fmt, matrix, scale in zip(
                    (config.weight_format, config.activation_format), (weight, activation), scales, strict=True
                )
            )
            lost = {"weights": weights_lost, "activations": activations_lost}
            if rule == "least-squares":  # It clips where that makes the sum of squared errors less.
                lost = {name: losses.meant() for name, losses in lost.items()}
            check_losses(lost, allow=allow_saturation)
            step(f"building {config.title} for {engine}")
            result = gemm(
                config, weight_codes, activation_codes, engine=engine, stall=stall, seed=seed,
                progress=lambda done, total: step(f"running {config.title}", done=done, total=total),
            )  # fmt: skip
        if directory is not None:
            real = golden.to_float(config, result.result) * scales[0].values[:, None] * scales[1].values[None, :]
            inputs = {"weights": weights, "activations": activations, "rule": rule}
            write_run(directory, result, real, inputs, losses=record_losses(lost))
    print_run(result, PARTS)
    say_losses(lost)
    if result.saturated_results is not None:
        say(f"{result.saturated_results} of {result.result.value.size} results saturated in the accumulator")
