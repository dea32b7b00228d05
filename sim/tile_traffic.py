"""The traffic of an array: tiles of row and column vectors in, rows of results out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..config import MacConfig
from ..system.errors import BitmillError
from .array_payload import ArrayPayload
from .dot_traffic import ends
from .payload import Codes, RowOutput
from .rows import PayloadRows
from .scaled_stimulus import Scales, blocks_of, codes_of_steps, scaled_stimuli
from .stimulus import DotProduct, idle_codes_of, random_codes, stimuli, whole_length
from .traffic import Traffic

_AIMED = 5
"""One dot product in so many of those that are aimed at scales is taken."""
_SPREAD = 3
"""One corner in so many goes to every PE of the array, the others to one PE among random neighbours."""


@dataclass(frozen=True)
class Tile:
    """Weight codes [rows, K] and activation codes [cols, K] of one tile, K at least 1, and what it is for.

    ``weight_scales`` [rows, blocks] and ``activation_scales`` [cols, blocks] are their scales' codes, for units that have them.
    """

    weight_codes: Codes
    activation_codes: Codes
    label: str
    weight_scales: Codes | None = None
    activation_scales: Codes | None = None

    @property
    def scales(self) -> tuple[Codes, Codes] | None:
        """Both; None where there are none."""
        found = self.weight_scales, self.activation_scales
        return None if found[0] is None or found[1] is None else (found[0], found[1])

    def __len__(self) -> int:
        return self.weight_codes.shape[1]


class TileTraffic(Traffic[MacConfig, ArrayPayload, Tile]):
    """Work items are ``Tile``.

    Parameters
    ----------
    config
        The unit, an ``array``.
    """

    def __init__(self, config: MacConfig) -> None:
        self.config = config
        self.layout = ArrayPayload.of(config)
        self._drawn: Scales | None = None

    def stimuli(self, rng: np.random.Generator, *, count: int, corner_steps: int) -> list[Tile]:
        """The directed corners of one PE, each in every PE or in a random one, lengths around ``rows``, random tiles."""
        rows, cols, lanes = self.config.rows, self.config.cols, self.config.lanes
        corners = stimuli(self.config, rng, count=count, corner_steps=corner_steps)
        scale, fmt = self.config.scale_format, self.config.accumulator_format
        if scale is not None and fmt is not None:
            self._drawn = Scales(self.config, scale, fmt, rng)
            scaled = scaled_stimuli(self.config, corners, rng)
            # What is aimed at scales, every PE has the same circuit for: a few of them for an array.
            corners = [*scaled[: len(corners)], *scaled[len(corners) :: _AIMED]]
        tiles = [self._around(item, rng, everywhere=index % _SPREAD == 0) for index, item in enumerate(corners)]
        lengths = {
            1,
            rows - 1,
            rows,
            rows + 1,
            cols,
            rows + cols,
            (rows - 1) * lanes + 1,
            rows * lanes,
            rows * lanes + 1,
        }
        for length in sorted(length for length in lengths if 1 <= length <= self.config.padded_k_max):
            # Twice each, so that tiles of every such length meet back to back.
            tiles += [self._random(rng, length, f"length {length}") for _ in range(2)]
        return tiles

    def given(
        self, weight_codes: Codes, activation_codes: Codes, scales: tuple[Codes, Codes] | None = None
    ) -> list[Tile]:
        """One work item for each tile of codes [n, rows, K] and [n, cols, K].

        Raises
        ------
        BitmillError
            If the shapes do not fit the array or one another, or are empty, or scales are missing or not wanted.
        """
        config = self.config
        weights, activations = np.asarray(weight_codes), np.asarray(activation_codes)
        fits = weights.ndim == activations.ndim == 3 and weights.size and activations.size
        wanted = (len(weights), config.rows, weights.shape[-1]), (len(weights), config.cols, weights.shape[-1])
        if not fits or (weights.shape, activations.shape) != wanted:
            raise BitmillError(
                f"codes must have the shapes [n, rows = {config.rows}, K] and [n, cols = {config.cols}, K], not "
                f"{list(weights.shape)} and {list(activations.shape)}"
            )
        if (scales is None) == (config.scale_format is not None):
            stated = "left out" if scales is not None else "given"
            raise BitmillError(f"scales must be {stated} for a unit of scale {config.scale!r}, not {scales!r}")
        if scales is None:
            return [Tile(w, a, "given") for w, a in zip(weights, activations, strict=True)]
        checked = [np.asarray(codes) for codes in scales]
        shapes = [(*shape[:2], blocks_of(config, shape[2])) for shape in wanted]
        if [codes.shape for codes in checked] != shapes:
            found = " and ".join(str(list(codes.shape)) for codes in checked)
            raise BitmillError(
                f"scales must have the shapes [n, rows, blocks] = {list(shapes[0])} and [n, cols, blocks] = "
                f"{list(shapes[1])}, not {found}"
            )
        return [Tile(w, a, "given", s, t) for w, a, s, t in zip(weights, activations, *checked, strict=True)]

    def steps(self, item: Tile) -> int:
        """Steps of ``lanes`` products, the last one filled up."""
        return -(-len(item) // self.config.lanes)

    def products(self, work: Sequence[Tile]) -> int:
        """Products that the results are made of, without padding."""
        return self.config.pes * sum(len(item) for item in work)

    def results(self, work: Sequence[Tile]) -> int:
        """Results that are compared."""
        return self.config.pes * len(work)

    def inputs(self, work: Sequence[Tile]) -> PayloadRows:
        """Input payloads of tiles one after the other."""
        config = self.config
        zeros = idle_codes_of(config)
        weights = [steps_of(item.weight_codes, config.lanes, zeros[0]) for item in work]
        activations = [steps_of(item.activation_codes, config.lanes, zeros[1]) for item in work]
        last = ends([len(steps) for steps in weights])
        scales = [self._scales(item) for item in work if item.scales is not None]
        joined = (np.concatenate([s for s, _ in scales]), np.concatenate([t for _, t in scales])) if scales else None
        return self.layout.pack_rows(np.concatenate(weights), np.concatenate(activations), last, joined)

    def _scales(self, item: Tile) -> tuple[Codes, Codes]:
        """The codes of a tile's steps, [steps, rows] and [steps, cols]."""
        assert item.scales is not None
        weight, activation = (codes_of_steps(self.config, codes, self.steps(item)).T for codes in item.scales)
        return weight, activation

    def expected(self, work: Sequence[Tile]) -> list[list[int]]:
        """Output payloads of each tile by golden: ``rows`` each."""
        return [[self.layout.pack_row(row) for row in golden_rows(self.config, item)] for item in work]

    def _around(self, item: DotProduct, rng: np.random.Generator, *, everywhere: bool) -> Tile:
        tile = self._random(rng, len(item), item.label)
        row = slice(None) if everywhere else int(rng.integers(self.config.rows))
        col = slice(None) if everywhere else int(rng.integers(self.config.cols))
        tile.weight_codes[row] = item.weight_codes
        tile.activation_codes[col] = item.activation_codes
        if tile.scales is not None and item.weight_scales is not None and item.activation_scales is not None:
            tile.scales[0][row] = item.weight_scales
            tile.scales[1][col] = item.activation_scales
        return tile

    def _random(self, rng: np.random.Generator, length: int, label: str) -> Tile:
        config, length = self.config, whole_length(self.config, length)

        def codes(count: int, fmt_name: str) -> Codes:
            fmt = config.weight_format if fmt_name == "weight" else config.activation_format
            return random_codes(fmt, rng, count * length, finite=True).reshape(count, length)

        weights, activations = codes(config.rows, "weight"), codes(config.cols, "activation")
        if self._drawn is None:
            return Tile(weights, activations, label)
        drawn = self._drawn
        return Tile(weights, activations, label, drawn.random(config.rows, length), drawn.random(config.cols, length))


def steps_of(codes: Codes, lanes: int, zero: int = 0) -> Codes:
    """Codes [vectors, K] as steps [ceil(K / lanes), vectors * lanes], the last one filled up with ``zero``."""
    vectors, length = codes.shape
    padded = np.pad(codes, ((0, 0), (0, -length % lanes)), constant_values=zero)
    return padded.reshape(vectors, -1, lanes).swapaxes(0, 1).reshape(-1, vectors * lanes)


def golden_rows(config: MacConfig, tile: Tile) -> Iterator[RowOutput]:
    """The rows of results of a tile by golden."""
    from ..golden.families import GOLDEN  # The bench imports this package in the simulator, where golden is not needed.

    result = GOLDEN.of(config)(
        config, tile.weight_codes, tile.activation_codes,
        weight_scales=tile.weight_scales, activation_scales=tile.activation_scales,
    )  # fmt: skip
    for row in range(config.rows):
        yield RowOutput(
            tuple(int(value) for value in result.value[row]),
            tuple(bool(flag) for flag in result.invalid[row]),
            bool(result.too_long[row, 0]),
            row == config.rows - 1,
            None if result.saturated is None else tuple(bool(flag) for flag in result.saturated[row]),
        )
