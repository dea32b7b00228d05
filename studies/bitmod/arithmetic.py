"""What the PEs' own rounding costs on a real layer, and a whole layer through the tile's RTL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ... import golden
from ...config.bit_serial import BitSerialConfig
from ...config.parallel import ParallelConfig
from ...formats.block import CHANNEL_STEP, get_block
from ...golden.bit_serial import matmul
from ...golden.parallel.pe import parallel_pe_sum
from ...golden.weights import QuantizedWeights, quantize_weights
from ...golden.weights.losses import decibels
from ...golden.weights.quantize import dequantize, integer_steps
from ...models.encoder.model import EncoderModel
from ...models.sample import load_layer
from ...sim.pe_stimulus import LAYER
from ...sim.serial_gemm import SerialGemm, check_fit, serial_gemm
from ...system.tools import tool_versions
from ..jobs import Job
from ..records import Metric, Record, metric
from .accuracy import Reference
from .units import SIDE

SCHEME = "bitmod-fp4"
WINDOWS = (11, 12, 14, 16, 20, 24)
"""Windows of bit-serial tiles whose error is stated."""
WHOLE_LAYER = "encoder.layer.2.output.dense"
"""The layer that goes through the RTL whole; of a model without it, the last one."""
TOKENS = 128


def arithmetic_jobs(reference: Reference | None) -> Iterator[tuple[str, Job]]:
    """Name and job of every figure; without a model no whole layer is run."""
    for kind in ("running", "given"):
        for window in WINDOWS:
            config = BitSerialConfig.from_dict({"window": window, "group_exponent": kind})
            yield f"error of {config.title}", lambda config=config: [serial_error(config)]
    yield "error of the FP16 PE", lambda: [parallel_error(ParallelConfig())]
    if reference is not None:
        for kind in ("running", "given"):
            fields = {"rows": SIDE, "cols": SIDE, "group_exponent": kind}
            config = BitSerialConfig.from_dict(fields)
            yield (
                f"a whole layer through the RTL, exponents {kind}",
                lambda config=config: [whole_layer(config, reference)],
            )


@cache
def _operands() -> tuple[QuantizedWeights, NDArray[np.unsignedinteger]]:
    """Weights of the sampled layer, and the FP16 codes of its inputs."""
    sample = load_layer(LAYER)
    return quantize_weights(SCHEME, sample.weight), golden.encode("FP16", sample.held_out)


def serial_error(config: BitSerialConfig) -> Record:
    """SQNR of a tile's results against the exact products of the same codes, and what the golden model's bound allows."""
    weights, codes = _operands()
    of_groups, channel = weights.group_scales, weights.channel_scales
    assert of_groups is not None
    assert channel is not None
    groups = (weights.group,) * of_groups.shape[1]
    found = matmul(config, integer_steps(weights), codes, scales=of_groups, groups=groups)
    scale = channel.astype(np.float64)[:, None] / CHANNEL_STEP
    exact = dequantize(weights) @ golden.decode("FP16", codes).T
    metrics = _errors(exact, found.to_float() * scale, found.bound * scale)
    name = f"error/serial-{config.group_exponent}/w{config.window}"
    return _record(name, "error", config.to_dict(), metrics)


def parallel_error(config: ParallelConfig) -> Record:
    """The same of a parallel PE with FP16 weights, whose sums of groups are added up exactly."""
    weights, codes = _operands()
    matrix = golden.encode(config.weight, dequantize(weights))
    length, group = matrix.shape[1], config.k_max
    totals, bounds = np.zeros((2, len(matrix), len(codes)))
    for start in range(0, length, group):
        part = slice(start, start + group)
        rows = np.repeat(matrix[:, part], len(codes), axis=0)
        columns = np.tile(codes[:, part], (len(matrix), 1))
        found = parallel_pe_sum(config, rows, columns)
        numbers = np.ldexp(found.total.astype(np.float64), (found.exponent + config.unit_offset).astype(np.int32))
        totals += numbers.reshape(totals.shape)
        bounds += found.bound.reshape(bounds.shape)
    exact = golden.decode(config.weight, matrix) @ golden.decode("FP16", codes).T
    return _record("error/fp16xfp16", "error", config.model_dump(), _errors(exact, totals, bounds))


def _errors(exact: NDArray[np.float64], found: NDArray[np.float64], bound: NDArray[np.float64]) -> dict[str, Metric]:
    error = np.abs(found - exact)
    return {
        "sqnr": metric(round(decibels(float(np.square(exact).sum()), float(np.square(error).sum())), 2), "dB"),
        "largest": metric(float(error.max() / np.abs(exact).max()), "of the largest result"),
        "largest_of_bound": metric(float((error[bound > 0] / bound[bound > 0]).max(initial=0)), "of the bound"),
        "results": metric(exact.size, "results"),
    }


def layer_of(model: EncoderModel) -> str:
    """The layer that goes through the RTL whole.

    Raises
    ------
    BitmillError
        If it does not fit the tile.
    """
    layer = WHOLE_LAYER if WHOLE_LAYER in model.linear else model.linear[-1]
    shape, config = model.matrix(layer).shape, BitSerialConfig()
    check_fit(config, get_block(SCHEME), get_block(SCHEME).group_of(shape[1]), shape, (TOKENS, shape[1]))
    return layer


def whole_layer(config: BitSerialConfig, reference: Reference) -> Record:
    """A whole feed-forward matrix times the inputs that it sees, through the RTL of the tile, all results equal to golden."""
    layer = layer_of(reference.model)
    matrix, inputs = reference.model.matrix(layer), reference.inputs[layer][:TOKENS]
    done = serial_gemm(config, quantize_weights(SCHEME, matrix), golden.encode(config.activation, inputs))
    exact = matrix.astype(np.float64) @ inputs.T.astype(np.float64)
    sqnr = decibels(float(np.square(exact).sum()), float(np.square(exact - done.output).sum()))
    metrics = {**_run_metrics(done), "sqnr": metric(round(sqnr, 2), "dB")}
    return _record(
        f"run/serial-{config.group_exponent}",
        "run",
        config.to_dict() | {"layer": layer, "scheme": SCHEME},
        metrics,
    )


def _run_metrics(done: SerialGemm) -> dict[str, Metric]:
    m, n, k = done.shape
    return {
        "M": metric(m, "channels"),
        "N": metric(n, "tokens"),
        "K": metric(k, "inputs"),
        "results": metric(m * n, "results equal to golden"),
        "cycles": metric(done.account.cycles, "cycles"),
        "ideal_cycles": metric(done.ideal_cycles, "cycles"),
        "utilisation": metric(100 * done.utilisation, "%"),
        "products_per_cycle_and_pe": metric(
            done.products / done.account.cycles / (done.config.rows * done.config.cols), "products"
        ),
    }


def _record(name: str, kind: str, config: Mapping[str, object], metrics: dict[str, Metric]) -> Record:
    return Record(
        id=name,
        topic=kind,
        config=config,
        flow={"against": "the exact sums of the same codes" if kind == "error" else "golden, every bit"},
        tool_versions={"numpy": np.__version__} if kind == "error" else dict(tool_versions()),
        metrics=metrics,
    )
