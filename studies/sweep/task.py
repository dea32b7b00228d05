"""One unit on one target: what it takes to measure it anywhere, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ...config import MacConfig
from ..ids import measured_id, unit_key
from ..libraries import OSU018, key_of
from ..records import Record

GENERIC, CELLS, CLOCK, FASTEST, SPREAD, POWER = "generic", "cells", "clock", "fastest", "spread", "power"
LIBERTY = OSU018
"""What ids call ``cells`` on osu018."""
ON_CELLS = (CELLS, FASTEST, SPREAD, POWER)
"""Targets that take a cell library."""

Operands = Literal["layer", "uniform"]


@dataclass(frozen=True, kw_only=True)
class Task:
    """A measurement as plain data, so that it can be sent to another process or machine.

    Attributes
    ----------
    config
        The unit, as ``MacConfig.to_dict`` gives it.
    target
        ``generic``, ``ice40``, ``ecp5``, ``gowin``, ``xilinx7``, ``clock`` (placed and routed on ECP5), or on a cell library
        ``cells``, ``fastest``, ``spread`` (areas at periods around one), ``power``.
    library
        Name or path of that cell library.
    dsp
        Whether DSP blocks may be used.
    period_ns
        Clock period of ``cells``, ``spread`` and ``power``, in ns.
    seeds
        Placements of ``clock``.
    periods
        Of ``fastest``: clock periods whose circuits are looked at as well.
    operands, cycles
        What ``power`` is measured on, and for how long.
    best
        Whether ``cells`` and ``fastest`` take the formulation that is best there, instead of the configured one.
    """

    config: Mapping[str, Any]
    target: str
    library: str = OSU018
    dsp: bool = False
    period_ns: float | None = None
    seeds: tuple[int, ...] = ()
    periods: tuple[float, ...] = ()
    operands: Operands | None = None
    cycles: int = 0
    best: bool = False

    @property
    def unit(self) -> MacConfig:
        """The unit."""
        return MacConfig.from_dict(dict(self.config))

    @property
    def key(self) -> str:
        """``e4m3-k32-exact/osu018-8ns``: the id of its record."""
        suffix = "-dsp" * self.dsp + (f"-{self.operands}" if self.operands else "")
        suffix += f"-{nanoseconds(self.period_ns)}ns" if self.period_ns is not None else ""
        return measured_id(unit_key(self.unit), self.measured_on + suffix + "-best" * self.best)

    @property
    def measured_on(self) -> str:
        """``ecp5``, ``osu018``, ``sky130``, ``power`` on osu018, ``power-sky130``: the target with its library."""
        if self.target not in ON_CELLS:
            return self.target
        name = key_of(self.library)
        return {CELLS: name}.get(self.target, self.target + f"-{name}" * (name != OSU018))


def nanoseconds(period: float) -> str:
    """``8``, ``36.6``: all digits of a period, so that no two are called alike."""
    return repr(float(period)).removesuffix(".0")


def unit_of(record: Record) -> MacConfig:
    """The unit that a task's record is of."""
    return MacConfig.from_dict({name: value for name, value in record.config.items() if name in MacConfig.model_fields})
