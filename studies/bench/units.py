"""Benchmarks of generated units: LUT4, clocks, cycles on the wires, time to Verilog, gates of every accumulator."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from ... import golden
from ...config import MacConfig
from ...config.presets import REPORT_PAIRS, pair_key, preset
from ...hdl.emit import verilog
from ...models.layers import sample_layers
from ...sim.gemm import gemm
from ..circuits import Measured, counted, measured_clock
from ..ids import measured_id, unit_key
from ..int_vs_fp.emitted import mapped_once, verilog_of, with_multiplier
from ..int_vs_fp.hardware import area_record
from ..int_vs_fp.study import ARRAY_PAIRS, ARRAY_UNITS, Case, Study
from ..records import Record, metric
from .record import bench_record

LUT_TARGETS = {
    "e2m1-dot32": 45.0,
    "e4m3-dot32": 210.0,
    "int8-dot32": 200.0,
    "int8-4x4": 220.0,
    "int8-8x8": 220.0,
    "int8-4x4-dsp": 65.0,
    "int8-8x8-dsp": 65.0,
}
"""LUT4 per MAC aimed at; names ending in ``-dsp`` are mapped with DSP blocks."""

CLOCK_RATIO_TARGET = 0.85
"""Clock of an array over that of its bare MAC."""
TIMING_SEEDS = (1, 2, 3)

PRODUCTS = {(64, 64, 64): {"cycles": 4120.0}, (32, 64, 256): {"utilisation": 99.5}}
"""M, N, K of matrix products on the 8 x 8 array, with the most cycles or the least utilisation in percent aimed at."""

VERILOG_TARGET_S = 20.0

Job = Callable[[], Record]


def lut_jobs() -> Iterator[tuple[str, Job]]:
    """LUT4 per MAC of dot products and arrays."""
    for name, target in LUT_TARGETS.items():
        yield f"lut4/{name}", lambda name=name, target=target: lut_record(name, target)


def clock_jobs() -> Iterator[tuple[str, Job]]:
    """Clocks of all dot products, and of arrays and their bare MACs with and without DSP blocks."""
    names = [f"{pair_key(weight, activation)}-dot32" for weight, activation in REPORT_PAIRS]
    for pair in ARRAY_PAIRS:
        names += [f"{pair.key}-{unit}{suffix}" for suffix in ("", "-dsp") for unit in ("mac", *ARRAY_UNITS)]
    names.remove("e4m3-8x8-dsp")  # The longest of all, and a DSP block saves E4M3 little.
    for name in names:
        yield f"fmax/{name}", lambda name=name: clock_record(name)


def gate_jobs() -> Iterator[tuple[str, Job]]:
    """Gates of every unit of the report that has another accumulator than its preset; the report takes them from here."""
    study = Study(sample_layers())
    for case in (*study.accumulated, *study.accumulated_macs):
        yield f"area/{case.name}/generic", lambda case=case: gates_record(case)


def cycle_jobs() -> Iterator[tuple[str, Job]]:
    """Cycles of whole matrix products, counted on the wires of the RTL."""
    for shape in PRODUCTS:
        yield f"cycles/int8-8x8/{_named(shape)}", lambda shape=shape: cycle_record(shape)


def lut_record(name: str, target: float) -> Record:
    """ECP5 LUT4 per MAC of a whole unit."""
    config, dsp = _unit(name)
    found = counted(verilog_of(config), verilog.TOP, "ecp5", dsp=dsp, once=mapped_once(config))
    logic = (found.metrics["logic"].value or 0) / config.macs
    metrics = {"logic_per_mac": metric(logic, "LUT4"), "target_logic_per_mac": metric(target, "LUT4")}
    return _record(name, "ecp5", config, replace(found, metrics=metrics))


def clock_record(name: str) -> Record:
    """Clock of a whole unit on ECP5, placed and routed with several seeds."""
    config, dsp = _unit(name)
    once = mapped_once(config)
    found = measured_clock(verilog_of(config), verilog.TOP, dsp=dsp, seeds=TIMING_SEEDS, once=once)
    return _record(name, "clock", config, found)


def _record(name: str, target: str, config: MacConfig, found: Measured) -> Record:
    suffix = "-dsp" if name.endswith("-dsp") else ""
    key = unit_key(preset(name.removesuffix("-dsp")))
    return bench_record(
        measured_id(key, target + suffix),
        config.to_dict(),
        found.flow,
        found.metrics,
        tools=found.tools,
        seeds=found.seeds,
    )


def clock_ratio_records(clocks: dict[str, Record]) -> Iterator[Record]:
    """Median clock of each array over that of its bare MAC, from the records of ``clock_jobs`` by id."""
    for pair in ARRAY_PAIRS:
        for unit in ARRAY_UNITS:
            for suffix in ("", "-dsp"):
                array, mac = (measured_id(Case(pair, part).key, f"clock{suffix}") for part in (unit, "mac"))
                if array in clocks and mac in clocks:
                    ratio = clocks[array].number("fmax") / clocks[mac].number("fmax")
                    metrics = {"ratio": metric(ratio, "times"), "at_least_ratio": metric(CLOCK_RATIO_TARGET, "times")}
                    yield bench_record(
                        f"clock-ratio/{array}", clocks[array].config, {"derived_from": [array, mac]}, metrics
                    )


def gates_record(case: Case) -> Record:
    """NAND2-equivalents of a flat unit, exactly as the report counts them."""
    return replace(area_record(case), topic="bench")


def cycle_record(shape: tuple[int, int, int]) -> Record:
    """Cycles that a matrix product of INT8 codes takes on the RTL of the 8 x 8 array, without stalls."""
    config = preset("int8-8x8")
    rng = np.random.default_rng(0)
    m, n, k = shape
    weights, activations = (golden.encode("INT8", rng.normal(size=(rows, k)) * 40) for rows in (m, n))
    done = gemm(config, weights, activations, engine="compiled")
    metrics = {
        "cycles": metric(done.account.cycles, "cycles"),
        "utilisation": metric(100 * done.utilisation, "%"),
    }
    for name, aim in PRODUCTS[shape].items():
        prefix, unit = ("target_", "cycles") if name == "cycles" else ("at_least_", "%")
        metrics[f"{prefix}{name}"] = metric(aim, unit)
    flow = {"shape": list(shape), "engine": done.engine, "compared_with": "golden, every bit"}
    return bench_record(f"cycles/{unit_key(config)}/{_named(shape)}", config.to_dict(), flow, metrics, seeds=(0,))


def verilog_record(size: int = 256) -> Record:
    """Seconds from a configuration to the Verilog of a large array; nothing is taken from the cache."""
    config = MacConfig.from_dict({**preset("int8-16x16").to_dict(), "rows": size, "cols": size})
    verilog.emit.cache_clear()
    start = time.perf_counter()
    text = verilog.emit(config)
    metrics = {
        "seconds": metric(time.perf_counter() - start, "s"),
        "target_seconds": metric(VERILOG_TARGET_S, "s"),
        "lines": metric(text.count("\n"), "lines"),
    }
    return bench_record(f"verilog/int8-{size}x{size}", config.to_dict(), {"cold": True}, metrics)


def _unit(name: str) -> tuple[MacConfig, bool]:
    """The unit of a benchmark's name, and whether it has DSP blocks."""
    dsp = name.endswith("-dsp")
    return with_multiplier(preset(name.removesuffix("-dsp")), dsp=dsp), dsp


def _named(shape: tuple[int, int, int]) -> str:
    return "x".join(map(str, shape))
