"""The sum of terms in several parts: an adder tree a part, and the parts put together once, behind their trees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from amaranth import Module, Signal, Value
from amaranth.lib import data

from ..wires.adders import add_above
from .adder_tree import AdderTree, TermRange
from .reduction import Reduction


@dataclass(frozen=True)
class Part:
    """A part of a term: what it can be, and that it counts ``2**place``."""

    place: int
    terms: TermRange


def parts_layout(parts: Sequence[Part]) -> data.StructLayout:
    """Layout of a term in parts: ``part0`` and so on, each with a significand and its carry."""
    return data.StructLayout({f"part{index}": part.terms.layout(1) for index, part in enumerate(parts)})


class PartsTree(Reduction):
    """``sum = sum over parts of 2**place * sum over lanes of the part``.

    Parameters
    ----------
    lanes
        Number of terms, at least 2.
    parts
        Of every term, the lowest place first, which is 0.
    sum_layout
        Layout of the sum; it is wide enough for what the parts can be together.
    registered
        Whether there are registers: those of the trees, and one behind the sum of the parts.

    Members
    -------
    As ``Reduction``; the terms have ``parts_layout``.
    """

    KEY = "parts"

    def __init__(
        self, *, lanes: int, parts: Sequence[Part], sum_layout: data.StructLayout, registered: bool = True
    ) -> None:
        if lanes < 2:
            raise ValueError(f"PartsTree lanes must be at least 2, not {lanes!r}")
        if not parts or parts[0].place:
            raise ValueError(f"PartsTree parts must begin with one of place 0, not {parts!r}")
        self.parts = tuple(parts)
        self.registered = registered
        super().__init__(lanes=lanes, term=parts_layout(parts), sum_layout=sum_layout)

    @property
    def LATENCY(self) -> int:
        return AdderTree.latency(self.lanes) + 1 if self.registered else 0

    def elaborate(self, platform: object) -> Module:
        m = Module()
        total, carry = self._part(m, 0)
        for index, part in enumerate(self.parts[1:], start=1):
            higher, higher_carry = self._part(m, index)
            total = add_above(m, total, higher, part.place, carry=higher_carry, name=f"to_part{index}")
        significand, left_over = self.sum.significand, self.sum.carry
        if self.registered:
            significand = Signal(significand.shape(), name="significand_register", reset_less=True)
            left_over = Signal(len(left_over), name="carry_register", reset_less=True)
            m.d.comb += [self.sum.significand.eq(significand), self.sum.carry.eq(left_over)]
            with m.If(self.enable):
                m.d.sync += [significand.eq(total), left_over.eq(carry)]
        else:
            m.d.comb += [significand.eq(total), left_over.eq(carry)]
        return m

    def _part(self, m: Module, index: int) -> tuple[Value, Value]:
        """Sum of a part over all lanes, and the carry that its tree has left over."""
        tree = AdderTree(terms=self.parts[index].terms, lanes=self.lanes, registered=self.registered)
        m.submodules[f"part{index}"] = tree
        terms = (self.term(lane)[f"part{index}"] for lane in range(self.lanes))
        m.d.comb += [tree.enable.eq(self.enable), *(tree.term(lane).eq(term) for lane, term in enumerate(terms))]
        return tree.sum.significand, tree.sum.carry
