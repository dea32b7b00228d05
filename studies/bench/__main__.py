"""Speed and size targets, measured and recorded: ``python -m bitmill.studies.bench -o DIR`` (``make bench``).

Nothing here passes or fails: the machines are shared and noisy. Each record says what was aimed at, what came out, and the
machine's core count; ratios are taken within one run.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from ... import golden
from ...config.presets import preset
from ...fpga.jobs import run_jobs
from ...system.files import output_directory
from ...system.screen import say
from ...system.screen.program import run_program
from ...system.tools import run_tool
from ..bitmod.arithmetic import SCHEME
from ..records import Metric, Record, Records, metric
from .bitmod import layer_record, quantize_record
from .cells import cell_jobs
from .record import AT_LEAST, AT_MOST, STUDY, bench_record, median_seconds
from .study import estimate_record, speed_record, study_records
from .units import clock_jobs, clock_ratio_records, cycle_jobs, gate_jobs, lut_jobs, verilog_record

ROOT = Path(__file__).parents[2]


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
    return bench_record("encode/e4m3", {"values": 1_000_000, "format": "E4M3"}, {"repeats": 15}, metrics, seeds=(0,))


def exact_dot_record(name: str) -> Record:
    """Time of an exact 384 x 384 x 128 matrix product."""
    config = preset(f"{name.lower()}-dot32")
    rng = np.random.default_rng(0)
    weights, activations = (golden.encode(name, rng.normal(size=shape) * 4) for shape in ((384, 384), (128, 384)))
    seconds = median_seconds(lambda: golden.matmul(config, weights, activations), 5)
    metrics = {"seconds": metric(seconds, "s"), "target_seconds": metric(1.0, "s")}
    return bench_record(f"exact-dot/{name.lower()}", config.to_dict(), {"shape": [384, 384, 128]}, metrics, seeds=(0,))


def report_records() -> Iterator[Record]:
    """Seconds of ``make report`` in a clean clone with an empty cache, and again with nothing changed."""
    with tempfile.TemporaryDirectory(prefix="bitmill-bench-") as folder:
        clone = Path(folder) / "bitmill"
        run_tool(["git", "clone", "--quiet", str(ROOT), str(clone)], inherit=True)
        environment = {"BITMILL_CACHE": str(Path(folder) / "cache"), "VIRTUAL_ENV": ""}
        for name, target in (("cold", 360.0), ("warm", 60.0)):
            start = time.perf_counter()
            run_tool(["make", "report"], cwd=clone, env=environment, name="make report", inherit=True)
            metrics = {"seconds": metric(time.perf_counter() - start, "s"), "target_seconds": metric(target, "s")}
            yield bench_record(f"make-report/{name}", {}, {"command": "make report", "includes": "set-up"}, metrics)


def run(out: Path, *, whole_report: bool = True, timing: bool = True, only: Sequence[str] = ()) -> Path:
    """Measure everything and write ``records.json``, ``records.csv`` and ``bench.md``.

    Parameters
    ----------
    out
        Directory; made if missing.
    whole_report
        Whether to time ``make report`` in a clone, and the default study, which takes a quarter of an hour.
    timing
        Whether to place and route whole dot products and arrays, which takes minutes as well.
    only
        If given, measure what has an id beginning so, and keep the directory's other records as they are.

    Raises
    ------
    BitmillError
        If a tool fails or ``out`` cannot be written.
    """
    kept = list(Records.load(out / "records.json", study=STUDY)) if only else []
    with output_directory(out) as folder:
        # Wall times come first and alone, so that our own synthesis does not slow them down. The clocks and gates that the
        # report takes from here are of the run before; a second run of the benchmarks times a report that finds them.
        records = _measured(_alone(whole_report), only, workers=1)
        jobs = [*lut_jobs(), *gate_jobs(), *cell_jobs(), *cycle_jobs(), *(clock_jobs() if timing else ())]
        records += _measured(jobs, only)
        found = {record.id: record for record in (*kept, *records)}
        found.update({record.id: record for record in clock_ratio_records(found)})
        all_records = Records(found.values(), study=STUDY)
        (folder / "records.json").write_text(all_records.to_json(), encoding="utf-8")
        (folder / "records.csv").write_text(all_records.to_csv(), encoding="utf-8")
        (folder / "bench.md").write_text(render(all_records), encoding="utf-8")
    return out


def _alone(whole_report: bool) -> Iterator[tuple[str, Callable[[], Record | list[Record]]]]:
    """Measurements of wall time, one after the other."""
    yield "encode/e4m3", encode_record
    for name in ("INT8", "E4M3"):
        yield f"exact-dot/{name.lower()}", lambda name=name: exact_dot_record(name)
    yield "verilog/int8-32x32", verilog_record
    yield "simulation/int8-8x8", speed_record
    yield f"quantize/{SCHEME}", quantize_record
    yield "layer/bitmod-8x8", layer_record
    yield "estimate", estimate_record
    if whole_report:
        yield "default-study", lambda: list(study_records())
        yield "make-report", lambda: list(report_records())


def _measured(
    jobs: Iterable[tuple[str, Callable[[], Record | list[Record]]]], only: Sequence[str], *, workers: int | None = None
) -> list[Record]:
    chosen = {name: job for name, job in jobs if not only or name.startswith(tuple(only))}
    outcomes = run_jobs(
        chosen,
        workers=workers,
        progress=lambda outcome: say(f"{outcome.name}: {outcome.seconds:.0f} s", err=True),
    )
    results = [outcome.unwrap() for outcome in outcomes.values()]
    return [record for result in results for record in (result if isinstance(result, list) else [result])]


def render(records: Records) -> str:
    """How many targets are met, then the records as a Markdown table: what, measured, aimed at."""
    rows, missed = [], []
    for record in records:
        for name, value in record.metrics.items():
            if not name.startswith((AT_MOST, AT_LEAST)):
                aim, met = _aim(record, name)
                missed += [not met] if aim else []
                rows.append(
                    f"| {record.id}: {name.replace('_', ' ')} | {_text(value)} | {aim}{'' if met else ', **missed**'} |"
                )
    lines = [
        "# Benchmarks", "", f"**{missed.count(False)} of {len(missed)} targets are met; the rows of the others say so.**", "",
        "Regenerate with `make bench`. Machines are shared: read ratios, not seconds.", "",
        "| record | measured | target |", "|---|---:|---:|", *rows,
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _aim(record: Record, name: str) -> tuple[str, bool]:
    """What is aimed at, and whether it is met, as it is where nothing is."""
    for prefix, words, side in ((AT_MOST, "at most", 1), (AT_LEAST, "at least", -1)):
        if prefix + name in record.metrics:
            aim = record.metrics[prefix + name]
            return f"{words} {_text(aim)}", side * (record.number(name) - record.number(prefix + name)) <= 0
    return "", True


def _text(value: Metric) -> str:
    return "none" if value.value is None else f"{value.value:.4g} {value.unit}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Measure bitmill's speed and size targets.")
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "reports/results/bench")
    parser.add_argument("--no-report", action="store_true", help="do not time `make report` in a clone")
    parser.add_argument("--no-timing", action="store_true", help="do not place and route the 32-lane units")
    parser.add_argument(
        "--only",
        nargs="+",
        default=(),
        metavar="PREFIX",
        help="measure records with such ids, keep the others of the directory",
    )
    options = parser.parse_args(arguments)

    def work() -> None:
        run(options.output, whole_report=not options.no_report, timing=not options.no_timing, only=options.only)

    return run_program(work)


if __name__ == "__main__":
    sys.exit(main())
