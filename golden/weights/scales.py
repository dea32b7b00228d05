"""Two-level scales: an FP16 number per output channel, an 8-bit integer per group in 256ths of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...formats.block import CHANNEL_STEP
from ...system.errors import BitmillError

LARGEST_GROUP_SCALE = 255


def channel_scales(
    wanted: NDArray[np.float64], *, name: str, saturate: bool = False, of_groups: bool = True
) -> NDArray[np.float16]:
    """Per channel the least FP16 number of which 255/256 is no less than the greatest scale that a group wants.

    Parameters
    ----------
    wanted
        float64 ``[out, groups]``, not negative.
    name
        What to call the weights in errors.
    saturate
        Give a channel that would need more than FP16 has FP16's greatest number.
    of_groups
        If not, groups have no scales of their own, and the channel's itself is to be no less.

    Raises
    ------
    BitmillError
        If a channel would need a scale beyond FP16, which would overflow the 8-bit scales of its groups, and must not.
    """
    greatest = wanted.max(axis=1, initial=0.0)
    least = greatest * (CHANNEL_STEP / LARGEST_GROUP_SCALE if of_groups else 1.0)
    with np.errstate(over="ignore"):
        nearest = least.astype(np.float16)
        rounded_up = np.where(nearest < least, np.nextafter(nearest, np.float16(np.inf)), nearest)
    if saturate:
        rounded_up = np.minimum(rounded_up, np.finfo(np.float16).max)
    if not np.isfinite(rounded_up).all():
        worst = int(np.argmax(greatest))
        within = (
            "group scales within FP16 times 255/256, or they overflow 8 bits" if of_groups else "scales within FP16"
        )
        raise BitmillError(f"{name} must have {within}, not {greatest[worst]:.6g} in output channel {worst}")
    return rounded_up.astype(np.float16)


def group_scales(wanted: NDArray[np.float64], channel: NDArray[np.float16]) -> NDArray[np.uint8]:
    """The 8-bit integers nearest to wanted scales, at least 1 unless the wanted scale is 0.

    Parameters
    ----------
    wanted
        float64 ``[out, groups]`` or ``[out, groups, candidates]``.
    channel
        float16 ``[out]`` of ``channel_scales``.
    """
    unit = channel.astype(np.float64).reshape(-1, *[1] * (wanted.ndim - 1)) / CHANNEL_STEP
    with np.errstate(invalid="ignore", divide="ignore"):
        steps = np.rint(wanted / unit)
    return np.where(wanted > 0, np.clip(steps, 1, LARGEST_GROUP_SCALE), 0).astype(np.uint8)
