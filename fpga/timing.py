"""Place and route with nextpnr: the clock that a register-wrapped unit reaches."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..system import tools
from ..system.errors import BitmillError
from ..system.places import private_folder
from ..system.sources import source_digest
from . import cache
from .capacity import check_fits
from .cells import Target
from .synthesis import netlist, synthesize
from .wrap import WRAPPER, wrap_registers, wrap_shift_chain


@dataclass(frozen=True)
class Device:
    """A part that nextpnr places on, and how a unit is put on it.

    Attributes
    ----------
    name, target, tool
        Its name here, the synthesis target and the nextpnr that serves it.
    options
        Options of nextpnr that choose the part.
    out_of_context
        Whether the unit is placed without pins; if not, it sits behind a shift chain.
    has_dsp
        Whether the part has multiplier blocks.
    """

    name: str
    target: Target
    tool: str
    options: tuple[str, ...]
    out_of_context: bool
    has_dsp: bool


DEVICES: Mapping[str, Device] = {
    device.name: device
    for device in (
        Device("ecp5", "ecp5", "nextpnr-ecp5", ("--85k", "--package", "CABGA756", "--speed", "6"), True, True),
        Device("up5k", "ice40", "nextpnr-ice40", ("--up5k", "--package", "sg48"), False, True),
        Device("hx8k", "ice40", "nextpnr-ice40", ("--hx8k", "--package", "ct256"), False, False),
    )
}
"""Parts by name: an ECP5-85 of the slowest speed grade, and two iCE40."""


@dataclass(frozen=True)
class Placement:
    """One run of nextpnr: the clock reached in MHz, and used sites by kind."""

    seed: int
    fmax_mhz: float
    used: Mapping[str, int]


@dataclass(frozen=True)
class Timing:
    """What a unit reaches on a device, over several placements.

    Attributes
    ----------
    device, dsp, recipe, target_mhz
        The flow: part, DSP blocks allowed or not, synthesis recipe, and the clock asked for in MHz.
    placements
        One per seed.
    tools
        Tool versions.
    """

    device: str
    dsp: bool
    recipe: str
    target_mhz: float
    placements: tuple[Placement, ...]
    tools: Mapping[str, str]

    @property
    def fmax_mhz(self) -> float:
        """Median over the seeds, MHz."""
        return statistics.median(placement.fmax_mhz for placement in self.placements)

    @property
    def spread_mhz(self) -> float:
        """Highest minus lowest over the seeds, MHz."""
        values = [placement.fmax_mhz for placement in self.placements]
        return max(values) - min(values)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data."""
        return {
            "device": self.device,
            "dsp": self.dsp,
            "recipe": self.recipe,
            "target_mhz": self.target_mhz,
            "fmax_mhz": self.fmax_mhz,
            "spread_mhz": self.spread_mhz,
            "placements": [
                {"seed": placement.seed, "fmax_mhz": placement.fmax_mhz, "used": dict(placement.used)}
                for placement in self.placements
            ],
            "tools": dict(self.tools),
        }


def measure_timing(
    verilog: str,
    top: str,
    device: str = "ecp5",
    *,
    dsp: bool = False,
    seeds: Sequence[int] = (1, 2, 3),
    target_mhz: float = 200.0,
    once: Sequence[str] = (),
) -> Timing:
    """Place and route a unit between registers, once per seed. Each placement is cached.

    Parameters
    ----------
    verilog, top, dsp, once
        As for ``synthesize``.
    device
        A name of ``DEVICES``.
    seeds
        nextpnr's seeds.
    target_mhz
        The clock asked for, in MHz; missing it is no failure, the clock reached is the result.

    Raises
    ------
    BitmillError
        If an argument is out of range, a tool is missing or fails, or the unit does not fit.
    """
    if device not in DEVICES:
        raise BitmillError(f"device must be one of {', '.join(DEVICES)}, not {device!r}")
    part = DEVICES[device]
    if dsp and not part.has_dsp:
        raise BitmillError(f"dsp must be False on device {device}, which has no DSP blocks, not True")
    if not seeds:
        raise BitmillError(f"seeds must hold at least one seed, not {list(seeds)!r}")
    if not target_mhz > 0:
        raise BitmillError(f"target_mhz must be positive, not {target_mhz!r}")
    # The recipe is chosen for the bare unit, so that the clock belongs to the netlist whose size is reported.
    synthesis = synthesize(verilog, top, part.target, dsp=dsp, once=once)
    check_fits(device, synthesis.counts)
    recipe = synthesis.recipe
    wrapped = wrap_registers(verilog, top) if part.out_of_context else wrap_shift_chain(verilog, top)
    # Always flat: Yosys 0.70 fails an assertion on some wrapped designs whose modules are mapped once.
    mapped = netlist(wrapped, WRAPPER, part.target, recipe, dsp=dsp)
    versions = tools.tool_versions()
    return Timing(
        device=device,
        dsp=dsp,
        recipe=recipe,
        target_mhz=float(target_mhz),
        placements=tuple(_place(part, mapped, seed, float(target_mhz)) for seed in seeds),
        tools={name: versions[name] for name in ("yosys", part.tool) if name in versions},
    )


def _place(part: Device, mapped: str, seed: int, target_mhz: float) -> Placement:
    options = [*part.options, "--freq", f"{target_mhz:g}", "--seed", str(seed), "--timing-allow-fail"]
    options += ["--out-of-context"] if part.out_of_context else ["--pcf-allow-unconstrained"]
    command = tools.ready_tool(part.tool)
    inputs = {
        "netlist": mapped,
        "options": options,
        "tool": tools.tool_versions().get(part.tool),
        "source": source_digest(__name__),
    }
    report = cache.cached("place", inputs, lambda: _run_nextpnr(part.tool, command, options, mapped))
    return Placement(seed, report["fmax_mhz"], report["used"])


def _run_nextpnr(name: str, command: list[str], options: list[str], mapped: str) -> dict[str, Any]:
    with private_folder("place") as folder:
        (folder / "netlist.json").write_text(mapped, encoding="utf-8")
        arguments = ["--json", "netlist.json", "--report", "report.json", "--quiet", *options]
        log = tools.run_tool([*command, *arguments], cwd=folder, name=name)
        try:
            report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise BitmillError(f"{name}: wrote no report (log: {tools.keep_log(name, log)})") from None
    return read_report(report, name)


def read_report(report: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Clock and used sites of nextpnr's report.

    Raises
    ------
    BitmillError
        If the report names no clock: the unit has no path between registers.
    """
    clocks = [clock["achieved"] for clock in report["fmax"].values()]
    if not clocks:
        raise BitmillError(f"{name}: found no clocked path to time")
    used = {kind: site["used"] for kind, site in report["utilization"].items() if site["used"]}
    return {"fmax_mhz": round(min(clocks), 2), "used": used}
