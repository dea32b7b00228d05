"""Benchmarks on standard cells: gate equivalents of whole dot products and of an array's PE, on osu018."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ...config import MacConfig
from ...config.presets import preset
from ...hdl.emit import verilog
from ..circuits import measured_cells
from ..ids import measured_id, unit_key
from ..int_vs_fp.emitted import mapped_once, verilog_of, with_multiplier
from ..libraries import OSU018, library_named
from ..records import Record, metric
from ..sweep.task import nanoseconds
from .record import bench_record

DOT_TARGETS = {"e2m1": 100.0, "e3m2": 250.0, "e4m3": 450.0, "e5m2": 600.0, "int8": 480.0}
"""Gate equivalents of logic per MAC aimed at, 32-lane exact dot products."""

DOT_PERIOD_NS = {"e5m2": 11.5}
OTHER_PERIOD_NS = 10.0
"""Periods to meet. That of E5M2 is the delay of the best public unit; at 10 ns it would be compared with a slower one."""

PE_TARGET, PE_PERIOD_NS = 850.0, 4.4
"""Gate equivalents of logic of the INT8 PE with a 32-bit accumulator, at most, and the period it is to meet."""

PE_TOP = "bitmill_pe"
Job = Callable[[], Record]


def cell_jobs() -> Iterator[tuple[str, Job]]:
    """Name and job of every measurement."""
    yield "ge/int8-pe", pe_record
    for pair, target in DOT_TARGETS.items():
        yield f"ge/{pair}-dot32", lambda pair=pair, target=target: dot_record(pair, target)


def dot_record(pair: str, target: float) -> Record:
    """Gate equivalents of a 32-lane exact dot product, logic and registers apart, the lane mapped once."""
    config = with_multiplier(preset(f"{pair}-dot32"), dsp=pair == "int8")
    text = verilog_of(config)
    period = DOT_PERIOD_NS.get(pair, OTHER_PERIOD_NS)
    return _record("", config, text, verilog.TOP, period, target, config.lanes, mapped_once(config))


def pe_record() -> Record:
    """Gate equivalents of one PE of the INT8 array: operand registers, multiplier, 32-bit accumulator, result register."""
    config = with_multiplier(preset("int8-4x4"), dsp=True)
    text = verilog_of(config).replace(f"\\{verilog.TOP}.pe ", f"{PE_TOP} ")
    return _record("-pe", config, text, PE_TOP, PE_PERIOD_NS, PE_TARGET, 1, ())


def _record(
    part: str, config: MacConfig, text: str, top: str, period_ns: float, target: float, macs: int, once: tuple[str, ...]
) -> Record:
    found = measured_cells(text, top, library_named(OSU018), period_ns=period_ns, once=once)
    per_mac = {
        f"{name}_per_mac": metric((found.metrics[name].value or 0) / macs, "GE") for name in ("logic", "registers")
    }
    aims = {"target_logic_per_mac": metric(target, "GE"), "target_delay": metric(period_ns, "ns")}
    metrics = {**per_mac, **aims, "delay": found.metrics["delay"]}
    name = measured_id(unit_key(config), f"osu018-{nanoseconds(period_ns)}ns{part}")
    return bench_record(name, config.to_dict(), {**found.flow, "top": top}, metrics, tools=found.tools)
