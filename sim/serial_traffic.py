"""The traffic of a bit-serial tile: tiles of mixed data types in, rows of results out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..bit_serial import BitSerialConfig
from ..errors import BitmillError
from ..formats import get
from ..formats.weight_type import FLOATS, WeightKind, WeightType, weight_type
from .payload import Codes, RowOutput
from .rows import PayloadRows
from .serial_payload import SerialPayload
from .tile_traffic import steps_of

_LONG, _SHORT = 3, 2


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
    """

    bits: int
    groups: tuple[int, ...]
    types: Sequence[Sequence[str]]
    weight_codes: Codes
    activation_codes: Codes
    scales: Codes
    label: str
    exponents: Codes | None = None

    def __len__(self) -> int:
        return self.weight_codes.shape[1]


class SerialTraffic:
    """Work items are ``SerialTileWork``.

    Parameters
    ----------
    config
        The tile.
    """

    def __init__(self, config: BitSerialConfig) -> None:
        self.config = config
        self.layout = SerialPayload.of(config)

    def stimuli(self, rng: np.random.Generator, *, count: int, corner_steps: int) -> list[SerialTileWork]:
        """Tiles of the extreme codes, of every precision, of short groups; then ``count`` random ones."""
        config = self.config
        widths = [bits for bits in (4, 6, 8) if bits <= config.weight_bits]
        whole = config.group
        work = []
        for bits in widths:
            for extreme in ("greatest", "least", "alternating", "cancelling"):
                work.append(self._extreme(rng, bits, (whole, whole), extreme))
            for length in (1, config.lanes, config.lanes + 1, 2 * config.lanes):
                work += [self._random(rng, bits, self._cut(length), f"length {length}") for _ in range(2)]
        work = [item for item in work if len(item) <= corner_steps * config.lanes]
        for _ in range(count):
            groups = [config.lanes * int(rng.integers(1, whole // config.lanes + 1)) for _ in range(rng.integers(1, 4))]
            groups[-1] -= int(rng.integers(0, config.lanes))
            work.append(self._random(rng, widths[rng.integers(len(widths))], tuple(groups), "random"))
        return work

    def given(self, weight_codes: Codes, activation_codes: Codes) -> list[SerialTileWork]:
        """Not for tiles, whose weights have types and scales as well; see ``sim.serial_gemm``."""
        raise BitmillError("codes must be given as a quantized matrix for a bit-serial tile, not as plain arrays")

    def products(self, work: Sequence[SerialTileWork]) -> int:
        """Products that the results are made of, without padding."""
        return self.config.rows * self.config.cols * sum(len(item) for item in work)

    def results(self, work: Sequence[SerialTileWork]) -> int:
        """Results that are compared."""
        return self.config.rows * self.config.cols * len(work)

    def inputs(self, work: Sequence[SerialTileWork]) -> PayloadRows:
        """Input payloads of tiles one after the other."""
        return PayloadRows(np.concatenate([self._steps(item).rows for item in work]))

    def expected(self, work: Sequence[SerialTileWork]) -> list[list[int]]:
        """Output payloads of each tile by golden: ``rows`` each."""
        return [[self.layout.pack_row(row) for row in golden_rows(self.config, item)] for item in work]

    def _steps(self, item: SerialTileWork) -> PayloadRows:
        lanes = self.config.lanes
        steps_of_groups = [-(-group // lanes) for group in item.groups]
        group_of_step = np.repeat(np.arange(len(item.groups)), steps_of_groups)
        types = [[weight_type(name) for name in row] for row in item.types]
        kinds = np.array([[found.kind for found in row] for row in types])
        specials = np.array([[found.special for found in row] for row in types])
        columns = np.stack([kinds, specials, item.scales], axis=2)[:, group_of_step].swapaxes(0, 1)
        ends = np.zeros((len(group_of_step), 2), bool)
        ends[np.cumsum(steps_of_groups) - 1, 0] = True
        ends[-1, 1] = True
        return self.layout.pack_rows(
            activations=steps_of(item.activation_codes, lanes),
            exponents=self._exponents(item)[:, group_of_step].T,
            weights=steps_of(self._extended(item, types), lanes),
            columns=columns,
            cycles=np.full(len(group_of_step), item.bits // 2 - 1),
            ends=ends,
        )

    def _exponents(self, item: SerialTileWork) -> Codes:
        """What the tile is given, [rows, groups]: zeros if nothing."""
        from ..golden.bit_serial import group_exponents  # As in ``golden_rows``.

        if item.exponents is not None:
            return item.exponents
        if not self.config.exponents_given:
            return np.zeros((self.config.rows, len(item.groups)), np.uint8)
        return group_exponents(self.config, item.activation_codes, item.groups).astype(np.uint8)

    def _extended(self, item: SerialTileWork, types: list[list[WeightType]]) -> Codes:
        """Codes as they go in: integers sign-extended to ``weight_bits``."""
        mask = (1 << self.config.weight_bits) - 1
        result = item.weight_codes.astype(np.int64)
        ends = np.cumsum(item.groups)
        for col, row in enumerate(types):
            for found, start, end in zip(row, ends - item.groups, ends, strict=True):
                if found.kind is WeightKind.INTEGER:
                    codes = result[col, start:end]
                    result[col, start:end] = (codes - (codes >> (found.bits - 1) << found.bits)) & mask
        return result

    def _cut(self, length: int) -> tuple[int, ...]:
        first = length - length % self.config.lanes
        return (length,) if length <= self.config.group else (first, length - first)

    def _types(self, bits: int) -> list[str]:
        names = [f"INT{bits}", f"INT{bits}_SYM", f"INT{bits - 1}"]
        if bits == 4:
            names += [name for found in FLOATS.values() for name in found.types]
        return names

    def _random(self, rng: np.random.Generator, bits: int, groups: tuple[int, ...], label: str) -> SerialTileWork:
        config, length = self.config, sum(groups)
        names = self._types(bits)
        types = tuple(tuple(names[rng.integers(len(names))] for _ in groups) for _ in range(config.cols))
        codes = np.zeros((config.cols, length), np.uint8)
        for col, row in enumerate(types):
            start = 0
            for name, group in zip(row, groups, strict=True):
                codes[col, start : start + group] = _numbers(name, rng, group)
                start += group
        scales = rng.integers(0, 256, (config.cols, len(groups))).astype(np.uint8)
        activations = self._activations(rng, length)
        work = SerialTileWork(bits, groups, types, codes, activations, scales, label)
        return replace(work, exponents=self._loose(rng, work)) if config.exponents_given else work

    def _loose(self, rng: np.random.Generator, item: SerialTileWork) -> Codes:
        """Exponents a little greater than those of the groups in half of the tiles, now and then one that is too small."""
        top = (1 << self.config.activation_float.exponent_bits) - 1
        if rng.random() < 0.2:  # From one end to the other, which moves sums as far as they can be moved.
            return rng.choice([1, top - 1, top], (self.config.rows, len(item.groups))).astype(np.uint8)
        tight = self._exponents(item).astype(np.int64)
        found = tight + rng.integers(0, 4, tight.shape) * rng.integers(2)
        if rng.random() < 0.1:
            found[rng.integers(len(found)), rng.integers(found.shape[1])] -= int(rng.integers(1, 4))
        return np.clip(found, 0, top).astype(np.uint8)

    def _activations(self, rng: np.random.Generator, length: int) -> Codes:
        config, shape = self.config, (self.config.rows, length)
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

    def _extreme(self, rng: np.random.Generator, bits: int, groups: tuple[int, ...], extreme: str) -> SerialTileWork:
        """All operands at the ends of their ranges, scales at 255: sums as wide as they get."""
        config = self.config
        item = self._random(rng, bits, groups, f"{extreme} operands")
        name = "BITMOD_FP4_EA_NEG" if bits == 4 and extreme == "least" else f"INT{bits}"
        low = 8 if name.startswith("BITMOD") else 1 << (bits - 1)
        high = 7 if name.startswith("BITMOD") else (1 << (bits - 1)) - 1
        places = np.arange(sum(groups))
        pick = {"greatest": places < 0, "least": places >= 0, "alternating": places % 2 == 1}
        weights = np.where(pick.get(extreme, places % _LONG == _SHORT), low, high)
        codes = np.broadcast_to(weights, item.weight_codes.shape).astype(np.uint8)
        if config.is_integer:
            ends = 0x80, 0x7F
        else:
            fmt = config.activation_float
            top = ((1 << fmt.exponent_bits) - 1 << fmt.mantissa_bits) - 1
            ends = top | 1 << (fmt.bits - 1), top
        negative = places % 2 == 1 if extreme == "cancelling" else np.full(len(places), extreme == "least")
        activations = np.where(negative, *ends).astype(item.activation_codes.dtype)
        types = tuple(tuple(name for _ in groups) for _ in range(config.cols))
        return SerialTileWork(
            bits, groups, types, codes, np.broadcast_to(activations, item.activation_codes.shape),
            np.full_like(item.scales, 255), item.label,
        )  # fmt: skip


def _numbers(name: str, rng: np.random.Generator, count: int) -> NDArray[np.uint8]:
    """Random codes of a type that are numbers: a symmetric integer reserves one."""
    fmt = get(name)
    codes = [code for code in range(1 << fmt.bits) if fmt.decode(code).special is None]
    return np.array(codes, np.uint8)[rng.integers(len(codes), size=count)]


def golden_rows(config: BitSerialConfig, item: SerialTileWork) -> list[RowOutput]:
    """The rows of results of a tile by ``bitmill.golden.bit_serial.matmul``."""
    from ..golden import decode  # The bench imports this package in the simulator, where golden is not needed.
    from ..golden.bit_serial import matmul

    values = np.zeros(item.weight_codes.shape, np.int64)
    ends = np.cumsum(item.groups)
    for col, row in enumerate(item.types):
        for name, start, end in zip(row, ends - item.groups, ends, strict=True):
            values[col, start:end] = decode(name, item.weight_codes[col, start:end])
    result = matmul(
        config, values, item.activation_codes, scales=item.scales, groups=item.groups, exponents=item.exponents
    )
    return [
        RowOutput(
            (
                *(int(value) for value in result.value[:, row]),
                int(result.exponent[row]) - config.unit_offset,
            ),
            (bool(result.invalid[row]),),
            result.too_long,
            row == config.rows - 1,
        )
        for row in range(config.rows)
    ]
