"""What all float accumulators share: the end of a sum, which is rounded once, and the register with its specials."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data

from ...config import MacConfig
from .accumulator import Accumulator


class FloatTotal(Accumulator):
    """An accumulator whose register is a float of ``config.accumulator_format`` beside the specials met so far.

    Parameters
    ----------
    config
        The unit's configuration.

    Members
    -------
    As ``Accumulator``; ``total`` is a code of that format, NaN is the positive quiet one, 0x7FC00000 in FP32.
    """

    def __init__(self, *, config: MacConfig) -> None:
        fmt = config.accumulator_format
        if fmt is None:
            raise TypeError(f"{type(self).__name__} config must have a float accumulator, not {config.accumulator!r}")
        self.fmt = fmt
        super().__init__(config=config)

    def _rounded(
        self, m: Module, magnitude: Signal, top_field: Signal, *, subnormal_possible: bool, overflow_possible: bool
    ) -> tuple[Value, Value]:
        """Normalise, round and pack exponent field and fraction; and whether the result is beyond the greatest number.

        ``top_field`` is the exponent field of a magnitude whose top bit is 1, itself at least 1.
        """
        bits, field = Value.cast(magnitude), Value.cast(top_field)
        width = len(magnitude)
        for power in reversed(range((width - 1).bit_length())):
            distance = 1 << power
            skip = ~bits[-distance:].any()
            if subnormal_possible:
                skip &= field > distance
            bits = named(m, Mux(skip, bits << distance, bits)[:width], f"normal{power}")
            field = named(m, (field - Mux(skip, distance, 0))[: len(top_field)], f"field{power}", is_signed=True)
        return self._packed(m, bits, field, overflow_possible=overflow_possible)

    def _packed(self, m: Module, bits: Value, field: Value, *, overflow_possible: bool) -> tuple[Value, Value]:
        """Round a normalised magnitude whose top bit has that exponent field, or is 0 and the field 1, and pack it."""
        significand = self.fmt.mantissa_bits + 1
        padded = Cat(Const(0, max(0, significand + 1 - len(bits))), bits)
        if self.config.accumulator.truncates:
            return self._truncated(m, padded[-significand:], field, overflow_possible)
        kept, guard, rest = padded[-significand:], padded[-significand - 1], padded[: -significand - 1]
        up = guard & (rest.any() | kept[0])
        stored_field = field[: self.fmt.exponent_bits] & kept[-1].replicate(self.fmt.exponent_bits)
        packed = named(m, (Cat(kept[:-1], stored_field) + up)[: self.fmt.bits - 1], "packed")
        if not overflow_possible:
            return packed, Const(0, 1)
        top = (1 << self.fmt.exponent_bits) - 1
        overflow = named(m, kept[-1] & (field >= top) | packed[self.fmt.mantissa_bits :].all(), "overflow")
        return packed, overflow

    def _truncated(self, m: Module, kept: Value, field: Value, overflow_possible: bool) -> tuple[Value, Value]:
        """Exponent field and fraction of a normalised significand, at most the greatest finite number's; whether it is that."""
        stored_field = field[: self.fmt.exponent_bits] & kept[-1].replicate(self.fmt.exponent_bits)
        packed = Cat(kept[:-1], stored_field)
        if not overflow_possible:
            return packed, Const(0, 1)
        top = (1 << self.fmt.exponent_bits) - 1
        greatest = (top << self.fmt.mantissa_bits) - 1
        beyond = kept[-1] & (field >= top)
        return named(m, Mux(beyond, greatest, packed), "packed"), beyond

    def _register(self, m: Module, register: Signal | None, number: Signal, beyond: Value) -> None:
        """Keep the sum and the specials met so far; specials override the sum, and so does infinity beyond the numbers.

        ``register`` is where the sum is kept; None if it is somewhere already.
        """
        step, last, met_now = self._step_shown
        kept = [] if register is None else [register]
        overflow = Const(0, 1) if self.config.accumulator.truncates else beyond
        met = Signal(data.StructLayout({"nan": 1, "pos_inf": 1, "neg_inf": 1, "operand": 1}))
        now = Signal(met.shape())
        flags = {name: getattr(met_now, name) for name in ("nan", "pos_inf", "neg_inf")}
        any_flag = Cat(*flags.values()).any()
        # A sum that overflowed earlier is an Inf operand from then on, but the operands themselves were numbers.
        fresh = ~now.operand & overflow
        m.d.comb += [
            now.operand.eq(met.operand | any_flag),
            now.nan.eq(met.nan | flags["nan"]),
            now.pos_inf.eq(met.pos_inf | flags["pos_inf"]),
            now.neg_inf.eq(met.neg_inf | flags["neg_inf"]),
            self.invalid.eq(now.operand),
        ]
        settled_pos = Signal()
        settled_neg = Signal()
        blocked = met.pos_inf | met.neg_inf
        m.d.comb += [
            settled_pos.eq(now.pos_inf | (fresh & ~blocked & ~number[-1])),
            settled_neg.eq(now.neg_inf | (fresh & ~blocked & number[-1])),
        ]
        inf = ((1 << self.fmt.exponent_bits) - 1) << self.fmt.mantissa_bits
        quiet_nan = inf | 1 << (self.fmt.mantissa_bits - 1)
        is_nan = now.nan | (settled_pos & settled_neg)
        with m.If(is_nan):
            m.d.comb += self.total.eq(quiet_nan)
        with m.Elif(settled_pos | settled_neg):
            m.d.comb += self.total.eq(Cat(Const(inf, self.fmt.bits - 1), settled_neg))
        with m.Else():
            m.d.comb += self.total.eq(number)
        with m.If(step):
            m.d.sync += [
                *(place.eq(number) for place in kept),
                met.operand.eq(now.operand),
                met.nan.eq(is_nan),
                met.pos_inf.eq(settled_pos),
                met.neg_inf.eq(settled_neg),
            ]
            with m.If(last):
                m.d.sync += [*(place.eq(0) for place in kept), met.eq(0)]
        self._flag(m, beyond)


def named(m: Module, value: Value, name: str, *, is_signed: bool = False) -> Signal:
    """A signal of that value, so that the emitted Verilog stays readable and expressions do not nest without bound."""
    signal = Signal(signed(len(value)) if is_signed else len(value), name=name)
    m.d.comb += signal.eq(value)
    return signal
