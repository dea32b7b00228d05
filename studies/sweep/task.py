"""One unit on one target: what it takes to measure it anywhere, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ...config import MacConfig
from ..ids import measured_id, unit_key
from ..records import Record

GENERIC, LIBERTY, CLOCK, FASTEST, SPREAD, POWER = "generic", "osu018", "clock", "fastest", "spread", "power"

Operands = Literal["layer", "uniform"]


@dataclass(frozen=True, kw_only=True)
class Task:
    """A measurement as plain data, so that it can be sent to another process or machine.

    Attributes
    ----------
    config
        The unit, as ``MacConfig.to_dict`` gives it.
    target
        ``generic``, ``ice40``, ``ecp5``, ``gowin``, ``xilinx7``, ``osu018``, ``clock`` (placed and routed on ECP5), or on osu018
        ``fastest``, ``spread`` (areas at periods around one), ``power``.
    dsp
        Whether DSP blocks may be used.
    period_ns
        Clock period of ``osu018``, ``spread`` and ``power``, in ns.
    seeds
        Placements of ``clock``.
    periods
        Of ``fastest``: clock periods whose circuits are looked at as well.
    operands, cycles
        What ``power`` is measured on, and for how long.
    """

    config: Mapping[str, Any]
    target: str
    dsp: bool = False
    period_ns: float | None = None
    seeds: tuple[int, ...] = ()
    periods: tuple[float, ...] = ()
    operands: Operands | None = None
    cycles: int = 0

    @property
    def unit(self) -> MacConfig:
        """The unit."""
        return MacConfig.from_dict(dict(self.config))

    @property
    def key(self) -> str:
        """``e4m3-k32-exact/osu018-8ns``: the id of its record."""
        suffix = "-dsp" * self.dsp + (f"-{self.operands}" if self.operands else "")
        suffix += f"-{nanoseconds(self.period_ns)}ns" if self.period_ns is not None else ""
        return measured_id(unit_key(self.unit), self.target + suffix)


def nanoseconds(period: float) -> str:
    """``8``, ``36.6``: all digits of a period, so that no two are called alike."""
    return repr(float(period)).removesuffix(".0")


def unit_of(record: Record) -> MacConfig:
    """The unit that a task's record is of."""
    return MacConfig.from_dict({name: value for name, value in record.config.items() if name in MacConfig.model_fields})
