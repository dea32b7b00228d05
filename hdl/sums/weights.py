"""What every bit of a lane's term is worth, and heaps of the bits of all lanes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from amaranth import Module, Value
from amaranth.lib import data

from ...formats import Product
from .adder_tree import TermRange
from .bit_heap import LANE, BitHeap
from .parts_tree import Part


@dataclass(frozen=True)
class Weights:
    """``sum over bits i of the packed term of bits[i] * term[i]``, and a constant."""

    bits: tuple[int, ...]
    constant: int = 0

    @classmethod
    def of_number(cls, terms: TermRange, place: int = 0) -> Weights:
        """Of ``(significand + carry) * 2**place``."""
        layout = terms.layout(1)
        top = layout["significand"].width - 1
        carries = (1 << place,) * layout["carry"].width
        if terms.low >= 0:
            return cls((*(1 << place + bit for bit in range(top)), 0, *carries))
        sign = 1 << place + top
        low = tuple(1 << place + bit for bit in range(top))
        return cls((*low, sign, *carries), -sign) if terms.biased else cls((*low, -sign, *carries))

    @classmethod
    def of_product(cls, product: Product) -> Weights:
        """Of an aligned product. That of signs and magnitudes is a one's complement, whose sign and carry are the same bit."""
        found = cls.of_number(TermRange.aligned(product))
        if not product.sign_bit or product.significand_signed:
            return found
        *low, sign, _ = found.bits
        return cls((*low, 0, 1 - abs(sign)))

    @classmethod
    def of_parts(cls, parts: Sequence[Part]) -> Weights:
        """Of a term in parts."""
        found = [cls.of_number(part.terms, part.place) for part in parts]
        return cls(tuple(bit for part in found for bit in part.bits), sum(part.constant for part in found))


def add_terms(m: Module, heap: BitHeap, terms: Sequence[data.View], weights: Weights) -> None:
    """Add the terms of all lanes to a heap.

    Bits that are worth no power of two, as the signs of one's complements are, are counted over all lanes first.
    """
    packed = [Value.cast(term) for term in terms]
    heap.add_constant(len(packed) * weights.constant)
    for index, weight in enumerate(weights.bits):
        digits = _digits(weight)
        counted = [(LANE, 0, [term[index] for term in packed])]
        if len(digits) > 1:
            counter = BitHeap(m, len(packed).bit_length(), name=f"count{index}_")
            for bit in counted[0][2]:
                counter.add(0, bit)
            counted = [(arrival, place, [bit]) for place, (arrival, bit) in enumerate(counter.number())]
        for place, sign in digits:
            for arrival, above, bits in counted:
                for bit in bits:
                    (heap.add if sign > 0 else heap.subtract)(place + above, bit, arrival)


def _digits(weight: int) -> list[tuple[int, int]]:
    """``weight = sum of sign * 2**place``, no two places next to each other."""
    found, place = [], 0
    while weight:
        if weight & 1:
            sign = 2 - (weight & 3)
            found.append((place, sign))
            weight -= sign
        weight >>= 1
        place += 1
    return found
