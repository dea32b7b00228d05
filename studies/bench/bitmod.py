"""Benchmarks of BitMoD: a whole model quantized, a whole layer through a tile's RTL. Wall times, on an idle machine."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from ...config.presets import TILES
from ...formats.block import get_block
from ...golden import encode_within
from ...golden.weights import quantize_weights
from ...models import open_model
from ...models.plan import plan_model
from ...models.quantize import quantize_model
from ...models.sample.fetch import fetch_model
from ...models.sample.make_sample import record_model
from ...sim.serial_gemm import serial_gemm
from ..bitmod.arithmetic import SCHEME, TOKENS, WHOLE_LAYER
from ..records import Record, metric
from .record import bench_record

QUANTIZE_TARGET_S, LAYER_TARGET_S = 20.0, 600.0


def quantize_record(name: str = SCHEME) -> Record:
    """Seconds to read all-MiniLM-L6-v2, quantize it and write the packed file."""
    path = fetch_model() / "model.safetensors"
    with tempfile.TemporaryDirectory(prefix="bitmill-bench-") as folder:
        start = time.perf_counter()
        plan = plan_model(open_model(path), get_block(name))
        report = quantize_model(plan, Path(folder) / "packed.safetensors")
        seconds = time.perf_counter() - start
    weights = sum(row.weights for row in report.quantized)
    metrics = {
        "seconds": metric(seconds, "s"),
        "target_seconds": metric(QUANTIZE_TARGET_S, "s"),
        "weights": metric(weights, "weights"),
    }
    return bench_record(f"quantize/{name}", {"scheme": name}, {"model": path.parent.name}, metrics)


def layer_record(tile: str = "bitmod-8x8") -> Record:
    """Seconds to run a whole feed-forward matrix times 128 tokens through the RTL of a tile, golden and compiling included."""
    recording = record_model(fetch_model())
    weights = quantize_weights(SCHEME, recording.weights[WHOLE_LAYER])
    config = TILES[tile]
    activations = recording.inputs["held_out"][WHOLE_LAYER][:TOKENS]
    codes = encode_within(config.activation, activations, name="activations")
    start = time.perf_counter()
    done = serial_gemm(config, weights, codes)
    metrics = {
        "seconds": metric(time.perf_counter() - start, "s"),
        "target_seconds": metric(LAYER_TARGET_S, "s"),
        "cycles": metric(done.account.cycles, "cycles"),
        "results": metric(done.result.value.size, "results equal to golden"),
    }
    flow = {"shape": list(done.shape), "scheme": SCHEME, "engine": done.engine}
    return bench_record(f"layer/{tile}", config.to_dict(), flow, metrics)
