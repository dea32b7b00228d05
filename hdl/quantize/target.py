"""Rounding into a format in hardware: what of a format it needs, and the rounding itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from amaranth import Cat, Const, Module, Mux, Signal, Value

from ...formats import Format

Direction = Literal["nearest-even", "up", "beyond"]
"""To the nearest magnitude, ties to even; to the least one that is not less; to the least one that is greater."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """A format into which numbers are rounded, by magnitude; an integer is one of which all numbers are subnormal.

    Attributes
    ----------
    mantissa_bits
        Below the leading bit of a normal number; of an integer's greatest magnitude.
    least_exponent
        Of the leading bit of the least normal number; of an integer's highest bit.
    greatest_exponent
        Of the leading bit of the greatest number.
    greatest_code
        The greatest number's code.
    bits
        Width of a magnitude's code.
    """

    mantissa_bits: int
    least_exponent: int
    greatest_exponent: int
    greatest_code: int
    bits: int

    @classmethod
    def of(cls, fmt: Format, step_exponent: int = 0) -> Target:
        """Of a minifloat or a signed integer, whose numbers are multiplied by ``2**step_exponent``."""
        length = fmt.fixed_max.bit_length()
        mantissa_bits = min(fmt.significand_bits, length) - 1
        least = fmt.min_exponent + mantissa_bits
        top_field = length - 1 - mantissa_bits
        leading = 1 << mantissa_bits
        return cls(
            mantissa_bits=mantissa_bits,
            least_exponent=least + step_exponent,
            greatest_exponent=least + top_field + step_exponent,
            greatest_code=top_field * leading + (fmt.fixed_max >> top_field),
            bits=fmt.bits - 1,
        )

    @property
    def span(self) -> int:
        """From the least exponent to the greatest."""
        return self.greatest_exponent - self.least_exponent


def rounded(
    m: Module,
    target: Target,
    above: Value,
    significand: Value,
    *,
    name: str,
    direction: Direction = "nearest-even",
    limit: Value | None = None,
    bounded: bool = True,
) -> tuple[Value, Value]:
    """The code of a magnitude rounded into a format, saturated; and whether it was.

    Parameters
    ----------
    m
        Where to place it.
    target
        The format.
    above
        Signed: exponent of the significand's top bit, less ``target.least_exponent``.
    significand
        Its top bit is 1, unless the number is 0 or ``above`` is at most 0. The lowest bit may stand for all below it.
    name
        Of the signals.
    direction
        Of rounding; see ``Direction``.
    limit
        The greatest code there may be, the greatest number's if left out.
    bounded
        Whether a number that is not 0 is sure to have no more than the greatest number's exponent.

    Returns
    -------
    A code of ``target.bits + 1`` bits, the highest 0 unless ``limit`` has it.
    """
    width = target.mantissa_bits + 1
    most = Const(target.greatest_code, target.bits + 1) if limit is None else limit
    kept, half, below = _shifted(m, width, above, significand, name)
    # The leading bit of a normal number makes its exponent field one more than this.
    field = above[: max(target.span, 0).bit_length()]
    field = field & (~above[-1] & significand[-1]).replicate(len(field))
    steps = {"nearest-even": half & (below | kept[0]), "up": half | below, "beyond": Const(1, 1)}
    packed = Signal(target.bits + 2, name=f"{name}_packed")
    beyond, code = Signal(name=f"{name}_beyond"), Signal(target.bits + 1, name=f"{name}_code")
    m.d.comb += [
        packed.eq(Cat(kept[:-1], kept[-1] + field) + steps[direction]),
        beyond.eq((packed > most) | (Const(0, 1) if bounded else ~above[-1] & significand[-1] & (above > target.span))),
        code.eq(Mux(beyond, most, packed)),
    ]
    return code, beyond


def _shifted(m: Module, width: int, above: Value, significand: Value, name: str) -> tuple[Value, Value, Value]:
    """Of a number ``-above`` places down the bits that are kept, the one below them, and whether there is anything below that."""
    padded = Cat(Const(0, max(0, width + 2 - len(significand))), significand)
    bits: Value = Cat(padded[: len(padded) - width - 1].any(), padded[len(padded) - width - 1 :])
    negative, depth = above[-1], (-above)[: len(above)]
    places = (width + 1).bit_length()
    far = depth[places:].any()
    for place in range(min(places, len(depth))):
        distance = min(1 << place, len(bits) - 1)
        moved = Cat(bits[: distance + 1].any(), bits[distance + 1 :])
        after = Signal(len(bits), name=f"{name}_shift{place}")
        m.d.comb += after.eq(Mux(negative & (depth[place] | far), moved, bits))
        bits = after
    return bits[2:], bits[1], bits[0]
