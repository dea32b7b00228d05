"""What a block quantizer gives for one block: codes, the scale, and what was lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...config.block_quantizer import TENSOR_SCALE, BlockQuantizerConfig
from ...system.errors import BitmillError
from ..blocks import quantize_blocks
from ..codec import decode


@dataclass(frozen=True)
class BlockCodes:
    """A quantized block.

    Attributes
    ----------
    codes
        Of the block's element format; all 0 where ``invalid``.
    scale
        Code of the block's scale; NaN where ``invalid``.
    invalid
        A number was NaN or infinite, or the tensor's scale was no positive normal number.
    saturated
        A number was beyond the greatest element and took its code.
    flushed
        A number that was not zero took the code of zero.
    """

    codes: tuple[int, ...]
    scale: int
    invalid: bool
    saturated: bool
    flushed: bool


def quantize_block(config: BlockQuantizerConfig, numbers: ArrayLike, tensor_scale: int = 0) -> BlockCodes:
    """What the unit gives for codes ``[lanes]`` of the source's format: ``golden.blocks.quantize_blocks`` of their numbers.

    Parameters
    ----------
    config
        The unit.
    numbers
        Codes ``[lanes]`` of ``config.source``.
    tensor_scale
        FP32 code of the tensor's scale, for blocks that have one.

    Raises
    ------
    BitmillError
        If the shape is another one or a code does not fit the source's format.

    Source: see ``golden.blocks.quantize_blocks``. That a tensor's scale which is no positive normal number makes a block NaN is
    defined here; ``tensor_scale_of`` never gives one.
    """
    codes = np.asarray(numbers)
    if codes.shape != (config.lanes,):
        raise BitmillError(f"numbers must have the shape [{config.lanes}], not {list(codes.shape)}")
    x = decode(config.source_format, codes)
    outer = 1.0
    if config.tensor_scale_bits:
        outer = float(decode(TENSOR_SCALE, tensor_scale))
        if not np.finfo(np.float32).tiny <= outer < np.inf:
            x, outer = np.full(x.shape, np.nan), 1.0
    found = quantize_blocks(config.row, x, group=config.lanes, tensor_scale=outer)
    if not np.isfinite(x).all():
        return BlockCodes((0,) * config.lanes, int(found.scales[0]), True, False, False)
    lost = found.losses(x)
    return BlockCodes(
        codes=tuple(found.codes.tolist()),
        scale=int(found.scales[0]),
        invalid=False,
        saturated=bool(lost.saturated + lost.clipped),
        flushed=bool(lost.flushed),
    )


def block_codes(config: BlockQuantizerConfig, steps: Mapping[str, NDArray[np.int64]]) -> dict[str, Any]:
    """``quantize_block`` of a unit's one step, ``numbers`` int64 ``[1, lanes]`` and ``tensor_scale`` int64 ``[1]``, by field."""
    outer = int(steps["tensor_scale"][0]) if config.tensor_scale_bits else 0
    return asdict(quantize_block(config, steps["numbers"][0], outer))
