"""The powers of two that all lanes share: constants for a row's sum, then scaled by its reciprocal for its outputs."""

from __future__ import annotations

from amaranth import Array, Const, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.data import ArrayLayout
from amaranth.lib.wiring import In, Out

from ...config.checks import check_class
from ...config.nonlinear import TableSoftmaxRule
from .table_lane import entry_width


class PowerTable(wiring.Component):
    """``entries[f] = round(powers[f] * reciprocal / 2**(table_bits + rb - pb))``, halves up, saturated; with ``restore`` for 1.0.

    One multiplier fills an entry a cycle: the table moves by a place.

    Parameters
    ----------
    rule
        Of the softmax.

    Attributes
    ----------
    LATENCY
        Cycles from ``fill`` to ``done``.

    Members
    -------
    restore : In(1)
        All entries are those of a reciprocal of 1.0 from the next cycle on.
    fill : In(1)
        The reciprocal is there; it must stay until ``done``.
    reciprocal : In(rb + 1)
    done : Out(1)
        For one cycle, in which the entries are there.
    entries : Out(ArrayLayout(pb + 1, 2**F))

    Raises
    ------
    TypeError
        If ``rule`` is not a ``TableSoftmaxRule``.
    """

    def __init__(self, *, rule: TableSoftmaxRule) -> None:
        check_class(rule, TableSoftmaxRule, "PowerTable", "rule")
        self.rule = rule
        super().__init__({
            "restore": In(1),
            "fill": In(1),
            "reciprocal": In(rule.reciprocal_bits + 1),
            "done": Out(1),
            "entries": Out(ArrayLayout(entry_width(rule), len(rule.powers))),
        })  # fmt: skip

    @property
    def LATENCY(self) -> int:
        return self.latency(self.rule)

    @staticmethod
    def latency(rule: TableSoftmaxRule) -> int:
        """``LATENCY`` of a table of that rule."""
        return len(rule.powers) + 1

    def elaborate(self, platform: object) -> Module:
        m = Module()
        rule = self.rule
        ones = [power << (rule.entry_bits - rule.table_bits) for power in rule.powers]
        entries = [Signal(entry_width(rule), name=f"entry{f}", init=one) for f, one in enumerate(ones)]
        busy, place = Signal(), Signal(range(len(entries)))
        power, scaled = Signal(rule.table_bits + 1), Signal(entry_width(rule) + 1)
        m.d.comb += [
            *(self.entries[f].eq(entry) for f, entry in enumerate(entries)),
            power.eq(Array([Const(p, rule.table_bits + 1) for p in rule.powers])[place]),
        ]
        product = power * self.reciprocal
        dropped = rule.table_bits + rule.reciprocal_bits - rule.entry_bits
        if dropped > 0:
            m.d.comb += scaled.eq((product + (1 << (dropped - 1))) >> dropped)
        else:
            m.d.comb += scaled.eq(product << -dropped)
        saturated = scaled[:-1] | scaled[-1].replicate(len(scaled) - 1)
        with m.If(self.fill):
            m.d.sync += [busy.eq(1), place.eq(0)]
        with m.Elif(busy):
            m.d.sync += [place.eq(place + 1), busy.eq(place != len(entries) - 1)]
        m.d.sync += self.done.eq(busy & (place == len(entries) - 1))
        with m.If(self.restore):
            m.d.sync += [entry.eq(one) for entry, one in zip(entries, ones, strict=True)]
        with m.Elif(busy):
            m.d.sync += [entry.eq(later) for entry, later in zip(entries, [*entries[1:], saturated], strict=True)]
        return m
