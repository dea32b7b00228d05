"""Tiles that try a bit-serial tile: extremes that fill its widths, special values written at run time, random ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..config.bit_serial import BitSerialConfig
from ..formats import get
from ..formats.term import MAX_SPECIAL, has_two_terms
from ..formats.weight_type import FLOATS, SPECIALS, weight_type
from .payload import Codes

SPECIAL_VALUES = tuple(value for value in range(-MAX_SPECIAL, MAX_SPECIAL + 1) if has_two_terms(value))
"""Everything that a place of the register file may hold."""
SPECIAL_TYPES = tuple(name for found in FLOATS.values() for name in found.types)
"""The types with a special value, in the order of the register file."""
DEFAULT_SPECIALS = tuple(value for found in FLOATS.values() for value in found.specials)
"""What the register file holds after reset."""
DEFAULTS_LABEL = "special values as after reset"

_LONG, _SHORT = 3, 2
Sign = Literal[1, -1]


@dataclass(frozen=True, eq=False)
class SerialTileWork:
    """One tile: activation codes [rows, K], weight codes [cols, K], their types and scales per group, and its purpose.

    Attributes
    ----------
    bits
        Width that the terms are made for: 4, 6 or 8; every weight takes ``bits / 2`` cycles.
    groups
        Lengths; ``types`` [cols][groups], ``scales`` [cols, groups].
    exponents
        What the groups are aligned to, [rows, groups], for a tile that it is given to; their greatest exponents if None.
    specials
        Values of the register file, as integers, [groups][8]; BitMoD's own if None.
    """

    bits: int
    groups: tuple[int, ...]
    types: Sequence[Sequence[str]]
    weight_codes: Codes
    activation_codes: Codes
    scales: Codes
    label: str
    exponents: Codes | None = None
    specials: Sequence[Sequence[int]] | None = None

    def __len__(self) -> int:
        return self.weight_codes.shape[1]


class SerialStimulus:
    """Draws the work of one tile.

    Parameters
    ----------
    config
        The tile.
    rng
        The only source of randomness.
    corner_steps
        The most steps that a directed corner may take; the longest ones are cut to it.
    """

    def __init__(self, config: BitSerialConfig, rng: np.random.Generator, corner_steps: int) -> None:
        self.config = config
        self.rng = rng
        self.widths = [bits for bits in (4, 6, 8) if bits <= config.weight_bits]
        self.steps = min(corner_steps, config.max_steps)
        self.corner_steps = corner_steps

    def work(self, count: int) -> list[SerialTileWork]:
        """Directed corners, then ``count`` random tiles."""
        return [
            *self.short(),
            *self.full_groups(),
            *self.longest(),
            *self.written_specials(),
            *self.too_long(),
            *(self.random_tile() for _ in range(count)),
        ]

    def short(self) -> Iterator[SerialTileWork]:
        """Lengths around a step and a group, twice each, so that two of them meet back to back."""
        lanes, group = self.config.lanes, self.config.group
        lengths = sorted({1, lanes, lanes + 1, 2 * lanes, group, group + 1})
        for bits in self.widths:
            for length in lengths:
                if -(-length // lanes) <= self.steps:
                    for _ in range(2):
                        yield self.random(bits, self.cut(length), f"length {length}")

    def full_groups(self) -> Iterator[SerialTileWork]:
        """Two full groups of operands at the ends of their ranges, scales at 255."""
        groups = self.cut(min(2 * self.config.group, self.steps * self.config.lanes))
        for bits in self.widths:
            for extreme in ("greatest", "least", "alternating", "cancelling"):
                yield self.extreme(bits, groups, extreme)

    def longest(self) -> Iterator[SerialTileWork]:
        """The longest dot products of the greatest products of one sign: in full groups, and in groups of a step each.

        Short groups round on their own, each of them up: of all lanes, of one lane, and of exactly half of what ``drop`` leaves.
        """
        config, steps = self.config, self.steps
        full, short = self.cut(steps * config.lanes), (config.lanes,) * steps
        signs: tuple[Sign, ...] = (1, -1)
        for sign in signs:
            yield self.greatest(full, sign, lanes=config.lanes, label="longest, full groups")
            yield self.greatest(short, sign, lanes=config.lanes, label="longest, groups of one step")
            if config.lanes > 1:
                yield self.greatest(short, sign, lanes=1, label="longest, groups of one product")
            if config.drop:
                yield self.halves(short, sign)

    def written_specials(self) -> Iterator[SerialTileWork]:
        """Every place of the register file with every value that it may hold, and all places in use."""
        config, places = self.config, len(SPECIAL_TYPES)
        count = min(-(-places // config.cols), self.steps)
        shown = config.cols * count
        for first in range(-1, len(SPECIAL_VALUES)):
            specials = [SPECIAL_VALUES[(first + 4 * place) % len(SPECIAL_VALUES)] for place in range(places)]
            label = f"special values {specials}" if first >= 0 else DEFAULTS_LABEL
            for start in range(0, places, shown):
                types = tuple(
                    tuple(SPECIAL_TYPES[(start + group * config.cols + col) % places] for group in range(count))
                    for col in range(config.cols)
                )
                item = self.random(4, (config.lanes,) * count, label)
                codes = np.repeat([[special_code(name) for name in row] for row in types], config.lanes, axis=1)
                written = (specials,) * count if first >= 0 else None
                yield replace(item, types=types, weight_codes=codes.astype(np.uint8), specials=written)

    def too_long(self) -> Iterator[SerialTileWork]:
        """A step more than ``k_max`` has, of weights so small that the sum fits all the same, and a short tile after it."""
        config, steps = self.config, self.config.max_steps + 1
        if steps > self.corner_steps:
            return
        groups = self.cut(steps * config.lanes)
        item = self.random(4, groups, "one step more than k_max")
        small = self.rng.choice(np.array([0, 1, 15], np.uint8), item.weight_codes.shape)
        yield replace(item, types=(("INT4",) * len(groups),) * config.cols, weight_codes=small, specials=None)
        yield self.random(4, (config.lanes,), "a short one after too_long")

    def random_tile(self) -> SerialTileWork:
        """One to three groups of any length, within ``k_max``; special values of its own in a third of the tiles."""
        config, rng = self.config, self.rng
        left = min(config.max_steps, 3 * config.group // config.lanes)
        groups: list[int] = []
        for _ in range(int(rng.integers(1, 4))):
            if left:
                steps = int(rng.integers(1, min(left, config.group // config.lanes) + 1))
                groups.append(config.lanes * steps)
                left -= steps
        groups[-1] -= int(rng.integers(0, config.lanes))
        item = self.random(self.widths[rng.integers(len(self.widths))], tuple(groups), "random")
        if rng.random() < 1 / 3:
            chosen = rng.choice(SPECIAL_VALUES, (len(groups), len(SPECIAL_TYPES)))
            return replace(item, specials=tuple(tuple(map(int, row)) for row in chosen))
        return item

    def cut(self, length: int) -> tuple[int, ...]:
        """As few groups as make up ``length`` products, the last one as long as what is left."""
        whole, rest = divmod(length, self.config.group)
        return (self.config.group,) * whole + ((rest,) if rest else ())

    def random(self, bits: int, groups: tuple[int, ...], label: str) -> SerialTileWork:
        """Any operands that are numbers, of any types that weights of ``bits`` may have, each group its own."""
        config, rng, length = self.config, self.rng, sum(groups)
        names = self._types(bits)
        types = tuple(tuple(names[rng.integers(len(names))] for _ in groups) for _ in range(config.cols))
        codes = np.zeros((config.cols, length), np.uint8)
        for col, row in enumerate(types):
            start = 0
            for name, group in zip(row, groups, strict=True):
                codes[col, start : start + group] = _numbers(name, rng, group)
                start += group
        scales = rng.integers(0, 256, (config.cols, len(groups))).astype(np.uint8)
        activations = self._activations(length)
        work = SerialTileWork(bits, groups, types, codes, activations, scales, label)
        return replace(work, exponents=self._loose(work)) if config.exponents_given else work

    def extreme(self, bits: int, groups: tuple[int, ...], extreme: str) -> SerialTileWork:
        """All operands at the ends of their ranges, scales at 255: sums as wide as they get."""
        low, high = 1 << (bits - 1), (1 << (bits - 1)) - 1
        name = "BITMOD_FP4_EA_NEG" if bits == 4 and extreme == "least" else f"INT{bits}"
        if name.startswith("BITMOD"):
            low, high = 8, 7
        places = np.arange(sum(groups))
        pick = {"greatest": places < 0, "least": places >= 0, "alternating": places % 2 == 1}
        weights = np.where(pick.get(extreme, places % _LONG == _SHORT), low, high)
        negative = places % 2 == 1 if extreme == "cancelling" else np.full(len(places), extreme == "least")
        return self._uniform(bits, groups, name, weights, np.where(negative, *self._ends), f"{extreme} operands")

    def greatest(self, groups: tuple[int, ...], sign: Sign, *, lanes: int, label: str) -> SerialTileWork:
        """The greatest magnitude of a product in the first ``lanes`` lanes of every step, 0 in the others."""
        bits = self.config.weight_bits
        special = 1 << (bits - 1) < MAX_SPECIAL
        name, code = (
            (SPECIAL_TYPES[-1], special_code(SPECIAL_TYPES[-1])) if special else (f"INT{bits}", 1 << (bits - 1))
        )
        weights = np.where(np.arange(sum(groups)) % self.config.lanes < lanes, code, 0)
        # The greatest magnitude of integers is that of -128; a negative weight of a special type can be made positive.
        least, most = self._ends
        if special:
            item = self._uniform(4, groups, name, weights, np.full(len(weights), least), label)
            return replace(item, specials=((-sign * MAX_SPECIAL,) * len(SPECIAL_TYPES),) * len(groups))
        return self._uniform(bits, groups, name, weights, np.full(len(weights), least if sign > 0 else most), label)

    def halves(self, groups: tuple[int, ...], sign: Sign) -> SerialTileWork:
        """A product of ``2**(drop - 1)`` a step, or the nearest power of two: what rounds up to twice itself."""
        config = self.config
        if config.is_integer:
            weight = min(3, config.drop - 1)
            activation = 1 << min(config.drop - 1 - weight, 6)
        else:  # A power of two alone is the window's top bit.
            weight = min(max(config.drop - config.window, 0), 3)
            activation = config.activation_float.exponent_bias << config.activation_float.mantissa_bits
        first = np.arange(sum(groups)) % config.lanes == 0
        name = "BITMOD_FP4_ER_POS"
        item = self._uniform(4, groups, name, np.where(first, special_code(name), 0), first * activation, "halves")
        return replace(item, specials=((sign << weight,) * len(SPECIAL_TYPES),) * len(groups))

    @property
    def _ends(self) -> tuple[int, int]:
        """Codes of the least and the greatest activation."""
        if self.config.is_integer:
            return 0x80, 0x7F
        fmt = self.config.activation_float
        top = ((1 << fmt.exponent_bits) - 1 << fmt.mantissa_bits) - 1
        return top | 1 << (fmt.bits - 1), top

    def _uniform(
        self, bits: int, groups: tuple[int, ...], name: str, weights: Codes, activations: Codes, label: str
    ) -> SerialTileWork:
        """The same vector in every column and in every row, of one type, with scales of 255 and exponents that are tight."""
        config = self.config
        dtype = np.uint8 if config.is_integer else np.uint16
        return SerialTileWork(
            bits,
            groups,
            (tuple(name for _ in groups),) * config.cols,
            np.broadcast_to(weights.astype(np.uint8), (config.cols, len(weights))),
            np.broadcast_to(activations.astype(dtype), (config.rows, len(activations))),
            np.full((config.cols, len(groups)), 255, np.uint8),
            label,
        )

    def _types(self, bits: int) -> list[str]:
        names = [f"INT{bits}", f"INT{bits}_SYM", f"INT{bits - 1}"]
        return [*names, *SPECIAL_TYPES] if bits == 4 else names

    def _loose(self, item: SerialTileWork) -> Codes:
        """Exponents a little greater than those of the groups in half of the tiles, now and then one that is too small."""
        config, rng = self.config, self.rng
        top = (1 << config.activation_float.exponent_bits) - 1
        if rng.random() < 0.2:  # From one end to the other, which moves sums as far as they can be moved.
            return rng.choice([1, top - 1, top], (config.rows, len(item.groups))).astype(np.uint8)
        tight = given_exponents(config, item).astype(np.int64)
        found = tight + rng.integers(0, 4, tight.shape) * rng.integers(2)
        if rng.random() < 0.1:
            found[rng.integers(len(found)), rng.integers(found.shape[1])] -= int(rng.integers(1, 4))
        return np.clip(found, 0, top).astype(np.uint8)

    def _activations(self, length: int) -> Codes:
        config, rng, shape = self.config, self.rng, (self.config.rows, length)
        if config.is_integer:
            return rng.integers(0, 256, shape).astype(np.uint8)
        fmt = config.activation_float
        # Exponents near one another as in real layers, anywhere in some rows; now and then NaN or infinity.
        spread = int(rng.integers(1, 1 << fmt.exponent_bits))
        low = int(rng.integers(0, (1 << fmt.exponent_bits) - spread))
        exponents = rng.integers(low, low + spread, shape)
        codes = exponents << fmt.mantissa_bits | rng.integers(0, 1 << fmt.mantissa_bits, shape)
        codes |= rng.integers(0, 2, shape) << (fmt.bits - 1)
        if rng.random() < 0.1:
            codes[rng.integers(config.rows), rng.integers(length)] = ((1 << fmt.exponent_bits) - 1) << fmt.mantissa_bits
        return codes.astype(np.uint16)


def given_exponents(config: BitSerialConfig, item: SerialTileWork) -> Codes:
    """What the tile is given, [rows, groups]: zeros if nothing."""
    from ..golden.bit_serial import group_exponents  # The bench imports this package in the simulator, without golden.

    if item.exponents is not None:
        return item.exponents
    if not config.exponents_given:
        return np.zeros((config.rows, len(item.groups)), np.uint8)
    return group_exponents(config, item.activation_codes, item.groups).astype(np.uint8)


def special_place(name: str) -> int | None:
    """Where in the register file the type's special value is; None if it has none."""
    found = weight_type(name)
    if found.is_integer:
        return None
    return list(FLOATS).index(found.kind) * SPECIALS + found.special


def special_code(name: str) -> int:
    """The code that stands for the special value: minus zero."""
    return 1 << (get(name).bits - 1)


def _numbers(name: str, rng: np.random.Generator, count: int) -> NDArray[np.uint8]:
    """Random codes of a type that are numbers: a symmetric integer reserves one."""
    fmt = get(name)
    codes = [code for code in range(1 << fmt.bits) if fmt.decode(code).special is None]
    return np.array(codes, np.uint8)[rng.integers(len(codes), size=count)]
