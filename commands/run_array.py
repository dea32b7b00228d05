"""``bitmill run gemm`` on an array."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..system.errors import BitmillError
from ..system.screen import say
from .gemm_losses import check_losses, record_losses, say_losses
from .gemm_output import FILES, GIVEN, decibels, print_run, sqnr_of, write_run
from .progress import progress
from .tables import say_written

if TYPE_CHECKING:
    from ..config import MacConfig
    from ..formats import Format
    from ..formats.block import Block
    from ..golden import Losses, Rule

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
    """Quantize two matrices, run their product, print and write what came of it.

    Every row has one scale, or, where steps carry scales, one for each of its blocks.

    Raises
    ------
    BitmillError
        If an option does not fit the array, or a matrix cannot be read or run.
    """
    if group is not None:
        raise BitmillError(f"--group must be given with a bit-serial tile, not with {config.title}")
    if scheme_name is not None and config.scale_format is None:
        raise BitmillError(
            f"--scheme must be given with a bit-serial tile or an array with scales, not with {config.title}"
        )
    if rule is not None and config.scale_format is not None:
        raise BitmillError(
            f"--rule must be left out for {config.title}, whose blocks have rules, see --scheme, not {rule!r}"
        )
    scheme = None if scheme_name is None else _scheme(config, scheme_name)
    from ..models.layers import load_matrix
    from ..sim.gemm import check_shapes
    from ..system.files import output_directory

    weight, activation = load_matrix(weights, "weights"), load_matrix(activations, "activations")
    check_shapes(config, weight.shape, activation.shape)
    if config.scale_format is not None and weight.shape[1] % config.block_size:
        raise BitmillError(
            f"weights must have K a multiple of the block of {config.block_size} for {config.title}, not {weight.shape[1]}"
        )
    with ExitStack() as outputs:
        directory = outputs.enter_context(output_directory(output)) if output else None
        with progress(f"quantizing for {config.title}") as step:
            from .. import golden
            from ..sim.gemm import gemm

            if config.scale_format is None:
                operands = _by_rows(config, weight, activation, rule or "maximum")
            else:
                operands = _in_blocks(config, weight, activation, scheme)
            lost = {"weights": operands[0].lost, "activations": operands[1].lost}
            check_losses(lost, allow=allow_saturation)
            step(f"building {config.title} for {engine}")
            scales = operands[0].scales, operands[1].scales
            result = gemm(
                config, operands[0].codes, operands[1].codes,
                scales=None if scales[0] is None or scales[1] is None else (scales[0], scales[1]),
                engine=engine, stall=stall, seed=seed,
                progress=lambda done, total: step(f"running {config.title}", done=done, total=total),
            )  # fmt: skip
        real = golden.to_float(config, result.result) * operands[0].factor[:, None] * operands[1].factor[None, :]
        endless = np.count_nonzero(~np.isfinite(real))
        sqnr = sqnr_of(weight @ activation.T, real)
        if directory is not None:
            inputs = {"weights": weights, "activations": activations, "rule": operands[0].rule}
            write_run(directory, result, real, inputs, losses=record_losses(lost), sqnr_db=sqnr)
    print_run(result, PARTS)
    say_losses(lost)
    told = f"not computable, {endless} results are infinite or NaN" if endless else f"{decibels(sqnr)} against {GIVEN}"
    say(f"SQNR: {told}")
    if result.saturated_results is not None:
        say(f"{result.saturated_results} of {result.result.value.size} results saturated in the accumulator")
    say_written(*(output / name for name in FILES if output))


@dataclass(frozen=True, eq=False)
class _Operand:
    """Codes [rows, K], those of their blocks' scales, what rows of results are multiplied by, what was lost, and the rule."""

    codes: NDArray[Any]
    scales: NDArray[Any] | None
    factor: NDArray[np.float64]
    lost: Losses
    rule: str


def _by_rows(
    config: MacConfig, weight: NDArray[np.float64], activation: NDArray[np.float64], rule: Rule
) -> tuple[_Operand, _Operand]:
    """Both with one scale a row."""
    from .. import golden

    def operand(fmt: Format, x: NDArray[np.float64], granularity: Literal["channel", "token"], name: str) -> _Operand:
        scale = golden.choose_scale(fmt, x, granularity=granularity, rule=rule, name=name)
        codes, lost = golden.encode_counted(fmt, x, scale=scale)
        # Least squares clips where that makes the sum of squared errors less.
        return _Operand(codes, None, scale.values, lost.meant() if rule == "least-squares" else lost, rule)

    return (
        operand(config.weight_format, weight, "channel", "weights"),
        operand(config.activation_format, activation, "token", "activations"),
    )


def _scheme(config: MacConfig, name: str) -> Block:
    """The block of that name, which fits the array's weights."""
    from ..formats.block import BLOCKS, get_block

    scheme = get_block(name)
    if not _fits(config, scheme):
        fitting = [row.name for row in BLOCKS.values() if _fits(config, row)]
        accepted = f"be one of {', '.join(fitting)}" if fitting else "be left out"
        raise BitmillError(f"--scheme must {accepted} for {config.title}, not {name!r}")
    return scheme


def _fits(config: MacConfig, scheme: Block) -> bool:
    """Whether the array takes the scheme's elements and scales."""
    return (scheme.scale, scheme.channel, scheme.elements) == (config.scale, None, (config.weight,))


def _in_blocks(
    config: MacConfig, weight: NDArray[np.float64], activation: NDArray[np.float64], scheme: Block | None
) -> tuple[_Operand, _Operand]:
    """Both in blocks of the array's size, by the scheme's rule or that of the catalog's block of these formats."""
    from ..formats.block import block_for
    from ..golden.blocks import quantize_blocks

    def operand(element: str, x: NDArray[np.float64], name: str) -> _Operand:
        if not np.isfinite(x).all():
            raise BitmillError(
                f"{name} must be finite, not {np.count_nonzero(~np.isfinite(x))} NaN or Inf among {x.size}"
            )
        rule = None if scheme is None else scheme.rule
        block = block_for(element, config.scale, config.block_size, rule=rule, own=config.formats)
        found = quantize_blocks(block, x, name=name)
        factor = np.full(len(x), found.outer_scale)
        return _Operand(found.codes, found.scales, factor, found.losses(x), block.rule)

    return operand(config.weight, weight, "weights"), operand(config.activation, activation, "activations")
