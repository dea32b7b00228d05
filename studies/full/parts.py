"""Where the gates of a unit go: its parts synthesized with the hierarchy kept, beside the flat unit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from ...config import ExactAccumulator, FloatAccumulator, MacConfig
from ...fpga.breakdown import breakdown
from ...fpga.cells import NAND2_PER_REGISTER
from ...hdl.emit import verilog
from ..committed import committed_records, still_valid
from ..ids import unit_key
from ..int_vs_fp.emitted import verilog_of
from ..int_vs_fp.hardware import PARTS
from ..measured import NAND2
from ..records import FULL, Metric, Record, Records, digest_of, metric


def _mac(pair: str, accumulator: FloatAccumulator | ExactAccumulator) -> MacConfig:
    return MacConfig(weight=pair, activation=pair, accumulator=accumulator, pipeline=0)


COUNTED: tuple[MacConfig, ...] = (
    _mac("INT8", ExactAccumulator()),
    _mac("E4M3", FloatAccumulator(format="FP32")),
    _mac("E4M3", FloatAccumulator(format="FP16")),
)
"""Units whose parts are counted besides those compared, because a paper counts parts."""

COUNTED_BY_VAN_BAALEN = ("decode", "multiply", "align", "reduce", "accumulate")
"""Multiplier and accumulator, with what a format needs around them; no handshake, no step counter."""


def parts_jobs(units: Iterable[MacConfig], *, fresh: bool = False) -> Iterator[tuple[str, Callable[[], list[Record]]]]:
    """Name and job of every unit's parts; what is committed and still of the same circuit is taken unless ``fresh``."""
    known = Records([], study=FULL) if fresh else committed_records(FULL)
    for config in units:
        yield parts_id(config), lambda config=config: [_taken(known, config) or parts_record(config)]


def parts_id(config: MacConfig) -> str:
    """The id of the record of a unit's parts."""
    return f"parts/{unit_key(config)}"


def _taken(known: Records, config: MacConfig) -> Record | None:
    name = parts_id(config)
    if name not in known or dict(known[name].config) != config.to_dict():
        return None
    found = known[name]
    if not still_valid(found, verilog_of(config), same=_HOW):
        return None
    # Older records lack the sum of what they hold.
    logic = metric(sum(found.number(part) for part in PARTS), NAND2)
    return replace(found, metrics=_in_order({**found.metrics, "logic_per_mac": logic}))


def _in_order(metrics: Mapping[str, Metric]) -> dict[str, Metric]:
    return {name: metrics[name] for name in (*PARTS, "registers", "arithmetic", "logic_per_mac", "flat")}


_HOW = {
    "target": "generic",
    "parts": "hierarchy kept",
    "flat": "flattened",
    "arithmetic": f"logic of {', '.join(COUNTED_BY_VAN_BAALEN)}",
    "control": "whatever no part names: clock enables, handshake, flags, step counter",
    "nand2_per_register": NAND2_PER_REGISTER,
}
"""How parts are counted, in a record's flow."""


def parts_record(config: MacConfig) -> Record:
    """NAND2-equivalents per MAC of each part, of registers, of multiplier and accumulator together, and of the flat unit."""
    text = verilog_of(config)
    result = breakdown(text, verilog.TOP, "generic")
    macs, flat = config.macs, result.flat.counts
    arithmetic = sum(result.parts[part].logic for part in COUNTED_BY_VAN_BAALEN)
    return Record(
        id=parts_id(config),
        topic="parts",
        config=config.to_dict(),
        part=unit_key(config),
        flow={
            "target": _HOW["target"],
            "recipe": result.recipe,
            **{name: entry for name, entry in _HOW.items() if name != "target"},
            "verilog_sha256": digest_of(text),
        },
        tool_versions=dict(result.flat.tools),
        metrics={
            **{part: metric(result.parts[part].logic / macs, NAND2) for part in PARTS},
            "registers": metric(NAND2_PER_REGISTER * result.total.registers / macs, NAND2),
            "arithmetic": metric(arithmetic / macs, NAND2),
            "logic_per_mac": metric(sum(result.parts[part].logic for part in PARTS) / macs, NAND2),
            "flat": metric((flat.logic + NAND2_PER_REGISTER * flat.registers) / macs, NAND2),
        },
    )
