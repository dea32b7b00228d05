"""Real weights to codes and scales, scheme by scheme, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...formats.block import Block, get_block
from ...system.errors import BitmillError
from ..parts import value_table
from .job import Job
from .methods import method_of
from .quantized import QuantizedWeights


def quantize_weights(
    scheme: Block | str,
    weights: ArrayLike,
    *,
    group: int | None = None,
    name: str = "weights",
    saturate: bool = False,
    channel: NDArray[np.float16] | None = None,
    tensor: Any = None,
) -> QuantizedWeights:
    """Quantize a weight matrix in groups along its last axis.

    Every element format of the scheme is tried on every group, with the scale ``s = max|w| / max|values|`` as the 8-bit
    integer and the channel's FP16 number give it; codes are those nearest to ``float32(w) / float32(s)``; the format with the
    least sum of squared errors is kept, the first of equals. (BitMoD, HPCA 2025, section III.) Otherwise:

    - zero point: ``s = (max(w, 0) - min(w, 0)) / (2**bits - 1)``, ``z = round(-min(w, 0) / s)``,
      codes ``round(w / s) + z``, all clipped to ``0 .. 2**bits - 1``;
    - scales of groups alone, powers of two and E4M3 under a tensor's scale: see ``golden.blocks.quantize_blocks``;
    - no scales of groups: the channel's is the least FP16 number that is no less than ``max|w| / max|values|``;
    - outliers: see ``olive``.

    A group of zeros has codes 0 and, where they are integers, scale 0; a channel of zeros has scale 0. Both are exact.

    Parameters
    ----------
    scheme
        A scheme or its name.
    weights
        ``[out, K]``, any floating dtype; taken as float32.
    group
        Weights per group, the scheme's own if left out; any divisor of K; a whole row where the scheme has no scales of groups.
    name
        What to call the weights in errors.
    saturate
        Clip weights whose scale would overflow FP16, instead of refusing them; ``losses`` counts them.
    channel
        float16 ``[out]``: scales of the output channels, where ``weights`` are a piece of longer rows.
    tensor
        What was found of the whole tensor, such as its scale, where ``weights`` are a piece of it.

    Raises
    ------
    BitmillError
        If the weights are not a matrix, hold NaN or Inf, the group does not divide K, or scales overflow and must not.
    """
    scheme = get_block(scheme) if isinstance(scheme, str) else scheme
    matrix = checked_weights(weights, name)
    length = matrix.shape[1]
    check_row_scales(scheme, group if group != length else None)
    size = scheme.group_of(length) if group is None else group
    if size < 1 or length % size or (scheme.outlier and size % 2):
        even = "even and " if scheme.outlier else ""
        raise BitmillError(f"group must be {even}a divisor of the {length} weights of a row of {name}, not {size!r}")
    if tensor is None and (why := scheme.why_not(rows=len(matrix), length=length)):
        raise BitmillError(f"{name} must be a matrix that scheme {scheme.name} can have, but {why}")
    job = Job(
        scheme=scheme, matrix=matrix, group=size, name=name, saturate=saturate, channel=channel, tensor=tensor
    )  # fmt: skip
    return method_of(scheme).quantize(job)


def check_row_scales(scheme: Block, group: int | None) -> None:
    """Refuse a size of groups for a scheme that has no scales of groups.

    Raises
    ------
    BitmillError
        If it is given.
    """
    if group is not None and scheme.group is None:
        raise BitmillError(f"group must be left out for scheme {scheme.name}, which has a scale per row, not {group!r}")


def checked_weights(weights: ArrayLike, name: str) -> NDArray[np.float32]:
    """A finite matrix as float32.

    Raises
    ------
    BitmillError
        If it is no matrix of floating-point numbers, holds NaN or Inf, or has rows that vanish in float32.
    """
    array = np.asarray(weights)
    if array.dtype.kind != "f" and array.dtype.name != "bfloat16":
        raise BitmillError(f"{name} must be floating-point numbers, not {array.dtype}")
    if array.ndim != 2:
        raise BitmillError(f"{name} must be a matrix [out, K], not of shape {list(array.shape)}")
    with np.errstate(over="ignore"):
        narrow = array.astype(np.float32)
    if not np.isfinite(narrow).all():
        nans = int(np.count_nonzero(np.isnan(narrow)))
        infs = int(np.count_nonzero(np.isinf(narrow)))
        raise BitmillError(f"{name} must be finite in float32, not {nans} NaN and {infs} Inf among {array.size} values")
    refuse_vanished(name, vanished(array, narrow), len(array))
    return narrow


def vanished(wide: NDArray[Any], narrow: NDArray[np.float32]) -> int:
    """Rows that are not of zeros, and are in float32."""
    if wide.dtype.itemsize <= narrow.dtype.itemsize:
        return 0
    return int(np.count_nonzero(np.any(wide != 0, axis=1) & ~np.any(narrow != 0, axis=1)))


def refuse_vanished(name: str, rows: int, among: int) -> None:
    """Refuse weights of which float32 keeps nothing in some rows.

    Raises
    ------
    BitmillError
        If there are such rows.
    """
    if rows:
        raise BitmillError(f"{name} must not vanish in float32, not {rows} of {among} rows that are too small for it")


def greatest_scales(scheme: Block, groups: NDArray[np.float32]) -> NDArray[np.float64]:
    """The scale ``[out, groups]`` that each group of ``[out, groups, group]`` wants, the greatest of its candidates.

    For schemes with scales of channels.
    """
    wanted = method_of(scheme).wanted
    assert wanted is not None
    return wanted(scheme, groups)


def integer_steps(quantized: QuantizedWeights) -> NDArray[np.int64]:
    """The weights ``[out, K]`` in steps of their types, whole numbers, before any scale; for types on a grid of integers.

    Codes that integers reserve, which do not occur, are 0.
    """
    scheme, (out, length) = quantized.scheme, quantized.shape
    shape = (out, length // quantized.group)
    selectors = np.zeros(shape, np.uint8) if quantized.selectors is None else quantized.selectors
    tables = np.nan_to_num(np.stack([value_table(fmt) for fmt in scheme.formats])).astype(np.int64)
    return tables[selectors[:, :, None], quantized.codes.reshape(*shape, quantized.group)].reshape(out, length)


def dequantize(quantized: QuantizedWeights) -> NDArray[np.float64]:
    """The weights that the codes stand for: ``scale * (value of the code)`` or ``scale * (code - zero point)``.

    Returns
    -------
    float64 ``[out, K]``, exact for integer scales.
    """
    values = method_of(quantized.scheme).values(quantized)
    return (values * quantized.scales[:, :, None]).reshape(quantized.shape)
