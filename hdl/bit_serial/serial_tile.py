# amaranth: UnusedElaboratable=no
# Where a part is an instance, the component itself is only asked for its ports.
"""The bit-serial tile: rows of activations times columns of weights of many types, a power-of-two term a cycle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...config.bit_serial import BitSerialConfig
from ...config.checks import check_class
from ...formats.weight_type import SPECIALS
from ..unit import Unit
from ..wires.instances import placed
from .serial_aligner import SerialAligner, exponent_bits
from .serial_layouts import COLUMN_LAYOUT, serial_result_layout, step_layout
from .serial_pe import SerialPE, shift_bits
from .serial_scaler import ScalerControl, SerialScaler
from .term_generator import SPECIAL_LAYOUT, TERM_LAYOUT, TermGenerator, default_specials, special_fields
from .tile_row import LARGE, SCALING, TileRow, placed_row, totals_of_row

PARTS: dict[str, Callable[..., wiring.Component]] = {
    "pe": SerialPE, "scaler": SerialScaler, "control": ScalerControl, "aligner": SerialAligner, "generator": TermGenerator,
}  # fmt: skip
"""What a tile is made of, by the name of its module."""


class SerialTile(Unit):
    """``rows`` x ``cols`` PEs; a step of ``lanes`` activations a row and weights a column takes as many cycles as terms.

    All PEs work in lockstep. A row aligns its activations once for all its PEs, a column makes the terms of its weights once for
    all its PEs. When a group ends, its sums are scaled and joined to the total while the next group goes on; where that group
    is too short for it, the tile waits. Results leave a row a cycle.

    A step enters in the cycle in which its ``cycles`` have passed for the one before, so that steps follow without a bubble,
    whatever their types and precisions. ``LATENCY`` is the number of cycles from the last cycle of a tile's last step to the one
    in which its first row of results is offered, when product and total have the same exponent; each place between them adds
    one cycle. Unless groups are shorter than that, tiles of ``steps`` with ``cycles`` each take, from the first step's entry to
    the last result's departure, ``sum(steps * cycles) + LATENCY + rows``.

    Parameters
    ----------
    config
        The tile.
    module_prefix
        If given, PEs, scalers, their controls, aligners and term generators are instances of modules whose names begin so
        (see ``repeated``) instead of submodules: emitted once, and the same circuit.

    Members
    -------
    i : In(stream.Signature(step_layout))
    o : Out(stream.Signature(serial_result_layout))

    Source: BitMoD (HPCA 2025), section IV.
    """

    ENTRY, FRONT, SCALE = 1, 3, 10
    ORDER = (
        "A tile's results leave as one beat a row, row 0 first, tiles in order; steps of the next tile may follow at once. A "
        "step takes as long as it has terms, and latency counts from the last of them; it grows by a cycle for every place "
        "that a total's exponent must be moved."
    )

    def __init__(self, *, config: BitSerialConfig, module_prefix: str | None = None) -> None:
        check_class(config, BitSerialConfig, "SerialTile")
        self.config = config
        self.module_prefix = module_prefix
        super().__init__({
            "i": In(stream.Signature(step_layout(config))),
            "o": Out(stream.Signature(serial_result_layout(config))),
        })  # fmt: skip

    @property
    def LATENCY(self) -> int:
        return self.FRONT + self.SCALE

    def repeated(self) -> dict[str, wiring.Component]:
        """Modules that are instantiated instead of elaborated in place, by name."""
        if self.module_prefix is None:
            return {}
        made = {f"{self.module_prefix}.{part}": kind(config=self.config) for part, kind in PARTS.items()}
        if self._is_large:
            modules = {part: f"{self.module_prefix}.{part}" for part in ("pe", "scaler")}
            made[f"{self.module_prefix}.row"] = TileRow(config=self.config, modules=modules)
        return made

    @property
    def _is_large(self) -> bool:
        return self.config.rows * self.config.cols > LARGE

    def place(self, m: Module, part: str, place: str) -> Any:
        """One of the parts, with its ports as attributes."""
        module = None if self.module_prefix is None else f"{self.module_prefix}.{part}"
        component = PARTS[part](config=self.config)
        return placed(m, f"{part}{place}", component, module, clocked=part != "generator")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self._advance = Signal()
        front = _Front(m, self, self._advance)
        controls = self._rows(m, front)
        self._drain(m, front, controls)
        return m

    def _rows(self, m: Module, front: _Front) -> list[Any]:
        """PEs with their scalers, row by row."""
        config = self.config
        controls = []
        self._totals: list[list[Value]] = []
        self._clears = Signal(config.rows)
        self._invalid = Signal(config.rows)
        for row in range(config.rows):
            aligner = front.aligners[row]
            shift = Signal(shift_bits(config), name=f"shift{row}")
            exponent = Signal(exponent_bits(config), name=f"exponent{row}")
            with m.If(self._advance):
                m.d.sync += [shift.eq(Mux(front.first_cycle, aligner.shift, 0)), exponent.eq(aligner.exponent)]
            control = self.place(m, "control", str(row))
            controls.append(control)
            m.d.comb += [
                control.capture.eq(front.capture),
                control.first.eq(front.first_group),
                control.group_exponent.eq(exponent),
            ]
            met, with_step = Signal(name=f"met_invalid{row}"), Signal(name=f"invalid_step{row}")
            now = met | (front.valid[1] & front.first_cycle & aligner.invalid)
            with m.If(self._advance):
                m.d.sync += [
                    met.eq(now & ~(front.valid[1] & front.last_cycle & front.tile_ends[1])),
                    with_step.eq(now),
                ]
            with m.If(front.capture & front.tile_captured):
                m.d.sync += self._invalid[row].eq(with_step)
            self._totals.append(self._pes(m, front, row, shift, control))
        return controls

    def _pes(self, m: Module, front: _Front, row: int, shift: Value, control: Any) -> list[Value]:
        """A row's PEs and scalers, in place or as a module of their own; its totals."""
        of_pe = {
            "enable": self._advance, "activations": front.aligners[row].aligned, "step": front.step,
            "last": front.group_ends, "cycle": front.cycle, "shift": shift,
        }  # fmt: skip
        of_scaler = {
            "capture": front.capture, **{port: getattr(control, port) for port in SCALING}, "clear": self._clears[row]
        }  # fmt: skip
        bits, prefix = [scale[0] for scale in front.scales], self.module_prefix
        if self._is_large:
            module = None if prefix is None else f"{prefix}.row"
            return placed_row(
                m,
                self.config,
                row=row,
                of_pe=of_pe,
                terms=front.terms,
                of_scaler=of_scaler,
                scale_bits=bits,
                module=module,
            )
        modules = None if prefix is None else {part: f"{prefix}.{part}" for part in ("pe", "scaler")}
        return totals_of_row(
            m,
            self.config,
            row=f"{row}_",
            of_pe=of_pe,
            terms=front.terms,
            of_scaler=of_scaler,
            scale_bits=bits,
            modules=modules,
        )

    def _drain(self, m: Module, front: _Front, controls: list[Any]) -> None:
        """Offer the totals of a tile row by row once all have joined; clear each as it leaves."""
        config = self.config
        pending, offering = Signal(), Signal()
        row = Signal(range(config.rows))
        busy = Cat(control.busy for control in controls).any()
        with m.If(front.capture & front.tile_captured):
            m.d.sync += pending.eq(1)
        with m.If(pending & ~busy & ~offering):
            m.d.sync += [offering.eq(1), row.eq(0)]
        m.d.comb += [
            self.o.valid.eq(offering),
            front.scaler_busy.eq(busy | pending),
            self.o.payload.too_long.eq(front.too_long),
            self.o.payload.last.eq(row == config.rows - 1),
        ]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += row.eq(row + 1)
            with m.If(self.o.payload.last):
                m.d.sync += [offering.eq(0), pending.eq(0)]
        with m.Switch(row):
            for index, totals in enumerate(self._totals):
                with m.Case(index):
                    m.d.comb += [
                        *(self.o.payload.values[col].eq(total) for col, total in enumerate(totals)),
                        self.o.payload.exponent.eq(controls[index].exponent),
                        self._clears[index].eq(self.o.valid & self.o.ready),
                    ]
                    if not config.is_integer:
                        m.d.comb += self.o.payload.invalid.eq(self._invalid[index])


class _Front:
    """The tile's way in: a step's register, the term it is at, aligners and term generators, and when groups end.

    Stage 0 holds a step while its terms pass, stage 1 its weights, stage 2 has terms and aligned activations, stage 3 sums.
    """

    def __init__(self, m: Module, tile: SerialTile, advance: Signal) -> None:
        config = tile.config
        self.config, self.advance = config, advance
        self.scaler_busy = Signal()
        self.valid = [Signal(name=f"valid{stage}") for stage in (1, 2, 3)]
        self.step, self.group_ends, self.capture, self.writes = Signal(), Signal(), Signal(), Signal()
        self.cycle = Signal(range(config.term_cycles))
        self.first_group, self.tile_captured, self.too_long = Signal(init=1), Signal(), Signal()
        entered, cycle, group_begins, held = self._entry(m, tile)
        self._stages(m, entered, cycle, held)
        self.aligners = []
        for row in range(config.rows):
            aligner = tile.place(m, "aligner", str(row))
            self.aligners.append(aligner)
            m.d.comb += [
                aligner.enable.eq(advance),
                aligner.load.eq(entered & (cycle == 0)),
                aligner.first.eq(group_begins),
                aligner.given.eq(held.exponents[row]),
                aligner.activations.eq(held.activations[row]),
            ]
        self._columns(m, tile, held)

    def _entry(self, m: Module, tile: SerialTile) -> tuple[Signal, Signal, Signal, data.View]:
        """Stage 0: the step, whether there is one, its cycle, and whether it begins a group."""
        held = Signal(step_layout(self.config), reset_less=True)
        entered, group_begins = Signal(), Signal(init=1)
        cycle = Signal(range(self.config.term_cycles))
        last_cycle = Signal()
        steps, too_many = Signal(range(self.config.max_steps + 1)), Signal()
        m.d.comb += [
            last_cycle.eq(cycle == held.cycles),
            tile.i.ready.eq(self.advance & (~entered | last_cycle)),
            too_many.eq(steps == self.config.max_steps),
        ]
        with m.If(self.advance):
            m.d.sync += cycle.eq(Mux(entered & ~last_cycle, cycle + 1, 0))
            with m.If(entered & last_cycle):
                m.d.sync += entered.eq(0)
                with m.If(~held.write):
                    m.d.sync += [
                        group_begins.eq(held.group_last | held.last),
                        steps.eq(Mux(held.last, 0, Mux(too_many, steps, steps + 1))),
                    ]
        with m.If(tile.i.valid & tile.i.ready):
            m.d.sync += [entered.eq(1), held.eq(tile.i.payload)]
        self._too_many = too_many
        self._entry_last = last_cycle
        is_step = Signal()
        m.d.comb += [is_step.eq(entered & ~held.write), self.writes.eq(entered & held.write & self.advance)]
        return is_step, cycle, group_begins, held

    def _stages(self, m: Module, entered: Signal, cycle: Signal, held: data.View) -> None:
        """Controls of stages 1 to 3, one register each."""
        signals = {
            "cycle": (cycle, len(cycle)), "last_cycle": (self._entry_last, 1), "group": (held.group_last | held.last, 1),
            "tile": (held.last, 1), "too_many": (self._too_many, 1),
        }  # fmt: skip
        stages: dict[str, list[Value]] = {}
        for name, (source, width) in signals.items():
            registers = [Signal(width, name=f"{name}{stage}", reset_less=True) for stage in (1, 2, 3)]
            stages[name] = list(registers)
            with m.If(self.advance):
                for before, register in zip([source, *registers], registers, strict=False):
                    m.d.sync += register.eq(before)
        with m.If(self.advance):
            m.d.sync += [after.eq(before) for before, after in zip([entered, *self.valid], self.valid, strict=False)]
        self.early_cycle = stages["cycle"][0]
        self.first_cycle = stages["cycle"][1] == 0
        self.last_cycle = stages["last_cycle"][1]
        self.tile_ends = stages["tile"]
        ends = Signal(name="ends")
        m.d.comb += [
            ends.eq(self.valid[2] & stages["last_cycle"][2] & stages["group"][2]),
            self.advance.eq(~(ends & self.scaler_busy)),
            self.step.eq(self.valid[2] & self.advance),
            self.cycle.eq(stages["cycle"][2]),
            self.group_ends.eq(stages["last_cycle"][2] & stages["group"][2]),
            self.capture.eq(ends & self.advance),
            self.tile_captured.eq(stages["tile"][2]),
        ]
        with m.If(self.capture):
            m.d.sync += [self.first_group.eq(self.tile_captured), self.too_long.eq(stages["too_many"][2])]

    def _columns(self, m: Module, tile: SerialTile, held: data.View) -> None:
        """Term generators, and the scales that pass by until their group ends."""
        config = self.config
        file = self._register_file(m, held)
        self.terms: list[Value] = []
        self.scales: list[Value] = []
        for col in range(config.cols):
            codes = Signal(data.ArrayLayout(config.weight_bits, config.lanes), name=f"codes{col}", reset_less=True)
            column = Signal(COLUMN_LAYOUT, name=f"column{col}", reset_less=True)
            terms = Signal(data.ArrayLayout(TERM_LAYOUT, config.lanes), name=f"terms{col}", reset_less=True)
            passing = [Signal(8, name=f"scale{col}_{stage}", reset_less=True) for stage in (2, 3)]
            scale = Signal(8, name=f"scale{col}", reset_less=True)
            generator = tile.place(m, "generator", str(col))
            m.d.comb += [
                generator.codes.eq(codes),
                generator.kind.eq(column.kind),
                generator.special.eq(column.special),
                generator.specials.eq(file),
                generator.cycle.eq(self.early_cycle),
            ]
            with m.If(self.advance):
                m.d.sync += [
                    codes.eq(held.weights[col]), column.eq(held.columns[col]), terms.eq(generator.terms),
                    passing[0].eq(column.scale), passing[1].eq(passing[0]),
                ]  # fmt: skip
            m.d.sync += scale.eq(Mux(self.capture, passing[1], scale >> 1))
            self.terms.append(terms)
            self.scales.append(scale)

    def _register_file(self, m: Module, held: data.View) -> Value:
        """The special values, BitMoD's after reset."""
        layout = data.ArrayLayout(SPECIAL_LAYOUT, 2 * SPECIALS)
        initial = [special_fields(value) for bank in default_specials() for value in bank]
        file = Signal(layout, init=initial, name="special_values")
        for index in range(2 * SPECIALS):
            with m.If(self.writes & (held.index == index)):
                m.d.sync += file[index].eq(held.value)
        return file
