"""What an accumulator's golden function gives."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Accumulated(NamedTuple):
    """Sums of dot products, arrays of one shape.

    Attributes
    ----------
    value
        As ``Result.value``, whatever the operands' specials.
    saturated
        Whether a step's sum was clamped, wrapped or overflowed; None where the configuration does not ask for it.
    """

    value: NDArray[Any]
    saturated: NDArray[np.bool_] | None
