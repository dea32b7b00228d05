"""A tile of bit planes: holds the operands of a step and gives its PEs one plane of either a cycle."""

from __future__ import annotations

from amaranth import Array, Cat, Module, Signal, Value
from amaranth.hdl import ValueLike

from ...config.bit_planes import BitPlanesConfig
from ...config.checks import check_class
from ..stepped import SteppedUnit
from ..wires.delay import delayed
from ..wires.handshake import free
from .plane_pe import PlanePE


class BitPlaneTile(SteppedUnit):
    """``golden.bit_planes.totals.bit_plane_totals`` of each sum of steps; the pipeline moves as a whole.

    The planes of a step's weights are taken from the highest to the lowest, and with each of them those of its activations. In
    the last of these cycles the next step is taken, whatever precision it has.

    Throughput: a step of w and a bits in ``w * a`` cycles.

    Parameters
    ----------
    config
        The tile.

    Members
    -------
    As of ``SteppedUnit``.

    Raises
    ------
    TypeError
        If ``config`` is something else.
    """

    def __init__(self, *, config: BitPlanesConfig) -> None:
        self.tile = check_class(config, BitPlanesConfig, "BitPlaneTile")
        super().__init__(config=config)

    @property
    def LATENCY(self) -> int:
        """Operands, planes, counts, sum: of a step of one pair of planes; of others a cycle more for every further pair."""
        return 4

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, payload = self.tile, self.i.payload
        advance, there, ends = Signal(), Signal(), Signal()
        step = Signal(payload.shape(), reset_less=True)
        places = {
            name: Signal(range(bits), name=f"{name}_place", reset_less=True)
            for name, bits in (("weight", config.weight_bits), ("activation", config.activation_bits))
        }
        with_activations = Signal()
        m.d.comb += [
            advance.eq(free(self.o)),
            with_activations.eq(places["activation"] == 0),
            ends.eq(with_activations & (places["weight"] == 0)),
            self.i.ready.eq(advance & (ends | ~there)),
        ]
        top = {name: self._precision(payload, name) for name in places}
        with m.If(advance):
            with m.If(ends | ~there):
                m.d.sync += [
                    there.eq(self.i.valid),
                    step.eq(payload),
                    *(place.eq(top[name]) for name, place in places.items()),
                ]
            with m.Elif(with_activations):
                m.d.sync += [
                    places["weight"].eq(places["weight"] - 1),
                    places["activation"].eq(self._precision(step, "activation")),
                ]
            with m.Else():
                m.d.sync += places["activation"].eq(places["activation"] - 1)
        self._planes(m, advance, there, ends, step, places)
        return m

    def _precision(self, step: Value, name: str) -> ValueLike:
        """Precision of a step's operands less one."""
        bits = {"weight": self.tile.weight_bits, "activation": self.tile.activation_bits}[name]
        return getattr(step, f"{name}_planes") if bits > 1 else 0

    def _planes(
        self, m: Module, advance: Signal, there: Signal, ends: Signal, step: Value, places: dict[str, Signal]
    ) -> None:
        """The planes' register, the PEs' two stages, and the output."""
        config = self.tile
        negative = [
            place == self._precision(step, name)
            for name, place in places.items()
            if {"weight": config.weight, "activation": config.activation}[name] == "signed"
        ]
        place = places["weight"] + places["activation"]
        last = step.last & ends  # pyright: ignore[reportAttributeAccessIssue]
        weights, activations = self._selected(m, advance, step, places)

        def later(value: Value, name: str, count: int, init: int | None = None) -> Value:
            return delayed(m, advance, value, count, name + "{}", init=init)

        steps = self.joined(
            m,
            advance,
            [there, later(there, "counted", 2, 0)],
            [last, later(last, "last", 2)],
            whole=later(ends, "whole", 2),
        )
        padding = later(step.padding, "padding", 1) if config.is_bipolar and config.lanes > 1 else None  # pyright: ignore[reportAttributeAccessIssue]
        placed = later(place, "place", 2)
        negated = later(Cat(negative).xor(), "negative", 1) if config.is_signed else None
        totals: list[Value] = []
        for row in range(config.rows):
            for col in range(config.cols):
                pe = PlanePE(config=config)
                m.submodules[f"pe{row}_{col}"] = pe
                m.d.comb += [
                    pe.advance.eq(advance),
                    pe.weight.eq(weights[row]),
                    pe.activation.eq(activations[col]),
                    pe.place.eq(placed),
                    pe.first.eq(steps.first),
                    pe.joins.eq(steps.joins),
                ]
                if negated is not None:
                    m.d.comb += pe.negative.eq(negated)
                if padding is not None:
                    m.d.comb += pe.padding.eq(padding)
                totals.append(pe.total)
        self.give(m, steps, {"totals": totals})

    def _selected(
        self, m: Module, advance: Signal, step: Value, places: dict[str, Signal]
    ) -> tuple[list[Signal], list[Signal]]:
        """Registers of the planes, a vector of lanes for each row and for each column."""
        config = self.tile
        found: list[list[Signal]] = []
        for name, vectors, bits in (
            ("weight", config.rows, config.weight_bits),
            ("activation", config.cols, config.activation_bits),
        ):
            operands = getattr(step, f"{name}s")
            registers: list[Signal] = []
            for vector in range(vectors):
                lanes = [operands[vector * config.lanes + lane] for lane in range(config.lanes)]
                planes = Array(Cat(operand[place] for operand in lanes) for place in range(bits))
                register = Signal(config.lanes, name=f"{name}{vector}", reset_less=True)
                with m.If(advance):
                    m.d.sync += register.eq(planes[places[name]])
                registers.append(register)
            found.append(registers)
        return found[0], found[1]
