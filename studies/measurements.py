"""Measurements of single circuits; what an earlier run recorded of the same circuit, tools and ways is taken from there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from amaranth.lib import wiring

from ..fpga.liberty import Library
from ..fpga.pace import OSU018
from ..hdl.emit.verilog import emit_component
from .circuits import Measured, counted, counted_ecp5, measured_cells, measured_clock
from .committed import committed
from .records import Record, digest_of

TOP = "bitmill_part"
"""Name of the top module of a circuit that is measured alone."""
SEEDS = (1, 2, 3)
"""Placements of a clock."""


class Circuit(ABC):
    """What is measured alone."""

    @abstractmethod
    def component(self) -> wiring.Component:
        """Makes it."""

    @abstractmethod
    def record(self, target: str) -> Record:
        """Its record on a target, with those metrics that need no measuring."""

    @cached_property
    def verilog(self) -> str:
        """Its Verilog; the top module is ``TOP``."""
        return emit_component(self.component(), top=TOP)

    @property
    def text(self) -> str:
        """What of it is measured: all, if nothing else is said."""
        return self.verilog


@dataclass(frozen=True)
class Measurements:
    """Records of circuits.

    Attributes
    ----------
    study
        Whose committed records are looked at.
    measured_by
        The command that made those.
    fresh
        Whether none is taken from there.
    """

    study: str
    measured_by: str
    fresh: bool = False

    def cells(self, circuit: Circuit, library: Library, period_ns: float, *, label: str = "") -> Record:
        """Gate equivalents, logic and registers apart, area and clock, of the smallest recipe that meets a period on a library.

        ``label`` follows the library's name in the record's id.
        """
        same = {"period_ns": period_ns, "library_sha256": library.sha256}
        return self.record(
            circuit, library.key + label, lambda: measured_cells(circuit.text, TOP, library, period_ns=period_ns), same,
            library=library,
        )  # fmt: skip

    def gates(self, circuit: Circuit) -> Record:
        """NAND2-equivalents of the generic target."""
        return self.record(circuit, "generic", lambda: counted(circuit.text, TOP, "generic"))

    def ecp5(self, circuit: Circuit) -> Record:
        """LUT4 on ECP5, without and with DSP blocks."""
        return self.record(circuit, "ecp5", lambda: counted_ecp5(circuit.text, TOP))

    def clock(self, circuit: Circuit) -> Record:
        """Clock on ECP5 without DSP blocks, placed and routed with ``SEEDS``."""
        return self.record(circuit, "clock", lambda: measured_clock(circuit.text, TOP, seeds=SEEDS), seeds=SEEDS)

    def record(
        self,
        circuit: Circuit,
        target: str,
        measure: Callable[[], Measured],
        same: Mapping[str, Any] | None = None,
        seeds: Sequence[int] | None = None,
        library: Library | None = None,
    ) -> Record:
        """The committed record if circuit, tools, seeds and what its flow says of ``same`` are the same; else a new one."""
        empty = circuit.record(target)
        if library is not None and library.key != OSU018:
            empty = replace(empty, config={**empty.config, "library": library.key})
        if not self.fresh:
            known = committed(
                self.study, empty.id, lambda: circuit.verilog, measured_by=self.measured_by, same=same, seeds=seeds
            )
            if known is not None:
                return known
        return filled(empty, measure(), circuit.verilog)


def filled(empty: Record, found: Measured, verilog: str) -> Record:
    """A record with what was measured of a circuit."""
    return replace(
        empty,
        flow={**found.flow, "verilog_sha256": digest_of(verilog)},
        tool_versions=dict(found.tools),
        seeds=found.seeds,
        metrics={**found.metrics, **empty.metrics},
    )
