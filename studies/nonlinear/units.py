# amaranth: UnusedElaboratable=no
"""The hardware units whose cost the study states: one row each, and how many cycles they take."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import numpy as np
from amaranth.lib import wiring

from ...config.rows import (
    GeluConfig,
    NewtonNormConfig,
    RequantizeConfig,
    RootNormConfig,
    RowConfig,
    ShiftGeluConfig,
    ShiftmaxConfig,
    SoftmaxConfig,
)
from ...fpga.outside_memories import Apart, without_memories
from ...golden.rows.families import ROWS
from ...hdl import build
from ...hdl.gelu.shift_gelu import ShiftGelu
from ...hdl.gelu.table_gelu import TableGelu
from ...hdl.rows.row_unit import RowUnit
from ...hdl.rows.shift_exp import ShiftExp
from ...hdl.softmax.reciprocal import Reciprocal
from ...hdl.softmax.table_softmax import TableSoftmaxPasses
from ..ids import measured_id
from ..measurements import TOP, Circuit
from ..records import Record, metric

SMALLEST_NS = 20.0
"""A period that the smallest circuit meets, as ITA's figures are of the smallest: its own delay is recorded with it."""


@dataclass(frozen=True, kw_only=True)
class HardwareUnit:
    """A unit of a profile in several widths.

    Attributes
    ----------
    key, title
        What records and readers call it.
    function
        What it computes: ``softmax``, ``gelu``, ``layernorm``, ``requantize``, ``exp``, ``reciprocal``. Published figures are of
        these.
    profile
        Whose rule it is built by; a suffix tells builds with fixed constants apart.
    lanes
        Elements a cycle, each one a component.
    build
        Makes the component of so many lanes.
    cycles
        Row length and lanes to the cycles from one row's first beat to the next one's, as the unit documents them; None where
        rows are nothing to it, so that it takes ``ceil(L / lanes)``.
    formula
        The same in words, for tables.
    latency
        Lanes to the cycles from a row's last beat to its first result, or for units without rows from beat to beat.
    period_ns
        Clock period at which standard cells are mapped: that of the published unit it is compared with.
    routed
        Of the lanes, those that are placed and routed on ECP5.
    memories_outside
        Whether memories of rows and channels are left out of what is measured.
    """

    key: str
    title: str
    function: str
    profile: str
    lanes: tuple[int, ...]
    build: Callable[[int], wiring.Component]
    latency: Callable[[int], int]
    cycles: Callable[[int, int], int] | None = None
    formula: str = "ceil(L / lanes)"
    period_ns: float = SMALLEST_NS
    routed: tuple[int, ...] = ()
    memories_outside: bool = False

    def parts(self) -> Iterator[HardwarePart]:
        """The unit in every width."""
        for lanes in self.lanes:
            yield HardwarePart(of=self, lanes=lanes)

    def row_cycles(self, length: int, lanes: int) -> int:
        """Cycles that a row of ``length`` takes when rows follow each other."""
        return -(-length // lanes) if self.cycles is None else self.cycles(length, lanes)


@dataclass(frozen=True, kw_only=True)
class HardwarePart(Circuit):
    """A unit in one width."""

    of: HardwareUnit
    lanes: int

    @property
    def key(self) -> str:
        """``softmax-accurate/x16``."""
        return f"{self.of.key}/x{self.lanes}"

    def component(self) -> wiring.Component:
        """Makes it."""
        return self.of.build(self.lanes)

    @cached_property
    def _apart(self) -> Apart:
        return without_memories(self.verilog, TOP) if self.of.memories_outside else Apart("", 0)

    @property
    def text(self) -> str:
        """All of it, or without its memories."""
        return self._apart.verilog or self.verilog

    def record(self, target: str) -> Record:
        """Its record on a target."""
        of = self.of
        config = {
            "key": of.key, "title": of.title, "unit": of.function, "profile": of.profile, "lanes": self.lanes, "target": target,
        }  # fmt: skip
        left_out = {"memory_outside": metric(self._apart.memory_bits, "bits")}
        return Record(measured_id(self.key, target), "hardware", config, of.function, metrics=left_out)


def _built(config: RowConfig) -> Callable[[int], RowUnit]:
    """Makes the unit of a configuration with so many lanes."""
    # A family's component is a unit of rows where its configuration is one.
    return lambda lanes: cast(RowUnit, build(config.model_copy(update={"lanes": lanes})))


def _latency(config: RowConfig) -> Callable[[int], int]:
    return lambda lanes: _built(config)(lanes).LATENCY


def _cycles(config: RowConfig) -> Callable[[int, int], int]:
    return lambda length, lanes: _built(config)(lanes).row_period.of(-(-length // lanes))


def _passes(lanes: int, *, slope: int | None = None) -> TableSoftmaxPasses:
    return TableSoftmaxPasses(rule=_SOFTMAX.rule, lanes=lanes, max_length=LONGEST_ROW, slope=slope)


def _fixed_gelu(lanes: int) -> TableGelu:
    config, inputs = GeluConfig(scale=1 / 32), np.arange(-128, 128)
    golden = ROWS.of(config)
    outputs = golden.outputs(config, golden.told(config), inputs, np.ones(len(inputs), dtype=bool))
    return TableGelu(lanes=lanes, outputs=outputs.tolist())


LANES = (1, 4, 16)
LONGEST_ROW = 384
_SOFTMAX = SoftmaxConfig(max_length=LONGEST_ROW)
_SHIFTMAX = ShiftmaxConfig(max_length=LONGEST_ROW)
_LAYERNORM = RootNormConfig(max_length=LONGEST_ROW)
_RMSNORM = RootNormConfig(max_length=LONGEST_ROW, unit="rmsnorm")
_NEWTON = NewtonNormConfig(max_length=LONGEST_ROW)
_REQUANTIZE = RequantizeConfig(input_bits=26, multiplier_bits=7)
HALVING = 1 << (_SOFTMAX.rule.slope_fraction_bits - 5)
"""The slope of inputs of step ``ln(2) / 32``, as ITA's softmax has them."""
_SOFTMAX_FORMULA = f"3 ceil(L / lanes) + {_cycles(_SOFTMAX)(LONGEST_ROW, 1) - 3 * LONGEST_ROW}"


def _unit(
    key: str, title: str, function: str, profile: str, config: RowConfig | None = None, **more: Any
) -> HardwareUnit:
    """A unit by the configuration of a family, where it is one; cycles of rows are the family's if ``more`` has a formula."""
    found: dict[str, Any] = {"lanes": LANES}
    if config is not None:
        found |= {"build": _built(config), "latency": _latency(config)}
        found |= {"cycles": _cycles(config)} if "formula" in more else {}
    return HardwareUnit(key=key, title=title, function=function, profile=profile, **{**found, **more})


UNITS: tuple[HardwareUnit, ...] = (
    _unit(
        "softmax-accurate", "softmax, ours, run-time scale, without the row's memory", "softmax", "accurate", _SOFTMAX,
        build=_passes, latency=lambda _lanes: TableSoftmaxPasses.LATENCY, formula=_SOFTMAX_FORMULA, routed=(16,),
    ),
    _unit(
        "softmax-accurate-halving", "softmax, ours, inputs in steps of ln(2) / 32 as ITA's, without the row's memory",
        "softmax", "accurate, fixed", _SOFTMAX, build=lambda lanes: _passes(lanes, slope=HALVING),
        latency=lambda _lanes: TableSoftmaxPasses.LATENCY, formula=_SOFTMAX_FORMULA,
    ),
    _unit(
        "softmax-ivit", "Shiftmax, run-time scale, without the row's memory", "softmax", "ivit", _SHIFTMAX,
        latency=lambda lanes: _built(_SHIFTMAX)(lanes).first_result.of(-(-LONGEST_ROW // lanes)),
        formula="3 ceil(L / lanes) + constant", memories_outside=True,
    ),
    _unit("gelu-accurate", "GELU, ours, lines in registers", "gelu", "accurate", GeluConfig()),
    _unit(
        "gelu-accurate-memory", "GELU, ours, lines in a memory of each lane", "gelu", "accurate, memories",
        GeluConfig(table="memory"), routed=(16,),
    ),
    _unit(
        "gelu-fixed", "GELU as a table of 256 constants, scale 1/32", "gelu", "accurate, fixed",
        build=_fixed_gelu, latency=lambda _lanes: TableGelu.LATENCY,
    ),
    _unit(
        "gelu-ivit-element", "ShiftGELU element by element, a pipelined division in each lane", "gelu", "ivit",
        ShiftGeluConfig(), lanes=LANES[:-1],
        # With the port that its records have, though nothing drives it where elements stand alone.
        build=lambda lanes: ShiftGelu(rule=ShiftGeluConfig().rule, lanes=lanes),
    ),
    _unit(
        "layernorm-accurate", "LayerNorm, ours, without the memories of row and channels", "layernorm", "accurate", _LAYERNORM,
        formula="2 ceil(L / lanes) + constant", routed=(1,), memories_outside=True,
    ),
    _unit(
        "rmsnorm-accurate", "RMSNorm, ours, without the memories of row and channels", "layernorm", "accurate, RMS", _RMSNORM,
        lanes=LANES[:1], formula="2 ceil(L / lanes) + constant", memories_outside=True,
    ),
    _unit(
        "layernorm-ivit", "LayerNorm, I-ViT's Newton root, 33 bits out, without the memories of row and channels",
        "layernorm", "ivit", _NEWTON, formula="3 ceil(L / lanes) + constant", memories_outside=True,
    ),
    _unit(
        "requantize-26x8", "requantizer, 26 bits by 8 bits and a sign, as ITA's", "requantize", "accurate", _REQUANTIZE,
        lanes=(1,), routed=(1,),
    ),
    _unit(
        "exp-ivit", "ShiftExp, differences of int8 elements", "exp", "ivit", lanes=(1,),
        build=lambda _lanes: ShiftExp(fraction_bits=_SHIFTMAX.fraction_bits, difference_bits=9, x0_bits=9),
        latency=lambda _lanes: ShiftExp.LATENCY,
    ),
    _unit(
        "reciprocal-ivit", "Reciprocal, a bit a cycle", "reciprocal", "ivit", lanes=(1,),
        build=lambda _lanes: Reciprocal(), latency=lambda _lanes: Reciprocal().LATENCY,
        cycles=lambda length, _lanes: length * (Reciprocal().LATENCY + 1), formula="L x (latency + 1)",
    ),
)  # fmt: skip
"""All that is measured, in the order of tables and pictures."""
