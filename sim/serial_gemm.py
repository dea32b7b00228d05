"""A quantized weight matrix times activations through the RTL of a bit-serial tile, every result compared with golden."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..config.bit_serial import BitSerialConfig
from ..formats.block import BLOCKS, CHANNEL_STEP, Block
from ..formats.weight_type import find_weight_type, weight_type
from ..system.errors import BitmillError
from .engine import Engine
from .job import PhaseResult
from .matrix_product import MatrixProduct, check_operands, play_product
from .payload import RowOutput
from .serial_traffic import SerialTileWork, SerialTraffic

if TYPE_CHECKING:
    from ..golden.bit_serial import SerialResult
    from ..golden.weights import QuantizedWeights


@dataclass(frozen=True)
class SerialAccount:
    """Where the cycles of a run went; the parts add up to ``cycles``.

    Attributes
    ----------
    cycles
        From the first step's transfer to the last result's, both included.
    terms
        Cycles in which the terms of a step were multiplied.
    waits
        Cycles between steps in which the next one was not taken or not offered: sums of short groups were being scaled,
        results had not left, or somebody stalled.
    drain
        The rest: from the last term of the last step to the last result's transfer.
    """

    cycles: int
    terms: int
    waits: int
    drain: int


@dataclass(frozen=True, eq=False, kw_only=True)
class SerialGemm(MatrixProduct[BitSerialConfig, SerialAccount]):
    """A run on a bit-serial tile; tiles are of ``cols`` channels and ``rows`` tokens, results without channels' scales.

    Attributes
    ----------
    scheme, group
        What the weights were quantized with.
    weight_cycles
        Cycles that a weight takes.
    output
        float64 ``[M, N]``: the results with the channels' scales.
    """

    result: SerialResult
    scheme: Block
    group: int
    weight_cycles: int
    output: NDArray[np.float64]

    @property
    def ideal_cycles(self) -> float:
        """Products times the cycles of a weight, over the products that the tile works on at a time."""
        return self.products * self.weight_cycles / self.config.macs

    @property
    def busy_cycles(self) -> int:
        """A cycle a term."""
        return self.account.terms

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data, the results left out."""
        return {
            "scheme": self.scheme.name,
            "group": self.group,
            "weight_cycles": self.weight_cycles,
            **super().to_dict(),
        }


def serial_gemm(
    config: BitSerialConfig,
    weights: QuantizedWeights,
    activation_codes: ArrayLike,
    *,
    engine: Engine = "compiled",
    stall: float = 0.0,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
    timeout: float | None = None,
) -> SerialGemm:
    """``output[m, n] = sum over k of weight[m, k] * activation[n, k]`` on the RTL of a tile.

    M is cut into tiles of ``cols``, N of ``rows``, K is streamed whole, group by group; ragged edges are filled up with zeros.

    Parameters
    ----------
    config
        The tile.
    weights
        ``[M, K]`` of a scheme of integers or BitMoD types with integer scales.
    activation_codes
        Codes ``[N, K]`` of the tile's activation format.
    engine, stall, seed, progress, timeout
        As for ``gemm``.

    Raises
    ------
    BitmillError
        If the scheme's types or the shapes do not fit the tile, or a tool is missing or fails.
    SimulationError
        If the RTL differs from golden.
    """
    # The bench imports this package in the simulator, where neither golden nor Amaranth is needed.
    from ..golden.bit_serial import matmul
    from ..golden.weights.quantize import integer_steps

    scheme, (channels, length) = weights.scheme, weights.shape
    activations = np.asarray(activation_codes)
    check_fit(config, scheme, weights.group, weights.shape, activations.shape)
    groups = (weights.group,) * (length // weights.group)
    group_scales, selectors = weights.group_scales, weights.selectors
    assert group_scales is not None, "the schemes of a tile have scales of groups"
    selectors = np.zeros(group_scales.shape, np.uint8) if selectors is None else selectors
    result = matmul(config, integer_steps(weights), activations, scales=group_scales, groups=groups)
    work, rows = [], []
    cycles = weight_type(scheme.elements[0]).cycles
    for first in range(0, channels, config.cols):
        part = slice(first, first + config.cols)
        names = [[scheme.elements[choice] for choice in row] for row in selectors[part]]
        names += [[scheme.elements[0]] * len(groups)] * (config.cols - len(names))
        types = tuple(map(tuple, names))
        codes, scales = _filled(weights.codes[part], config.cols), _filled(group_scales[part], config.cols)
        for token in range(0, len(activations), config.rows):
            tokens = slice(token, token + config.rows)
            work.append(
                SerialTileWork(
                    2 * cycles, groups, types, codes, _filled(activations[tokens], config.rows), scales, "tile"
                )
            )
            rows += _expected(config, result, part, tokens)
    traffic = SerialTraffic(config)
    played = play_product(
        config, traffic.layout, traffic.inputs(work), [traffic.layout.pack_row(row) for row in rows],
        engine=engine, stall=stall, seed=seed, progress=progress, timeout=timeout,
    )  # fmt: skip
    channel = np.ones(channels) if weights.channel_scales is None else weights.channel_scales.astype(np.float64)
    return SerialGemm(
        config=config,
        engine=engine,
        shape=(channels, len(activations), length),
        tiles=len(work),
        result=result,
        account=_account(played.phases[0], len(work) * -(-length // config.lanes), cycles),
        seconds=played.seconds,
        scheme=scheme,
        group=weights.group,
        weight_cycles=cycles,
        output=result.to_float() * channel[:, None] / CHANNEL_STEP,
    )


def accepted_schemes(config: BitSerialConfig) -> tuple[str, ...]:
    """Names of the schemes that a tile takes: of types that it has terms for, no wider than its weights, scaled by integers."""
    return tuple(name for name, scheme in BLOCKS.items() if _is_accepted(config, scheme))


def _is_accepted(config: BitSerialConfig, scheme: Block) -> bool:
    integers = scheme.scale is not None and scheme.channel is not None
    plain = integers and not scheme.zero_point and scheme.outlier is None
    types = [find_weight_type(name) for name in scheme.elements]
    return plain and all(found is not None and found.bits <= config.weight_bits for found in types)


def check_fit(
    config: BitSerialConfig, scheme: Block, group: int, weights: tuple[int, ...], activations: tuple[int, ...]
) -> None:
    """Refuse what cannot be run: ``weights`` [M, K] in groups of a scheme and ``activations`` [N, K] on the tile.

    Raises
    ------
    BitmillError
        If the scheme or the group does not fit the tile, the group does not divide K, or a shape is wrong.
    """
    if not _is_accepted(config, scheme):
        raise BitmillError(
            f"scheme must be one of {', '.join(accepted_schemes(config))} for a bit-serial tile of {config.weight_bits}-bit "
            f"weights, not {scheme.name!r}"
        )
    if not config.lanes <= group <= config.group or group % config.lanes:
        raise BitmillError(
            f"group must be at most {config.group} and a multiple of lanes = {config.lanes}, not {group}"
        )
    check_operands(weights, activations, k_max=config.k_max)
    if weights[1] % group:
        raise BitmillError(f"group must divide K = {weights[1]}, not {group}")


def _account(counts: PhaseResult, steps: int, cycles: int) -> SerialAccount:
    """``steps`` of so many ``cycles`` each; until the last is taken, every cycle is a transfer, a stall or a gap."""
    until_last = counts.beats + counts.input_stalls + counts.input_gaps
    waits = until_last - 1 - (steps - 1) * cycles
    return SerialAccount(
        cycles=counts.cycles,
        terms=steps * cycles,
        waits=waits,
        drain=counts.cycles - steps * cycles - waits,
    )


def _filled(part: NDArray[np.integer], count: int) -> NDArray[np.integer]:
    """Rows of zeros after the last one, up to ``count``."""
    return np.pad(part, ((0, count - len(part)), (0, 0)))


def _expected(config: BitSerialConfig, result: SerialResult, channels: slice, tokens: slice) -> list[RowOutput]:
    """One tile's rows of results; those of filled-up rows are zeros under the exponent of zeros."""
    values = np.zeros((config.rows, config.cols), np.int64)
    found = result.value[channels, tokens].T
    values[: found.shape[0], : found.shape[1]] = found
    exponents = np.full(config.rows, 0 if config.is_integer else 1)
    exponents[: found.shape[0]] = result.exponent[tokens] - config.unit_offset
    invalid = np.zeros(config.rows, bool)
    invalid[: found.shape[0]] = result.invalid[tokens]
    return [
        RowOutput(
            (*map(int, values[row]), int(exponents[row])),
            (bool(invalid[row]),),
            result.too_long,
            row == config.rows - 1,
        )
        for row in range(config.rows)
    ]
