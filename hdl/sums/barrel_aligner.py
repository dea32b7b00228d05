"""The plain logarithmic shifter."""

from __future__ import annotations

from typing import ClassVar

from .aligner import Aligner


class BarrelAligner(Aligner):
    """A multiplexer a bit and exponent bit: shifts by 1, 2, 4 ... up to the greatest exponent. Otherwise as ``Aligner``."""

    GROUPED: ClassVar[bool] = False
