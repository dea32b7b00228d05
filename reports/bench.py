"""Speed and size targets, measured and recorded: ``python -m bitmill.reports.bench -o DIR`` (``make bench``).

Nothing here passes or fails: the machines are shared and noisy. Each record says what was aimed at, what came out, and the
machine's core count; ratios are taken within one run.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import golden
from ..config import REPORT_PAIRS, pair_key, preset
from ..errors import BitmillError
from ..files import output_directory
from ..fpga.jobs import run_jobs
from ..fpga.synthesis import synthesize
from ..fpga.timing import measure_timing
from ..hdl import verilog
from ..tools import run_tool
from .int_vs_fp.hardware import COUNTED, mapped_once, timing_flow, timing_metrics, verilog_of
from .records import Metric, Record, Records, metric

STUDY = "bench"
ROOT = Path(__file__).parents[1]
LUT_TARGETS = {"e2m1-dot32": 45.0, "e4m3-dot32": 210.0, "int8-dot32": 200.0}
TIMING_SEEDS = (1, 2, 3)


def median_seconds(work: Callable[[], object], repeats: int) -> float:
    """Median wall time of ``repeats`` calls, after one that warms caches up."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def encode_record() -> Record:
    """Time to encode a million float32 to E4M3, and its ratio to ``ml_dtypes``."""
    import ml_dtypes

    values = np.random.default_rng(0).normal(size=1_000_000).astype(np.float32)
    ours = median_seconds(lambda: golden.encode("E4M3", values), 15)
    theirs = median_seconds(lambda: values.astype(ml_dtypes.float8_e4m3fn), 15)
    metrics = {
        "seconds": metric(ours, "s"),
        "ml_dtypes_seconds": metric(theirs, "s"),
        "ratio": metric(ours / theirs, "times"),
        "target_ratio": metric(10.0, "times"),
    }
    return _record("encode/e4m3", {"values": 1_000_000, "format": "E4M3"}, {"repeats": 15}, metrics, seeds=(0,))


def exact_dot_record(name: str) -> Record:
    """Time of an exact 384 x 384 x 128 matrix product."""
    config = preset(f"{name.lower()}-dot32")
    rng = np.random.default_rng(0)
    weights, activations = (golden.encode(name, rng.normal(size=shape) * 4) for shape in ((384, 384), (128, 384)))
    seconds = median_seconds(lambda: golden.matmul(config, weights, activations), 5)
    metrics = {"seconds": metric(seconds, "s"), "target_seconds": metric(1.0, "s")}
    return _record(f"exact-dot/{name.lower()}", config.to_dict(), {"shape": [384, 384, 128]}, metrics, seeds=(0,))


def lut_record(name: str, target: float) -> Record:
    """ECP5 LUT4 per MAC of a 32-lane exact dot product without DSP blocks."""
    config = preset(name)
    result = synthesize(verilog_of(config), verilog.TOP, "ecp5", once=mapped_once(config))
    metrics = {
        "lut4_per_mac": metric(result.counts.logic / config.lanes, "LUT4"),
        "target_lut4_per_mac": metric(target, "LUT4"),
    }
    flow = {"recipe": result.recipe, "dsp": False, "counted": COUNTED["ecp5"]}
    return _record(f"lut4/{name}", config.to_dict(), flow, metrics, tools=result.tools)


def timing_record(name: str) -> Record:
    """Clock of a whole 32-lane dot product on ECP5, placed and routed with several seeds."""
    config = preset(name)
    text = verilog_of(config)
    result = measure_timing(text, verilog.TOP, "ecp5", seeds=TIMING_SEEDS, once=mapped_once(config))
    flow, metrics = timing_flow(result, text), timing_metrics(result)
    return _record(f"fmax/{name}", config.to_dict(), flow, metrics, tools=result.tools, seeds=TIMING_SEEDS)


def report_records() -> Iterator[Record]:
    """Seconds of ``make report`` in a clean clone with an empty cache, and again with nothing changed."""
    with tempfile.TemporaryDirectory(prefix="bitmill-bench-") as folder:
        clone = Path(folder) / "bitmill"
        run_tool(["git", "clone", "--quiet", str(ROOT), str(clone)])
        environment = {"BITMILL_CACHE": str(Path(folder) / "cache"), "VIRTUAL_ENV": ""}
        for name, target in (("cold", 360.0), ("warm", 60.0)):
            start = time.perf_counter()
            run_tool(["make", "report"], cwd=clone, env=environment, name="make report")
            metrics = {"seconds": metric(time.perf_counter() - start, "s"), "target_seconds": metric(target, "s")}
            yield _record(f"make-report/{name}", {}, {"command": "make report", "includes": "set-up"}, metrics)


def run(out: Path, *, whole_report: bool = True, timing: bool = True) -> Path:
    """Measure everything and write ``records.json``, ``records.csv`` and ``bench.md``.

    Parameters
    ----------
    out
        Directory; made if missing.
    whole_report
        Whether to time ``make report`` in a clone, which takes minutes.
    timing
        Whether to place and route whole 32-lane units, which takes minutes as well.

    Raises
    ------
    BitmillError
        If a tool fails or ``out`` cannot be written.
    """
    with output_directory(out) as folder:
        records = [encode_record(), exact_dot_record("INT8"), exact_dot_record("E4M3")]
        # Wall times come first and alone, so that our own synthesis does not slow them down.
        if whole_report:
            records.extend(report_records())
        jobs: dict[str, Callable[[], Record]] = {f"lut4 {name}": lambda name=name, target=target: lut_record(name, target)
                for name, target in LUT_TARGETS.items()}  # fmt: skip
        if timing:
            jobs.update({f"fmax {name}": lambda name=name: timing_record(name) for name in _dot_presets()})
        outcomes = run_jobs(
            jobs, progress=lambda outcome: print(f"{outcome.name}: {outcome.seconds:.0f} s", file=sys.stderr)
        )
        records.extend(outcome.unwrap() for outcome in outcomes.values())
        all_records = Records(records, study=STUDY)
        (folder / "records.json").write_text(all_records.to_json(), encoding="utf-8")
        (folder / "records.csv").write_text(all_records.to_csv(), encoding="utf-8")
        (folder / "bench.md").write_text(render(all_records), encoding="utf-8")
    return out


def render(records: Records) -> str:
    """The records as a Markdown table: what, measured, aimed at."""
    lines = ["# Benchmarks", "", "Regenerate with `make bench`. Machines are shared: read ratios, not seconds.", "",
             "| record | measured | target |", "|---|---:|---:|"]  # fmt: skip
    for record in records:
        goal = {
            name.removeprefix("target_"): value for name, value in record.metrics.items() if name.startswith("target_")
        }
        for name, value in record.metrics.items():
            if not name.startswith("target_"):
                aim = f"at most {_text(goal[name])}" if name in goal else ""
                lines.append(f"| {record.id}: {name.replace('_', ' ')} | {_text(value)} | {aim} |")
    return "\n".join(lines) + "\n"


def _text(value: Metric) -> str:
    return "none" if value.value is None else f"{value.value:.4g} {value.unit}"


def _dot_presets() -> list[str]:
    return [f"{pair_key(weight, activation)}-dot32" for weight, activation in REPORT_PAIRS]


def _record(
    identifier: str,
    config: dict[str, Any],
    flow: dict[str, Any],
    metrics: dict[str, Metric],
    *,
    tools: Any = None,
    seeds: Sequence[int] = (),
) -> Record:
    return Record(
        id=identifier,
        kind="bench",
        config=config,
        unit="",
        flow={**flow, "cores": os.cpu_count(), "python": platform.python_version(), "numpy": np.__version__},
        tool_versions=dict(tools or {}),
        seeds=tuple(seeds),
        metrics=metrics,
        study=STUDY,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Measure bitmill's speed and size targets.")
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "reports/results/bench")
    parser.add_argument("--no-report", action="store_true", help="do not time `make report` in a clone")
    parser.add_argument("--no-timing", action="store_true", help="do not place and route the 32-lane units")
    options = parser.parse_args(arguments)
    try:
        run(options.output, whole_report=not options.no_report, timing=not options.no_timing)
    except BitmillError as error:
        print(f"bitmill: error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
