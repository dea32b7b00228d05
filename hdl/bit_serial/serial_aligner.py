"""A row's edge of a bit-serial tile: activations as integers under the largest exponent of their group so far."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...config.bit_serial import BitSerialConfig
from ...config.checks import check_class
from ..mac.decoder import Decoder
from ..wires.balanced import balanced
from .serial_pe import aligned_bits, aligned_shape, shift_bits


def given_bits(config: BitSerialConfig) -> int:
    """Width of the exponent that a row is given with a group, none for tiles that find it themselves."""
    return exponent_bits(config) if config.exponents_given else 0


def exponent_bits(config: BitSerialConfig) -> int:
    """Width of a biased exponent, none for integers."""
    return 0 if config.is_integer else config.activation_float.exponent_bits


class SerialAligner(wiring.Component):
    """``round_half_even(activation / unit)`` and its negation, with the unit of the group's greatest exponent so far or given.

    First stage: exponents are compared, and the reference moves up unless it is given. Second stage: significands move down
    to it and are rounded. Integers only wait.

    LATENCY: 2 enabled cycles.

    Parameters
    ----------
    config
        The tile.

    Members
    -------
    enable : In(1)
    load : In(1)
        Take the activations; they stay at the output until two enabled cycles after the next load.
    first : In(1)
        They are their group's first.
    given : In(given_bits)
        The group's exponent, with its first activations.
    activations : In(ArrayLayout(bits, lanes))
    aligned : Out(ArrayLayout(aligned_shape, lanes))
    shift : Out(shift_bits)
        How far the reference has moved since the load before, at most all bits of a group's sum; 0 for a group's first.
    exponent : Out(exponent_bits)
        The reference.
    invalid : Out(1), or of no bits for integers
        One of the activations is NaN or infinite, or of a greater exponent than is given; it counts as zero.
    """

    LATENCY = 2

    def __init__(self, *, config: BitSerialConfig) -> None:
        check_class(config, BitSerialConfig, "SerialAligner")
        self.config = config
        super().__init__({
            "enable": In(1),
            "load": In(1),
            "first": In(1),
            "given": In(given_bits(config)),
            "activations": In(data.ArrayLayout(config.activation_format.bits, config.lanes)),
            "aligned": Out(data.ArrayLayout(aligned_shape(config), config.lanes)),
            "shift": Out(shift_bits(config)),
            "exponent": Out(exponent_bits(config)),
            "invalid": Out(int(not config.is_integer)),
        })  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        m = Module()
        second = Signal()
        with m.If(self.enable):
            m.d.sync += second.eq(self.load)
        if self.config.is_integer:
            self._integers(m, second)
        else:
            self._floats(m, second)
        return m

    def _integers(self, m: Module, second: Value) -> None:
        waiting = Signal.like(self.activations, reset_less=True)
        with m.If(self.enable & self.load):
            m.d.sync += waiting.eq(self.activations)
        for lane in range(self.config.lanes):
            value = waiting[lane].as_signed()
            self._register(m, lane, second, value, -value)

    def _floats(self, m: Module, second: Value) -> None:
        fmt, lanes = self.config.activation_float, self.config.lanes
        decoders = [Decoder(fmt=fmt) for _ in range(lanes)]
        decoded = [decoder.decoded for decoder in decoders]
        for lane, decoder in enumerate(decoders):
            m.submodules[f"decode{lane}"] = decoder
            m.d.comb += decoder.code.eq(self.activations[lane])
        specials = [found.nan | found.inf for found in decoded]
        exponents = [Mux(special, 1, found.exponent) for special, found in zip(specials, decoded, strict=True)]
        reference = Signal(exponent_bits(self.config), init=1)
        following = Signal.like(reference)
        if self.config.exponents_given:
            m.d.comb += following.eq(Mux(self.first, self.given, reference))
            specials = [special | (found > following) for special, found in zip(specials, exponents, strict=True)]
            moved: Value = Const(0, 0)
        else:
            moved = self._moved(m, exponents, reference, following)
        significands = [Mux(special, 0, found.significand) for special, found in zip(specials, decoded, strict=True)]
        invalid = Signal(reset_less=True)
        with m.If(self.enable & self.load):
            m.d.sync += [reference.eq(following), invalid.eq(Cat(specials).any())]
        for lane in range(lanes):
            negative = Signal(reset_less=True, name=f"negative{lane}")
            significand = Signal(fmt.significand_bits, reset_less=True, name=f"significand{lane}")
            exponent = Signal(len(reference), reset_less=True, name=f"exponent{lane}")
            with m.If(self.enable & self.load):
                m.d.sync += [
                    negative.eq(decoded[lane].sign), significand.eq(significands[lane]), exponent.eq(exponents[lane])
                ]  # fmt: skip
            kept, up = self._moved_significand(m, lane, significand, reference, exponent)
            # -(kept + up) is ~kept + 1 - up: rounding and negation in one carry each, side by side.
            flipped, carry = Signal(signed(self.config.window + 1), name=f"flipped{lane}"), Signal(name=f"carry{lane}")
            m.d.comb += [
                flipped.eq(Cat(kept, Const(0, 1)) ^ negative.replicate(len(flipped))),
                carry.eq(up ^ negative),
            ]
            self._register(m, lane, second, flipped + carry, ~flipped + ~carry)
        with m.If(self.enable & second):
            m.d.sync += [self.shift.eq(moved), self.exponent.eq(reference), self.invalid.eq(invalid)]

    def _moved(self, m: Module, exponents: list[Value], reference: Value, following: Value) -> Value:
        """Let the reference follow the greatest exponent so far; by how many places it went up, registered."""
        highest = _greatest(m, exponents)
        shift = Signal(len(reference))
        m.d.comb += [
            following.eq(Mux(self.first | (highest > reference), highest, reference)),
            shift.eq(Mux(self.first, 0, following - reference)),
        ]
        most = self.config.group_bits
        limited = shift if (1 << len(shift)) - 1 <= most else Mux(shift > most, most, shift)
        moved = Signal(shift_bits(self.config), reset_less=True)
        with m.If(self.enable & self.load):
            m.d.sync += moved.eq(limited)
        return moved

    def _moved_significand(
        self, m: Module, lane: int, significand: Value, reference: Value, exponent: Value
    ) -> tuple[Value, Value]:
        """The significand at the top of the window, moved down to the reference, and whether to the nearest even is up."""
        window = self.config.window
        distance = Signal(len(reference), name=f"distance{lane}")
        m.d.comb += distance.eq(reference - exponent)
        # Below the window a guard bit, and everything that leaves it as one sticky bit.
        current: Value = Cat(Const(0, 2), Const(0, window - len(significand)), significand)
        for index in range(len(distance)):
            places = 1 << index
            if places > window + 1:
                moved: Value = Cat(current.any(), Const(0, window + 1))
            else:
                moved = Cat(current[: places + 1].any(), current[places + 1 :], Const(0, places))
            following = Signal(window + 2, name=f"moved{lane}_{places}")
            m.d.comb += following.eq(Mux(distance[index], moved, current))
            current = following
        return current[2:], current[1] & (current[0] | current[2])

    def _register(self, m: Module, lane: int, second: Value, value: Value, negated: Value) -> None:
        plus = Signal(signed(aligned_bits(self.config)), name=f"plus{lane}", reset_less=True)
        minus = Signal(signed(aligned_bits(self.config)), name=f"minus{lane}", reset_less=True)
        m.d.comb += [self.aligned[lane].plus.eq(plus), self.aligned[lane].minus.eq(minus)]
        with m.If(self.enable & second):
            m.d.sync += [plus.eq(value), minus.eq(negated)]


def _greatest(m: Module, values: list[Value]) -> Value:
    def join(left: Value, right: Value, place: str) -> Value:
        greater = Signal(len(left), name=f"greater{place}")
        m.d.comb += greater.eq(Mux(left > right, left, right))
        return greater

    return balanced(values, join)
