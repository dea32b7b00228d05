"""The traffic of a bit-serial tile: tiles of mixed data types in, rows of results out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ..config.bit_serial import BitSerialConfig
from ..formats.weight_type import WeightType, weight_type
from ..system.errors import BitmillError
from .payload import Codes, RowOutput
from .rows import PayloadRows
from .serial_payload import SerialPayload
from .serial_stimulus import (
    DEFAULT_SPECIALS,
    DEFAULTS_LABEL,
    SerialStimulus,
    SerialTileWork,
    given_exponents,
    special_code,
    special_place,
)
from .tile_traffic import steps_of
from .traffic import Traffic

__all__ = ["SerialTileWork", "SerialTraffic", "golden_rows"]


class SerialTraffic(Traffic[BitSerialConfig, SerialPayload, SerialTileWork]):
    """Work items are ``SerialTileWork``.

    Parameters
    ----------
    config
        The tile.
    """

    def __init__(self, config: BitSerialConfig) -> None:
        self.config = config
        self.layout = SerialPayload.of(config)
        self.cycles_per_input = config.term_cycles

    def stimuli(self, rng: np.random.Generator, *, count: int, corner_steps: int) -> list[SerialTileWork]:
        """Directed corners, then ``count`` random tiles; see ``SerialStimulus``."""
        return SerialStimulus(self.config, rng, corner_steps).work(count)

    def closed(self, work: Sequence[SerialTileWork], chosen: Sequence[int], *, fresh: bool = False) -> list[int]:
        """``chosen`` with a tile of BitMoD's own special values at the end, which leaves them as they are after a reset.

        If none of the chosen ones is such a tile, the shortest one is added. ``fresh``, for traffic that is reset in the middle:
        first comes a tile that shows the values of reset, then one that writes others.
        """
        first: list[int] = []
        if fresh:
            shown = next(index for index, item in enumerate(work) if item.label == DEFAULTS_LABEL)
            writing = [index for index, item in enumerate(work) if item.specials is not None]
            first = [shown, min(writing, key=lambda index: len(work[index]))]
        own = [index for index in chosen if work[index].specials is None and index not in first]
        if not own:
            own = [index for index, item in enumerate(work) if item.specials is None]
            own = [min(own, key=lambda index: len(work[index]))]
        return [*first, *(index for index in chosen if index not in (*first, own[-1])), own[-1]]

    def steps(self, item: SerialTileWork) -> int:
        """Steps of ``lanes`` products, the last one filled up."""
        return -(-len(item) // self.config.lanes)

    def given(
        self, weight_codes: Codes, activation_codes: Codes, scales: tuple[Codes, Codes] | None = None
    ) -> list[SerialTileWork]:
        """Not for tiles, whose weights have types and scales as well; see ``sim.serial_gemm``."""
        raise BitmillError("codes must be given as a quantized matrix for a bit-serial tile, not as plain arrays")

    def products(self, work: Sequence[SerialTileWork]) -> int:
        """Products that the results are made of, without padding."""
        return self.config.rows * self.config.cols * sum(len(item) for item in work)

    def results(self, work: Sequence[SerialTileWork]) -> int:
        """Results that are compared."""
        return self.config.rows * self.config.cols * len(work)

    def inputs(self, work: Sequence[SerialTileWork]) -> PayloadRows:
        """Input payloads of tiles one after the other, for a tile whose special values are as after a reset.

        A special value that is not there yet is written right before the group that needs it.
        """
        rows: list[NDArray[np.uint8]] = []
        held = list(DEFAULT_SPECIALS)
        for item in work:
            steps = self._steps(item).rows
            starts = np.cumsum([0, *(-(-group // self.config.lanes) for group in item.groups)])
            for index, wanted in enumerate(item.specials or (DEFAULT_SPECIALS,) * len(item.groups)):
                changed = [(place, value) for place, value in enumerate(wanted) if value != held[place]]
                if changed:
                    rows.append(self.layout.pack_writes(changed).rows)
                    held = list(wanted)
                rows.append(steps[starts[index] : starts[index + 1]])
        return PayloadRows(np.concatenate(rows))

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
            exponents=given_exponents(self.config, item)[:, group_of_step].T,
            weights=steps_of(self._extended(item, types), lanes),
            columns=columns,
            cycles=np.full(len(group_of_step), item.bits // 2 - 1),
            ends=ends,
        )

    def _extended(self, item: SerialTileWork, types: list[list[WeightType]]) -> Codes:
        """Codes as they go in: integers sign-extended to ``weight_bits``."""
        mask = (1 << self.config.weight_bits) - 1
        result = item.weight_codes.astype(np.int64)
        ends = np.cumsum(item.groups)
        for col, row in enumerate(types):
            for found, start, end in zip(row, ends - item.groups, ends, strict=True):
                if found.is_integer:
                    codes = result[col, start:end]
                    result[col, start:end] = (codes - (codes >> (found.bits - 1) << found.bits)) & mask
        return result


def golden_rows(config: BitSerialConfig, item: SerialTileWork) -> list[RowOutput]:
    """The rows of results of a tile by golden."""
    from ..golden import decode  # The bench imports this package in the simulator, where golden is not needed.
    from ..golden.families import GOLDEN

    values = np.zeros(item.weight_codes.shape, np.int64)
    for col, group, name, part in _parts(item):
        codes = item.weight_codes[col, part]
        values[col, part] = decode(name, codes)
        place = special_place(name)
        if item.specials is not None and place is not None:
            values[col, part] = np.where(codes == special_code(name), item.specials[group][place], values[col, part])
    result = GOLDEN.of(config)(
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


def _parts(item: SerialTileWork) -> Iterator[tuple[int, int, str, slice]]:
    """Column, group, type and where its codes are, of every group of every column."""
    ends = np.cumsum(item.groups)
    for col, row in enumerate(item.types):
        for group, (name, end) in enumerate(zip(row, ends, strict=True)):
            yield col, group, name, slice(int(end) - item.groups[group], int(end))
