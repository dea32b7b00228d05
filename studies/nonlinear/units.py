# amaranth: UnusedElaboratable=no
"""The hardware units whose cost the study states: one row each, and how many cycles they take."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from amaranth.lib import wiring

from ...config.nonlinear import NewtonWidths, NormWidths, RootNormRule
from ...config.nonlinear.profiles import ACCURATE, IVIT
from ...fpga.outside_memories import Apart, without_memories
from ...golden.rows import dispatch
from ...hdl.emit.verilog import emit_component
from ...hdl.gelu.piecewise_gelu import PiecewiseGelu
from ...hdl.gelu.shift_gelu import ShiftGelu
from ...hdl.gelu.table_gelu import TableGelu
from ...hdl.norm.newton_norm import NewtonNorm
from ...hdl.norm.root_norm import RootNorm
from ...hdl.rows.requantize import Requantize
from ...hdl.rows.shift_exp import ShiftExp
from ...hdl.softmax.reciprocal import Reciprocal
from ...hdl.softmax.shiftmax import Shiftmax
from ...hdl.softmax.table_softmax import TableSoftmaxPasses
from .contenders import ELEMENTWISE

PART_TOP = "bitmill_part"
"""Name of the top module of a unit that is measured alone."""

DEFAULT_PERIOD_NS = 10.0


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
    period_ns: float = DEFAULT_PERIOD_NS
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
class HardwarePart:
    """A unit in one width."""

    of: HardwareUnit
    lanes: int

    @property
    def key(self) -> str:
        """``softmax-accurate/x16``."""
        return f"{self.of.key}/x{self.lanes}"

    @cached_property
    def verilog(self) -> str:
        """Its Verilog; the top module is ``PART_TOP``."""
        return emit_component(self.of.build(self.lanes), top=PART_TOP)

    @cached_property
    def measured(self) -> Apart:
        """What of it is measured."""
        return without_memories(self.verilog, PART_TOP) if self.of.memories_outside else Apart(self.verilog, 0)


def _table_softmax(lanes: int, *, slope: int | None = None) -> TableSoftmaxPasses:
    return TableSoftmaxPasses(rule=ACCURATE.softmax, lanes=lanes, max_length=LONGEST_ROW, slope=slope)


def _softmax_cycles(length: int, lanes: int) -> int:
    waits = TableSoftmaxPasses.AFTER_MAXIMUM + TableSoftmaxPasses.after_sum(ACCURATE.softmax, max_length=LONGEST_ROW)
    return 3 * -(-length // lanes) + waits


def _shiftmax(lanes: int) -> Shiftmax:
    return Shiftmax(rule=IVIT.softmax, lanes=lanes, max_length=LONGEST_ROW)


def _shift_gelu(lanes: int) -> ShiftGelu:
    return ShiftGelu(rule=ELEMENTWISE, lanes=lanes)


def _root_norm(lanes: int, *, rule: RootNormRule = ACCURATE.layernorm) -> RootNorm:
    return RootNorm(widths=NormWidths(rule=rule, input_bits=8, output_bits=8, max_length=LONGEST_ROW), lanes=lanes)


def _newton_norm(lanes: int) -> NewtonNorm:
    return NewtonNorm(widths=NewtonWidths(rule=IVIT.layernorm, input_bits=8, max_length=LONGEST_ROW), lanes=lanes)


def _root_norm_cycles(length: int, lanes: int, *, rule: RootNormRule = ACCURATE.layernorm) -> int:
    return 2 * -(-length // lanes) + _root_norm(lanes, rule=rule).GAP - 1


def _newton_norm_cycles(length: int, lanes: int) -> int:
    unit = _newton_norm(lanes)
    return 3 * -(-length // lanes) + unit.FIRST_GAP + unit.SECOND_GAP - 2


def _fixed_gelu(lanes: int) -> TableGelu:
    inputs = np.arange(-128, 128)
    outputs, _ = dispatch.gelu(ACCURATE.gelu, inputs, scale=1 / 32)
    return TableGelu(lanes=lanes, outputs=outputs.tolist())


def _requantize(lanes: int, *, multiplier_bits: int, in_bits: int) -> Requantize:
    return Requantize(
        lanes=lanes, in_bits=in_bits, out_bits=8, multiplier_bits=multiplier_bits, ties=IVIT.ties, shift_bits=8
    )


LANES = (1, 4, 16)
LONGEST_ROW = 384
SMALLEST_NS = 20.0
"""A period that the smallest circuit meets, as ITA's figures are of the smallest: its own delay is recorded with it."""
_RMS = RootNormRule(centred=False)
HALVING = 1 << (ACCURATE.softmax.slope_fraction_bits - 5)
"""The slope of inputs of step ``ln(2) / 32``, as ITA's softmax has them."""
_SOFTMAX_FORMULA = f"3 ceil(L / lanes) + {_softmax_cycles(LONGEST_ROW, 1) - 3 * LONGEST_ROW}"

UNITS: tuple[HardwareUnit, ...] = (
    HardwareUnit(
        key="softmax-accurate",
        title="softmax, ours, run-time scale, without the row's memory",
        function="softmax",
        profile="accurate",
        lanes=LANES,
        build=_table_softmax,
        latency=lambda _lanes: TableSoftmaxPasses.LATENCY,
        cycles=_softmax_cycles,
        formula=_SOFTMAX_FORMULA,
        period_ns=SMALLEST_NS,
        routed=(16,),
    ),
    HardwareUnit(
        key="softmax-accurate-halving",
        title="softmax, ours, inputs in steps of ln(2) / 32 as ITA's, without the row's memory",
        function="softmax",
        profile="accurate, fixed",
        lanes=LANES,
        build=lambda lanes: _table_softmax(lanes, slope=HALVING),
        latency=lambda _lanes: TableSoftmaxPasses.LATENCY,
        cycles=_softmax_cycles,
        formula=_SOFTMAX_FORMULA,
        period_ns=SMALLEST_NS,
    ),
    HardwareUnit(
        key="softmax-ivit",
        title="Shiftmax, run-time scale, without the row's memory",
        function="softmax",
        profile="ivit",
        lanes=LANES,
        build=_shiftmax,
        latency=lambda lanes: _shiftmax(lanes).latency(LONGEST_ROW),
        cycles=lambda length, lanes: _shiftmax(lanes).row_cycles(length),
        formula="3 ceil(L / lanes) + constant",
        period_ns=SMALLEST_NS,
        memories_outside=True,
    ),
    HardwareUnit(
        key="gelu-accurate",
        title="GELU, ours, lines in registers",
        function="gelu",
        profile="accurate",
        lanes=LANES,
        build=lambda lanes: PiecewiseGelu(rule=ACCURATE.gelu, lanes=lanes),
        latency=lambda _lanes: PiecewiseGelu.STAGES,
        period_ns=SMALLEST_NS,
    ),
    HardwareUnit(
        key="gelu-accurate-memory",
        title="GELU, ours, lines in a memory of each lane",
        function="gelu",
        profile="accurate, memories",
        lanes=LANES,
        build=lambda lanes: PiecewiseGelu(rule=ACCURATE.gelu, lanes=lanes, table="memory"),
        latency=lambda _lanes: PiecewiseGelu.STAGES,
        period_ns=SMALLEST_NS,
        routed=(16,),
    ),
    HardwareUnit(
        key="gelu-fixed",
        title="GELU as a table of 256 constants, scale 1/32",
        function="gelu",
        profile="accurate, fixed",
        lanes=LANES,
        build=_fixed_gelu,
        latency=lambda _lanes: TableGelu.LATENCY,
        period_ns=SMALLEST_NS,
    ),
    HardwareUnit(
        key="gelu-ivit-element",
        title="ShiftGELU element by element, a pipelined division in each lane",
        function="gelu",
        profile="ivit",
        lanes=LANES[:-1],
        build=_shift_gelu,
        latency=lambda lanes: _shift_gelu(lanes).LATENCY,
        period_ns=SMALLEST_NS,
    ),
    HardwareUnit(
        key="layernorm-accurate",
        title="LayerNorm, ours, without the memories of row and channels",
        function="layernorm",
        profile="accurate",
        lanes=LANES,
        build=_root_norm,
        latency=lambda lanes: _root_norm(lanes).LATENCY,
        cycles=_root_norm_cycles,
        formula="2 ceil(L / lanes) + constant",
        period_ns=SMALLEST_NS,
        routed=(1,),
        memories_outside=True,
    ),
    HardwareUnit(
        key="rmsnorm-accurate",
        title="RMSNorm, ours, without the memories of row and channels",
        function="layernorm",
        profile="accurate, RMS",
        lanes=LANES[:1],
        build=lambda lanes: _root_norm(lanes, rule=_RMS),
        latency=lambda lanes: _root_norm(lanes, rule=_RMS).LATENCY,
        cycles=lambda length, lanes: _root_norm_cycles(length, lanes, rule=_RMS),
        formula="2 ceil(L / lanes) + constant",
        period_ns=SMALLEST_NS,
        memories_outside=True,
    ),
    HardwareUnit(
        key="layernorm-ivit",
        title="LayerNorm, I-ViT's Newton root, 33 bits out, without the memories of row and channels",
        function="layernorm",
        profile="ivit",
        lanes=LANES,
        build=_newton_norm,
        latency=lambda lanes: _newton_norm(lanes).LATENCY,
        cycles=_newton_norm_cycles,
        formula="3 ceil(L / lanes) + constant",
        period_ns=SMALLEST_NS,
        memories_outside=True,
    ),
    HardwareUnit(
        key="requantize-26x8",
        title="requantizer, 26 bits by 8 bits and a sign, as ITA's",
        function="requantize",
        profile="accurate",
        lanes=(1,),
        build=lambda lanes: _requantize(lanes, multiplier_bits=7, in_bits=26),
        latency=lambda _lanes: Requantize.STAGES,
        period_ns=SMALLEST_NS,
        routed=(1,),
    ),
    HardwareUnit(
        key="exp-ivit",
        title="ShiftExp, differences of int8 elements",
        function="exp",
        profile="ivit",
        lanes=(1,),
        build=lambda _lanes: ShiftExp(fraction_bits=IVIT.softmax.fraction_bits, difference_bits=9, x0_bits=9),
        latency=lambda _lanes: ShiftExp.LATENCY,
        period_ns=SMALLEST_NS,
    ),
    HardwareUnit(
        key="reciprocal-ivit",
        title="Reciprocal, a bit a cycle",
        function="reciprocal",
        profile="ivit",
        lanes=(1,),
        build=lambda _lanes: Reciprocal(),
        latency=lambda _lanes: Reciprocal().LATENCY,
        cycles=lambda length, _lanes: length * (Reciprocal().LATENCY + 1),
        formula="L x (latency + 1)",
        period_ns=SMALLEST_NS,
    ),
)
"""All that is measured, in the order of tables and pictures."""
