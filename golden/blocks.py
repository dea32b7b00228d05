"""Block quantization of real tensors: numbers along the last axis that share a scale, OCP MX's and NVFP4's among them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..formats import Format
from ..formats.block import Block, get_block
from ..system.errors import BitmillError
from .codec import decode, encode
from .losses import Losses, count_losses


@dataclass(frozen=True, eq=False)
class QuantizedBlocks:
    """A tensor ``[..., K]`` in blocks along K.

    Attributes
    ----------
    block
        What the codes mean.
    group
        Numbers that share a scale; a row's last group may have fewer.
    codes
        Of the block's element format, ``[..., K]``.
    scales
        Codes of the block's scale format, ``[..., ceil(K / group)]``.
    tensor_scale
        Factor of the whole tensor, a float32 number; 1 for blocks that have none.
    """

    block: Block
    group: int
    codes: NDArray[Any]
    scales: NDArray[Any]
    tensor_scale: float = 1.0

    def values(self) -> NDArray[np.float64]:
        """The numbers that the codes stand for; NaN throughout a group whose scale is NaN."""
        (fmt,) = self.block.formats
        return np.ldexp(decode(fmt, self.codes), self.block.step_exponent) * self._factors

    @property
    def _factors(self) -> NDArray[np.float64]:
        """What each element is multiplied by."""
        of_groups = decode(scale_format(self.block), self.scales) * self.tensor_scale
        return np.repeat(of_groups, self.group, axis=-1)[..., : self.codes.shape[-1]]

    @property
    def outer_scale(self) -> float:
        """What is left to multiply the numbers of codes and of scales by: the tensor's scale and the elements' step."""
        return float(np.ldexp(self.tensor_scale, self.block.step_exponent))

    def losses(self, x: ArrayLike) -> Losses:
        """What the finite tensor lost that was quantized; what saturates is what the rule of the scales clips."""
        (fmt,) = self.block.formats
        factors = np.ldexp(self._factors, self.block.step_exponent)
        steps = np.divide(np.asarray(x, np.float64), factors, out=np.zeros(self.codes.shape), where=factors > 0)
        return count_losses(fmt, steps, self.codes).meant()


def quantize_blocks(
    block: Block | str, x: ArrayLike, *, group: int | None = None, tensor_scale: float | None = None, name: str = "x"
) -> QuantizedBlocks:
    """Codes and scales of a tensor ``[..., K]``, taken as float32, in groups along K.

    With ``amax`` a group's greatest magnitude and ``max`` the elements', which for MXINT8 is 127/64:

    - rule ``floor``: scale ``2**(floor(log2(amax)) - floor(log2(max)))``;
    - rule ``round-up``: scale ``2**ceil(log2(amax / max))``; both clipped to the range of E8M0;
    - rule ``maximum``: the number of the scale's format that is nearest to ``amax / (max * tensor_scale)``, its least positive
      one at least, where the tensor's scale is ``amax_of_tensor / (max * greatest scale)`` as float32.

    Elements are the codes nearest to ``x / (scale * tensor_scale)``, ties to even, saturated; zero is plus zero. A group of zeros
    has scale 1 or, where the scale's format has it, 0, and codes 0. A group with a NaN or an infinity is NaN: its scale is, and
    its codes are 0.

    Parameters
    ----------
    block
        A block of one element format, with a scale of groups, or its name.
    group
        Numbers per group, the block's own if left out; the last group of a row may have fewer.
    tensor_scale
        Instead of the one that follows from ``x``: where ``x`` is a part of a tensor.
    name
        What to call the tensor in errors.

    Raises
    ------
    BitmillError
        If the block has no scale of groups alone, the group is less than 1, or there is no last axis.

    Source: OCP Microscaling Formats (MX) v1.0, section 6.3; NVIDIA, "Pretraining Large Language Models with NVFP4",
    arXiv 2509.25149, appendix.
    """
    row = get_block(block) if isinstance(block, str) else block
    size = row.group if group is None else group
    if row.scale is None or row.channel is not None or size is None:
        raise BitmillError(f"block must be one with scales of groups alone, such as mxfp4 or nvfp4, not {row.name!r}")
    if len(row.elements) > 1:
        raise BitmillError(f"block must be one with a single format of elements, such as mxfp4, not {row.name!r}")
    if size < 1:
        raise BitmillError(f"group must be at least 1, not {size!r}")
    tensor = np.asarray(x)
    if tensor.ndim < 1:
        raise BitmillError(f"{name} must have at least one dimension, not shape {list(tensor.shape)}")
    with np.errstate(over="ignore"):
        numbers = tensor.astype(np.float32)
    *rows, length = numbers.shape
    padded = np.pad(numbers, [(0, 0)] * len(rows) + [(0, -length % size)])
    groups = padded.reshape(*rows, -(-length // size), size)
    whole: NDArray[np.bool_] = np.asarray(np.isfinite(groups).all(axis=-1))
    groups = np.where(whole[..., None], groups, np.float32(0))
    maxima = np.abs(groups).max(axis=-1, initial=0).astype(np.float64)
    (fmt,) = row.formats
    if row.rule == "maximum":
        outer = _tensor_scale(row, maxima) if tensor_scale is None else float(tensor_scale)
        scales = _nearest_scales(row, maxima, outer)
        factors = decode(scale_format(row), scales) * outer
        steps = np.divide(groups, factors[..., None], out=np.zeros(groups.shape), where=factors[..., None] > 0)
        codes = nearest(fmt, np.ldexp(steps, -row.step_exponent))
    else:
        outer = 1.0
        exponents = scale_exponents(row, maxima)
        scales = exponents - int(scale_format(row).min_exponent)
        codes = nearest(fmt, np.ldexp(groups, -exponents[..., None] - row.step_exponent))
    return QuantizedBlocks(
        block=row,
        group=size,
        codes=codes.reshape(padded.shape)[..., :length],
        scales=np.where(whole, scales, _nan_code(scale_format(row))).astype(np.uint8),
        tensor_scale=outer,
    )


def scale_format(block: Block) -> Format:
    """The format of a block's group scales.

    Raises
    ------
    BitmillError
        If it has none.
    """
    fmt = block.scale_format
    if fmt is None:
        raise BitmillError(f"block must have scales of groups, not {block.name!r}")
    return fmt


def greatest(block: Block) -> float:
    """The greatest magnitude of a block's elements, the least of them where there are several formats."""
    found = min(max(abs(fmt.max_value), abs(fmt.min_value)) for fmt in block.formats)
    return float(np.ldexp(float(found), block.step_exponent))


def tensor_scale_of(block: Block, amax: float) -> float:
    """The scale of a tensor whose greatest magnitude is ``amax``: its group takes the greatest scale that there is.

    A float32 number, normal so that quotients keep their bits; 1 for a tensor of zeros and for blocks without such a scale.
    """
    if block.tensor is None or not amax > 0:
        return 1.0
    wanted = np.float32(amax / (greatest(block) * float(scale_format(block).max_value)))
    return float(max(wanted, np.finfo(np.float32).tiny))


def nearest(fmt: Format, steps: NDArray[Any]) -> NDArray[np.uint8]:
    """The codes nearest to numbers, zero always as plus zero: the code of minus zero may have another use."""
    codes = encode(fmt, steps)
    if fmt.sign_bit and fmt.decode(1 << (fmt.bits - 1)).significand == 0:
        codes[codes == 1 << (fmt.bits - 1)] = 0
    return codes


def _tensor_scale(block: Block, maxima: NDArray[np.float64]) -> float:
    return tensor_scale_of(block, float(maxima.max(initial=0.0)))


def _nearest_scales(block: Block, maxima: NDArray[np.float64], outer: float) -> NDArray[np.int64]:
    fmt = scale_format(block)
    wanted = maxima / (greatest(block) * outer)
    least = float(fmt.min_positive)
    return encode(fmt, np.where(wanted > 0, np.maximum(wanted, least), 0.0)).astype(np.int64)


def scale_exponents(block: Block, maxima: NDArray[np.float64]) -> NDArray[np.int64]:
    """Exponents of power-of-two scales of groups of those greatest magnitudes, by ``floor`` or ``round-up``; 0 for zeros.

    Of several element formats, by the one with the least range.
    """
    fmt = scale_format(block)
    top = float(np.ldexp(float(min(element.max_value for element in block.formats)), block.step_exponent))
    significand, exponent = np.frexp(maxima)
    of_elements = np.frexp(top)
    found = exponent.astype(np.int64) - int(of_elements[1])
    if block.rule == "round-up":
        found += significand > of_elements[0]
    return np.clip(np.where(maxima > 0, found, 0), fmt.min_exponent, fmt.max_exponent)


def _nan_code(fmt: Format) -> int:
    return next((code for code in range(1 << fmt.bits) if fmt.decode(code).special is not None), 0)
