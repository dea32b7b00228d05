"""The processing element of a bit-serial tile: signed powers of two times aligned activations, summed over a group."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...config.bit_serial import BitSerialConfig
from ...config.checks import check_class
from ..wires.adders import add
from ..wires.balanced import balanced
from .term_generator import TERM_LAYOUT


def aligned_shape(config: BitSerialConfig) -> data.StructLayout:
    """An activation and its negation, which rows compute once for all their PEs; INT8's -128 has one of a bit more."""
    shape = signed(aligned_bits(config))
    return data.StructLayout({"plus": shape, "minus": shape})


def aligned_bits(config: BitSerialConfig) -> int:
    """Signed width of an aligned activation and of its negation."""
    return config.window + (2 if config.is_integer else 1)


def shift_bits(config: BitSerialConfig) -> int:
    """Width of the number of places that a group's sum moves down: all of its bits at most, none where it never moves."""
    if config.is_integer or config.exponents_given:
        return 0
    fmt = config.activation_float
    return min(fmt.max_exponent - fmt.min_exponent, config.group_bits).bit_length()


class SerialPE(wiring.Component):
    """``sum = round_half_up(sum / 2**shift) + 4**cycle * sum over lanes of term * activation``.

    Two stages: the terms of all lanes are added up, then the sum joins the accumulator. Nothing is normalised, and no exponent
    is seen here: what moves the accumulator is the row's ``shift``, the same for all its PEs.

    LATENCY: 2 enabled cycles from a term to ``sum``.

    Parameters
    ----------
    config
        The tile.

    Members
    -------
    enable : In(1)
        The first stage moves on.
    activations : In(ArrayLayout(aligned_shape, lanes))
    terms : In(ArrayLayout(TERM_LAYOUT, lanes))
    step : In(1)
        A sum of lanes is in the second stage; implies ``enable``.
    last : In(1)
        It is the group's last: the accumulator starts anew.
    cycle : In(2)
        Which of its weight's terms it is made of.
    shift : In(shift_bits)
        Places to move the accumulator down before it is added.
    total : Out(signed(group_bits))
        The sum with it, in the same cycle.

    Source: BitMoD (HPCA 2025), section IV, but for the exponents, which the paper's PE adds and compares itself.
    """

    def __init__(self, *, config: BitSerialConfig) -> None:
        check_class(config, BitSerialConfig, "SerialPE")
        self.config = config
        super().__init__({
            "enable": In(1),
            "activations": In(data.ArrayLayout(aligned_shape(config), config.lanes)),
            "terms": In(data.ArrayLayout(TERM_LAYOUT, config.lanes)),
            "step": In(1),
            "last": In(1),
            "cycle": In(range(config.term_cycles)),
            "shift": In(shift_bits(config)),
            "total": Out(signed(config.group_bits)),
        })  # fmt: skip

    @property
    def lane_bits(self) -> int:
        """Signed width of a term times an activation, at most four times it."""
        return aligned_bits(self.config) + 2

    @property
    def step_bits(self) -> int:
        """Signed width of the sum over lanes."""
        return self.lane_bits + (self.config.lanes - 1).bit_length()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        lanes = [self._lane(m, index) for index in range(self.config.lanes)]
        of_step = Signal(signed(self.step_bits), reset_less=True)
        with m.If(self.enable):
            m.d.sync += of_step.eq(_sum(m, lanes))
        accumulator = Signal(signed(self.config.group_bits))
        places = [of_step << 2 * cycle for cycle in range(self.config.term_cycles)]
        placed = Signal(signed(self.step_bits + 2 * (self.config.term_cycles - 1)))
        with m.Switch(self.cycle):
            for cycle, value in enumerate(places):
                with m.Case(cycle):
                    m.d.comb += placed.eq(value)
        moved, half = moved_down(m, accumulator, self.shift)
        total = add(m, moved, placed, accumulator.shape(), carry=half, name="total")
        m.d.comb += self.total.eq(total)
        with m.If(self.step):
            m.d.sync += accumulator.eq(total)
        with m.If(self.step & self.last):
            m.d.sync += accumulator.eq(0)
        return m

    def _lane(self, m: Module, index: int) -> Value:
        activation, term = self.activations[index], self.terms[index]
        signed_value = Signal(signed(aligned_bits(self.config)), name=f"signed{index}")
        m.d.comb += signed_value.eq(Mux(term.negative, activation.minus, activation.plus))
        multiple = Signal(signed(self.lane_bits), name=f"multiple{index}")
        parts = [(term.one, signed_value), (term.two, signed_value << 1), (term.four, signed_value << 2)]
        masked = [Mux(select, value, 0).as_signed() for select, value in parts]
        m.d.comb += multiple.eq(masked[0] | masked[1] | masked[2])
        return multiple


def _sum(m: Module, values: list[Value]) -> Value:
    def join(left: Value, right: Value, place: str) -> Value:
        return add(m, left, right, signed(max(len(left), len(right)) + 1), name=f"tree{place}")

    return balanced(values, join)


def moved_down(m: Module, value: Value, places: Value) -> tuple[Value, Value]:
    """``value >> places``, and the last bit that left it."""
    current: Value = Cat(Const(0, 1), value).as_signed()
    for index in range(len(places)):
        following = Signal(signed(len(current)), name=f"moved{1 << index}")
        m.d.comb += following.eq(Mux(places[index], current >> (1 << index), current))
        current = following
    return current[1:].as_signed(), current[0]
