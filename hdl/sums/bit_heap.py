"""A heap of bits, each worth a power of two, made fewer by full adders that take the earliest bits first."""

from __future__ import annotations

import heapq
from itertools import count

from amaranth import Cat, Const, Module, Signal, Value

REGISTERED, LANE = 0, 2
"""When bits arrive, in delays of a full adder: those of registers, and those behind a lane's gates."""


class BitHeap:
    """``sum of bit * 2**place`` modulo ``2**width``, in as few full adders as there are bits too many.

    Every full adder takes three bits of a place and gives one of it and one of the next, so that it removes one bit: none is
    spent on sign extensions or on zeros. Each takes the three that arrive first, which gives trees as flat as can be.

    Parameters
    ----------
    m
        The module that full adders are placed in.
    width
        Places of the sum; what is above them is dropped.
    name
        Begins the names of their signals.

    Source: V. G. Oklobdzija, D. Villeger, S. S. Liu, A Method for Speed Optimized Partial Product Reduction and Generation of
    Fast Parallel Multipliers Using an Algorithmic Approach, IEEE Transactions on Computers 45(3), 1996.
    """

    def __init__(self, m: Module, width: int, *, name: str = "heap") -> None:
        self._m = m
        self._name = name
        # The second number keeps the order of bits that arrive together.
        self._places: list[list[tuple[int, int, Value]]] = [[] for _ in range(width)]
        self._order = count()
        self._constant = 0

    def add(self, place: int, bit: Value, arrival: int = LANE) -> None:
        """One bit that is worth ``2**place``."""
        if place < len(self._places):
            heapq.heappush(self._places[place], (arrival, next(self._order), bit))

    def subtract(self, place: int, bit: Value, arrival: int = LANE) -> None:
        """One bit that is worth ``-2**place``: its complement, and a constant."""
        self.add(place, ~bit, arrival)
        self.add_constant(-1 << place)

    def add_constant(self, value: int) -> None:
        """A constant; all of them together are one."""
        self._constant += value

    def rows(self, *, waits: bool = True) -> tuple[Value, Value]:
        """Two numbers whose sum is the heap's.

        Without ``waits`` two bits do not wait for a carry that arrives later, which would go on so from place to place: a half
        adder takes them, and the carry stays.
        """
        self._place_constant()
        self._reduce(2, waits=waits)
        rows = ([bits[row][2] if row < len(bits) else Const(0, 1) for bits in self._places] for row in range(2))
        first, second = (Cat(row) for row in rows)
        return first, second

    def number(self) -> list[tuple[int, Value]]:
        """The sum's bits, lowest first, with their arrivals: adders of a bit each, for sums that are narrow."""
        self._place_constant()
        self._reduce(1)
        return [(bits[0][0], bits[0][2]) if bits else (0, Const(0, 1)) for bits in self._places]

    def _place_constant(self) -> None:
        for place in range(len(self._places)):
            if self._constant >> place & 1:
                # Before all others: a full adder of a constant is hardly one, and late ones would make it late.
                self.add(place, Const(1, 1), arrival=-1)
        self._constant = 0

    def _reduce(self, left: int, *, waits: bool = True) -> None:
        """No more than ``left`` bits at any place."""
        for place, bits in enumerate(self._places):
            while len(bits) > left:
                taken = [heapq.heappop(bits) for _ in range(min(3, len(bits)))]
                if not waits and len(bits) == 0 and len(taken) == 3 and taken[2][0] > taken[1][0]:
                    heapq.heappush(bits, taken.pop())
                total = Signal(2, name=f"{self._name}{place}_{next(self._order)}")
                self._m.d.comb += total.eq(sum((bit for _, _, bit in taken[1:]), taken[0][2]))
                arrival = max(arrival for arrival, _, _ in taken) + 1
                self.add(place, total[0], arrival)
                self.add(place + 1, total[1], arrival)
