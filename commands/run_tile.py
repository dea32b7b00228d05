"""``bitmill run gemm`` on a bit-serial tile."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..system.errors import BitmillError
from ..system.screen import say
from .gemm_losses import check_losses, record_losses, say_losses
from .gemm_output import FILES, GIVEN, decibels, print_run, sqnr_of, write_run
from .progress import progress
from .tables import say_written

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..config.bit_serial import BitSerialConfig
    from ..formats.block import Block
    from ..golden import Losses, Rule
    from ..golden.weights import QuantizedWeights
    from ..golden.weights.losses import Losses as WeightLosses

DEFAULT_SCHEME = "bitmod-fp4"
PARTS = {
    "terms": "terms of steps, one a cycle",
    "waits": "between steps: sums being scaled, results leaving, no step offered",
    "drain": "drain: last sums scaled, last results on their way out",
}


@dataclass(frozen=True, eq=False)
class _Weights:
    """Weights from a file: real ones that are still to be quantized, or those of a packed model."""

    real: NDArray[np.float64] | None
    packed: QuantizedWeights | None
    scheme: Block
    group: int
    shape: tuple[int, ...]


def run_tile(
    config: BitSerialConfig,
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
    """Quantize weights in groups and activations in the tile's format, run their product, print and write what came of it."""
    from ..models.layers import load_matrix
    from ..sim.serial_gemm import check_fit
    from ..system.files import output_directory

    if rule is not None and not config.is_integer:
        raise BitmillError(f"--rule must not be given with {config.activation} activations, which have no scale")
    weight, activation = _load(weights, scheme_name, group), load_matrix(activations, "activations")
    check_fit(config, weight.scheme, weight.group, weight.shape, activation.shape)
    chosen = "maximum" if rule is None and config.is_integer else rule
    with ExitStack() as outputs:
        directory = outputs.enter_context(output_directory(output)) if output else None
        with progress(f"quantizing with {weight.scheme.name} for {config.title}") as step:
            from ..golden.weights import dequantize
            from ..sim.serial_gemm import serial_gemm

            packed, lost = _quantized(weight, allow_saturation)
            codes, scales, rounded, lost["activations"] = _encoded(config, activation, chosen)
            check_losses(lost, allow=allow_saturation)
            step(f"building {config.title} for {engine}")
            result = serial_gemm(
                config, packed, codes, engine=engine, stall=stall, seed=seed,
                progress=lambda done, total: step(f"running {config.title}", done=done, total=total),
            )  # fmt: skip
            found, dequantized = result.output * scales, dequantize(packed)
            is_exact = not result.result.bound.any()
            sqnr = {"sqnr_of_the_tile_db": None if is_exact else sqnr_of(dequantized @ rounded.T, found)}
            if weight.real is not None:
                sqnr["sqnr_db"] = sqnr_of(weight.real @ activation.T, found)
        if directory is not None:
            inputs = {"weights": weights, "activations": activations, "rule": chosen}
            write_run(directory, result, found, inputs, losses=record_losses(lost), **sqnr)
    print_run(result, PARTS)
    say_losses(lost)
    say(
        f"{weight.scheme.name} in groups of {weight.group}, {result.weight_cycles} cycle(s) a weight; SQNR: {_told(sqnr)}"
    )
    say_written(*(output / name for name in FILES if output))


def _load(spec: str, scheme_name: str | None, group: int | None) -> _Weights:
    from ..formats.block import get_block
    from ..models.layers import load_matrix, load_packed

    packed = load_packed(spec, "weights")
    if packed is not None:
        for option, value in (("--scheme", scheme_name), ("--group", group)):
            if value is not None:
                raise BitmillError(
                    f"{option} must not be given with {spec}, which is quantized in {packed.scheme.name}"
                )
        return _Weights(None, packed, packed.scheme, packed.group, packed.shape)
    scheme = get_block(DEFAULT_SCHEME if scheme_name is None else scheme_name)
    real = load_matrix(spec, "weights")
    return _Weights(real, None, scheme, scheme.group_of(real.shape[-1], group), real.shape)


def _quantized(weight: _Weights, allow_saturation: bool) -> tuple[QuantizedWeights, dict[str, Losses | WeightLosses]]:
    """The weights, and what real ones lost."""
    from ..golden.weights import dequantize, quantize_weights
    from ..golden.weights.losses import losses

    if weight.packed is not None:
        return weight.packed, {}
    assert weight.real is not None, "weights are real or packed"
    packed = quantize_weights(weight.scheme, weight.real, group=weight.group, saturate=allow_saturation)
    return packed, {"weights": losses(weight.real, packed, dequantize(packed))}


def _encoded(
    config: BitSerialConfig, activation: NDArray[np.float64], rule: Rule | None
) -> tuple[NDArray[Any], NDArray[np.float64] | float, NDArray[np.float64], Losses]:
    """Codes of the activations, the scale of each token that results are multiplied by, what the codes stand for, and losses."""
    from .. import golden

    if rule is None:
        codes, lost = golden.encode_counted(config.activation, activation)
        return codes, 1.0, golden.decode(config.activation, codes), lost
    scales = golden.choose_scale(config.activation, activation, granularity="token", rule=rule, name="activations")
    codes, lost = golden.encode_counted(config.activation, activation, scale=scales)
    rounded = golden.dequantize(config.activation, codes, scales)
    # Least squares clips where that makes the sum of squared errors less.
    return codes, scales.values, rounded, lost.meant() if rule == "least-squares" else lost


def _told(sqnr: dict[str, float | None]) -> str:
    texts = {"sqnr_db": GIVEN, "sqnr_of_the_tile_db": "that of the quantized ones"}
    return ", ".join(f"{decibels(sqnr[name])} against {text}" for name, text in texts.items() if name in sqnr)
