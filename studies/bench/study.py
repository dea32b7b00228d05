"""Benchmarks of the cost study: an estimate's milliseconds, and the default study with an empty cache and again."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from ...config.presets import preset
from ...fpga.cost.model import shipped_models
from ...sim.speed import unit_speed
from ...system.tools import run_tool
from ..full.plan import GRID, STUDIES, planned, studies
from ..records import Record, metric
from .record import bench_record, median_seconds

RATIO_TARGET = 500.0
"""Times that compiled simulation is to be faster than Amaranth's simulator."""
PRESET = "e4m3-dot32"
_MAIN = "import sys; from bitmill.cli import main; sys.exit(main())"
_REPEATS = 9


def estimate_record() -> Record:
    """Milliseconds that all models take for a unit, and those of a whole process that answers on the command line."""
    shipped_models.cache_clear()
    config = preset(PRESET)
    answered = median_seconds(
        lambda: [model.estimate(config) for model in shipped_models()], _REPEATS, fresh=shipped_models.cache_clear
    )
    command = [sys.executable, "-c", _MAIN, "estimate", "--preset", PRESET]
    environment = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    process = median_seconds(
        lambda: run_tool(command, env=environment, name="bitmill estimate", inherit=True), _REPEATS
    )
    metrics = {
        "milliseconds": metric(1e3 * answered, "ms"),
        "target_milliseconds": metric(100.0, "ms"),
        "process_milliseconds": metric(1e3 * process, "ms"),
    }
    flow = {
        "repeats": _REPEATS,
        "milliseconds": "models read from disk and asked",
        "process_milliseconds": "with Python's start",
    }
    return bench_record(f"estimate/{PRESET}", config.to_dict(), flow, metrics)


def speed_record(name: str = "int8-8x8") -> Record:
    """Speed of compiled simulation of an array against Amaranth's simulator, and how long compiling took."""
    speed = unit_speed(preset(name))
    metrics = {
        "ratio": metric(speed.ratio, "times"),
        "at_least_ratio": metric(RATIO_TARGET, "times"),
        "compiled": metric(speed.compiled, "cycles/s"),
        "amaranth": metric(speed.amaranth, "cycles/s"),
        "build_seconds": metric(speed.build_seconds, "s"),
    }
    return bench_record(f"simulation/{name}", preset(name).to_dict(), {"engine": "compiled"}, metrics, seeds=(0,))


def study_records() -> Iterator[Record]:
    """Seconds of the default study with an empty cache, and again with nothing changed."""
    chosen = {GRID: studies()[GRID]}
    tasks, _ = planned(chosen)
    with tempfile.TemporaryDirectory(prefix="bitmill-bench-") as folder:
        environment = {
            "BITMILL_CACHE": str(Path(folder) / "cache"),
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        }
        command = [sys.executable, "-c", _MAIN, "report", str(STUDIES / f"{GRID}.toml"), "-o", f"{folder}/out"]
        for name, target in (("cold", 1800.0), ("warm", 60.0)):
            start = time.perf_counter()
            run_tool(command, env=environment, name="bitmill report", inherit=True)
            metrics = {
                "seconds": metric(time.perf_counter() - start, "s"),
                "target_seconds": metric(target, "s"),
                "units": metric(len({task.key.partition("/")[0] for task in tasks}), "units"),
                "at_least_units": metric(60, "units"),
                "measurements": metric(len(tasks), "measurements"),
            }
            yield bench_record(f"default-study/{name}", {}, {"command": f"bitmill report {GRID}.toml"}, metrics)
