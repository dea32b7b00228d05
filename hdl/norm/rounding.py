"""Rounding and saturation at the end of a unit's arithmetic."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Mux, Signal, Value, signed

from ...config.nonlinear import TieRule


def rounded(value: Value, shift: Value, *, least: int, ties: TieRule) -> Value:
    """``value / 2**(least + shift)`` of a signed ``value``, rounded to the nearest; halves ``up`` or to ``even``."""
    # One more bit below, so that a shift by nothing has a half, too.
    moved = Cat(Const(0, 1), value).as_signed()
    below = moved[:least]
    moved = (moved >> least).as_signed()
    kept = moved >> shift
    half = kept[0]
    if ties == "even":
        mask = (Const(1, 1) << shift) - 1
        more = below.any() | (moved & mask).any()
        half = half & (more | kept[1])
    return (kept >> 1).as_signed() + half


def saturated(m: Module, value: Value, bits: int, *, name: str = "whole") -> Value:
    """A signed ``value`` brought to the nearest signed integer of ``bits``."""
    if len(value) <= bits:
        return value
    whole = Signal(signed(len(value)), name=name)
    m.d.comb += whole.eq(value)
    above = whole[bits - 1 :]
    limit = Cat((~whole[-1]).replicate(bits - 1), whole[-1])
    return Mux(above.all() | ~above.any(), whole[:bits], limit).as_signed()
