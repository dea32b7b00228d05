"""What a unit of rows is told at run time: the integers behind its configuration's scales, gammas and betas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Told:
    """Integers by the ports that take them.

    Attributes
    ----------
    constants
        Fields of port ``constants``, which hold as long as a row is inside.
    channels
        int64 ``[C]`` by field of port ``channels``: one for each channel, or one for all.
    lines
        int64 ``[segments]`` by field of port ``line``.
    element
        What each element brings beside itself.
    step
        What one step of the output is worth before ``behind``; float64 ``[C]`` where channels differ.
    behind
        int64 by name: what a requantization behind the unit needs, per channel.
    """

    constants: Mapping[str, int] = field(default_factory=dict)
    channels: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)
    lines: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)
    element: Mapping[str, int] = field(default_factory=dict)
    step: float | NDArray[np.float64] = 1.0
    behind: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; what is empty is left out."""
        arrays = {
            name: {key: np.asarray(values).tolist() for key, values in group.items()}
            for name, group in (("channels", self.channels), ("lines", self.lines), ("requantize", self.behind))
            if group
        }
        registers = {
            name: dict(group) for name, group in (("constants", self.constants), ("element", self.element)) if group
        }
        return {**registers, **arrays, "output_step": np.asarray(self.step).tolist()}
