"""The traffic of dot products of two-level weights: codes that stay within INT8."""

from __future__ import annotations

import numpy as np

from .stepped_payload import Integers
from .stepped_traffic import SteppedTraffic


class TwoLevelTraffic(SteppedTraffic):
    """As of any unit of steps, of which ``(q - z) * s`` is within -128 to 127."""

    def legal(self, steps: Integers) -> Integers:
        """Codes brought to the nearest that are."""
        lanes = self.config.macs
        scale, zero = steps[:, lanes, None], steps[:, lanes + 1, None]
        by = np.maximum(scale, 1)
        codes = np.clip(steps[:, :lanes], zero - 128 // by, zero + 127 // by)
        return np.concatenate([codes, steps[:, lanes:]], axis=1)
