"""A whole matrix product through the RTL of an array, tile by tile, compared with golden, its cycles accounted for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..config import MacConfig
from ..config.checks import check_unit
from ..system.errors import BitmillError
from .engine import Engine
from .job import PhaseResult
from .matrix_product import MatrixProduct, check_operands, play_product
from .stimulus import idle_codes_of
from .tile_traffic import Tile, TileTraffic

if TYPE_CHECKING:
    from ..golden import Result


@dataclass(frozen=True)
class CycleAccount:
    """Where the cycles of a run went; the parts add up to ``cycles``.

    Attributes
    ----------
    cycles
        From the first step's transfer to the last result's, both included.
    steps
        Cycles in which a step was taken: one a lane-wide slice of K and tile.
    short_tiles
        Cycles in which tiles of fewer steps than ``rows`` waited for the results of the one before to leave.
    stalls
        Other cycles in which a step was offered and not taken, because nobody took the results.
    gaps
        Cycles in which no step was offered though there were more.
    fill
        Cycles that the last step needs to reach the last PE's accumulator: the skew of rows and columns and the pipeline.
    drain
        The rest: from there to the last result's transfer.
    """

    cycles: int
    steps: int
    short_tiles: int
    stalls: int
    gaps: int
    fill: int
    drain: int


@dataclass(frozen=True, eq=False, kw_only=True)
class Gemm(MatrixProduct[MacConfig, CycleAccount]):
    """A run on an array; tiles are of ``rows`` x ``cols`` results."""

    result: Result

    @property
    def ideal_cycles(self) -> float:
        """Products over products a cycle: what an array of this size needs at the least."""
        return self.products / self.config.macs

    @property
    def busy_cycles(self) -> int:
        """A cycle a step."""
        return self.account.steps

    @property
    def saturated_results(self) -> int | None:
        """Results whose accumulator was clamped, wrapped or overflowed; None where the unit does not say."""
        return None if self.result.saturated is None else int(self.result.saturated.sum())

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data, the results left out; ``saturated_results`` where the unit says."""
        flagged = {} if self.saturated_results is None else {"saturated_results": self.saturated_results}
        return {**super().to_dict(), **flagged}


def gemm(
    config: MacConfig,
    weight_codes: ArrayLike,
    activation_codes: ArrayLike,
    *,
    scales: tuple[ArrayLike, ArrayLike] | None = None,
    engine: Engine = "compiled",
    stall: float = 0.0,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
    timeout: float | None = None,
) -> Gemm:
    """``value[m, n] = sum(weight[m, k] * activation[n, k])`` on the RTL of an array; every result compared with golden.

    M is cut into tiles of ``rows``, N of ``cols``, K is streamed whole; ragged edges are filled up with zeros. Tiles come
    row of tiles by row of tiles.

    Parameters
    ----------
    config
        An ``array``.
    weight_codes, activation_codes
        Codes [M, K] and [N, K].
    scales
        Codes of the scales of weights [M, blocks] and activations [N, blocks], for units that have them.
    engine
        ``compiled`` (CXXRTL) or ``cocotb`` (Icarus Verilog).
    stall
        Probability of a stall in each cycle, on both streams.
    seed
        Of the stalls.
    progress
        Called with the steps that were taken and the steps in all, now and then.
    timeout
        Seconds after which the simulation is ended.

    Raises
    ------
    BitmillError
        If the unit is no array, a shape or a code is wrong, K is 0 or more than ``k_max``, or a tool is missing or fails.
    SimulationError
        If the RTL differs from golden.
    """
    from .. import golden  # The bench imports this package in the simulator, where golden is not needed.
    from ..hdl import build  # Nor is Amaranth.

    weights, activations = _matrix(weight_codes, "weights"), _matrix(activation_codes, "activations")
    check_shapes(config, weights.shape, activations.shape)
    length = weights.shape[1]
    of_scales = None if scales is None else (np.asarray(scales[0]), np.asarray(scales[1]))
    named = {} if of_scales is None else dict(zip(("weight_scales", "activation_scales"), of_scales, strict=True))
    result = golden.matmul(config, weights, activations, **named)
    traffic = TileTraffic(config)
    tiles = list(_tiles(config, weights, activations, of_scales))
    expected = [payload for tile in traffic.expected(tiles) for payload in tile]
    played = play_product(
        config, traffic.layout, traffic.inputs(tiles), expected,
        engine=engine, stall=stall, seed=seed, progress=progress, timeout=timeout,
    )  # fmt: skip
    unit = build(config)
    return Gemm(
        config=config,
        engine=engine,
        shape=(len(weights), len(activations), length),
        tiles=len(tiles),
        result=result,
        account=_account(played.phases[0], len(tiles), -(-length // config.lanes), config.rows, unit.FILL),
        seconds=played.seconds,
    )


def check_shapes(config: MacConfig, weights: tuple[int, ...], activations: tuple[int, ...]) -> None:
    """Refuse what cannot be run: ``weights`` [M, K] and ``activations`` [N, K] on the unit of ``config``.

    Raises
    ------
    BitmillError
        If the unit is no array, a shape is no [rows, K] or has a 0, or K differs or is more than ``k_max``.
    """
    check_unit(config, "array", "to run a matrix product")
    check_operands(weights, activations, k_max=config.k_max)
    if config.idle_codes is None and weights[1] % config.lanes:
        raise BitmillError(
            f"K must be a multiple of lanes = {config.lanes} for {config.weight} x {config.activation}, none of whose products "
            f"is 0, not {weights[1]}"
        )


def _matrix(codes: ArrayLike, name: str) -> NDArray[Any]:
    array = np.asarray(codes)
    if array.dtype.kind not in "ui":
        raise BitmillError(f"{name} must be integer codes, not {array.dtype}")
    return array


def _tiles(
    config: MacConfig,
    weights: NDArray[Any],
    activations: NDArray[Any],
    scales: tuple[NDArray[Any], NDArray[Any]] | None,
) -> Iterator[Tile]:
    # Results of rows and columns that are not there are left out, whatever they are of.
    idle = idle_codes_of(config)
    weights = np.pad(weights, ((0, -len(weights) % config.rows), (0, 0)), constant_values=idle[0])
    activations = np.pad(activations, ((0, -len(activations) % config.cols), (0, 0)), constant_values=idle[1])
    for top in range(0, len(weights), config.rows):
        for left in range(0, len(activations), config.cols):
            rows, cols = slice(top, top + config.rows), slice(left, left + config.cols)
            of_tile = (
                () if scales is None else (_filled(scales[0][rows], config.rows), _filled(scales[1][cols], config.cols))
            )
            yield Tile(weights[rows], activations[cols], f"rows {top}, columns {left}", *of_tile)


def _filled(codes: NDArray[Any], count: int) -> NDArray[Any]:
    """Rows of codes, filled up with codes of 0, whatever these are."""
    return np.pad(codes, ((0, count - len(codes)), (0, 0)))


def _account(counts: PhaseResult, tiles: int, steps: int, rows: int, fill: int) -> CycleAccount:
    short = (tiles - 1) * max(0, rows - steps) if not counts.output_stalls else 0
    rest = counts.cycles - counts.beats - counts.input_stalls - counts.input_gaps
    return CycleAccount(
        cycles=counts.cycles,
        steps=counts.beats,
        short_tiles=min(short, counts.input_stalls),
        stalls=counts.input_stalls - min(short, counts.input_stalls),
        gaps=counts.input_gaps,
        fill=min(fill, rest),
        drain=rest - min(fill, rest),
    )
