"""What a layout's reader says of tensors that it recognises."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..tensor import Tensor


@dataclass(frozen=True)
class LeftAlone:
    """Tensors of a known layout that are not read, and why.

    Attributes
    ----------
    name
        What they stand for.
    parts
        Their names.
    why
        For the user.
    weights
        How many weights they stand for, where that is known.
    """

    name: str
    parts: tuple[str, ...]
    why: str
    weights: int | None = None


def real_numbers(tensor: Tensor) -> NDArray[np.float32]:
    """A small tensor of scales as float32."""
    return tensor.numbers().astype(np.float32)
