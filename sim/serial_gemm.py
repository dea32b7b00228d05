"""A quantized weight matrix times activations through the RTL of a bit-serial tile, every result compared with golden."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..bit_serial import BitSerialConfig
from ..errors import BitmillError
from .engine import Engine, play
from .job import Job, Phase
from .pattern import BACK_TO_BACK
from .payload import RowOutput
from .serial_traffic import SerialTileWork, SerialTraffic

if TYPE_CHECKING:
    from ..golden.bit_serial import SerialResult
    from ..golden.weights import QuantizedWeights

TOP = "bitmill_top"


@dataclass(frozen=True, eq=False)
class SerialGemm:
    """A product that the RTL computed bit for bit as golden does.

    Attributes
    ----------
    config, engine
        What ran where.
    shape
        ``(M, N, K)``: output channels, tokens, inputs.
    tiles
        Tiles of ``cols`` channels and ``rows`` tokens.
    result
        Golden's ``[M, N]``, which are the RTL's, without the channels' scales.
    output
        float64 ``[M, N]``: the same with them.
    cycles, ideal_cycles
        From the first step to the last result; and ``tiles * ceil(K / lanes) * ceil(bits / 2)``.
    seconds
        Wall time of the simulation, compilation included.
    """

    config: BitSerialConfig
    engine: Engine
    shape: tuple[int, int, int]
    tiles: int
    result: SerialResult
    output: NDArray[np.float64]
    cycles: int
    ideal_cycles: int
    seconds: float

    @property
    def utilisation(self) -> float:
        """``ideal_cycles / cycles``."""
        return self.ideal_cycles / self.cycles


def serial_gemm(
    config: BitSerialConfig,
    weights: QuantizedWeights,
    activation_codes: ArrayLike,
    *,
    engine: Engine = "compiled",
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
    engine, progress, timeout
        As for ``engine.play``.

    Raises
    ------
    BitmillError
        If the scheme's types or the shapes do not fit the tile, or a tool is missing or fails.
    SimulationError
        If the RTL differs from golden.
    """
    # The bench imports this package in the simulator, where neither golden nor Amaranth is needed.
    from ..golden.bit_serial import matmul
    from ..golden.parts import value_table
    from ..hdl import verilog

    scheme, (channels, length) = weights.scheme, weights.shape
    activations = np.asarray(activation_codes)
    _check(config, weights, activations)
    groups = (weights.group,) * (length // weights.group)
    selectors = np.zeros(weights.group_scales.shape, np.uint8) if weights.selectors is None else weights.selectors
    # Codes that integers reserve do not occur.
    tables = np.nan_to_num(np.stack([value_table(fmt) for fmt in scheme.formats])).astype(np.int64)
    values = tables[selectors[:, :, None], weights.codes.reshape(channels, len(groups), weights.group)]
    result = matmul(config, values.reshape(channels, length), activations, scales=weights.group_scales, groups=groups)
    work, rows = [], []
    width = scheme.bits + scheme.bits % 2
    for first in range(0, channels, config.cols):
        part = slice(first, first + config.cols)
        names = [[scheme.elements[choice] for choice in row] for row in selectors[part]]
        names += [[scheme.elements[0]] * len(groups)] * (config.cols - len(names))
        types = tuple(map(tuple, names))
        codes, scales = _filled(weights.codes[part], config.cols), _filled(weights.group_scales[part], config.cols)
        for token in range(0, len(activations), config.rows):
            tokens = slice(token, token + config.rows)
            work.append(
                SerialTileWork(width, groups, types, codes, _filled(activations[tokens], config.rows), scales, "tile")
            )
            rows += _expected(config, result, part, tokens)
    traffic = SerialTraffic(config)
    phase = Phase(
        "gemm", traffic.inputs(work), [traffic.layout.pack_row(row) for row in rows], BACK_TO_BACK, BACK_TO_BACK
    )
    job = Job(traffic.layout.input_bits, traffic.layout.output_bits, (phase,))
    played = play(verilog.emit(config), TOP, job, engine=engine, progress=progress, timeout=timeout)
    channel = np.ones(channels) if weights.channel_scales is None else weights.channel_scales.astype(np.float64)
    return SerialGemm(
        config, engine, (channels, len(activations), length), len(work), result,
        result.to_float() * channel[:, None] / 256, played.phases[0].cycles,
        len(work) * -(-length // config.lanes) * (width // 2), played.seconds,
    )  # fmt: skip


def _check(config: BitSerialConfig, weights: QuantizedWeights, activations: NDArray[np.integer]) -> None:
    scheme = weights.scheme
    known = all(name.startswith(("INT", "BITMOD_FP")) for name in scheme.elements)
    if not known or scheme.scale != "integer" or scheme.zero_point or scheme.outlier:
        raise BitmillError(f"scheme must be of integers or BitMoD types with integer scales, not {scheme.name!r}")
    if scheme.bits > config.weight_bits:
        raise BitmillError(f"scheme must have weights of at most {config.weight_bits} bits, not {scheme.name!r}")
    if weights.group > config.group or weights.group % config.lanes:
        raise BitmillError(
            f"group must be at most {config.group} and a multiple of lanes = {config.lanes}, not {weights.group}"
        )
    if activations.ndim != 2 or activations.shape[1] != weights.shape[1] or not activations.size:
        raise BitmillError(f"activations must be [N, K = {weights.shape[1]}], not of shape {list(activations.shape)}")


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
