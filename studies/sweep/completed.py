"""What every unit's record says besides what a tool counted."""

from __future__ import annotations

from ...config import MacConfig
from ..circuits import Measured
from ..records import digest_of, metric


def completed(found: Measured, config: MacConfig, verilog: str, *, throughput: bool = False) -> Measured:
    """What was measured, with the unit's size, costs per MAC, and the digest of its Verilog.

    Parameters
    ----------
    found
        What tools gave.
    config, verilog
        The unit.
    throughput
        Whether area and clock are known, so that products a second and area follow.
    """
    metrics = {
        "macs": metric(config.macs, "MAC"),
        "accumulator_bits": metric(config.accumulator_bits, "bits"),
        **found.metrics,
    }
    for name in ("logic", "total"):
        if name in metrics:
            metrics[f"{name}_per_mac"] = metric((metrics[name].value or 0) / config.macs, metrics[name].unit)
    if throughput:
        # A unit that misses its period runs at the clock that it reaches.
        nanoseconds = max(metrics["period"].value or 0, metrics["delay"].value or 0)
        rate = 1e3 * config.macs / nanoseconds / (metrics["total"].value or 0)
        metrics["throughput_per_area"] = metric(rate, "MMAC/s per GE")
    return Measured({**found.flow, "verilog_sha256": digest_of(verilog)}, metrics, found.tools, found.seeds)
