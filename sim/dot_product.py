"""One dot product to try a unit with."""

from __future__ import annotations

from dataclasses import dataclass

from .payload import Codes


@dataclass(frozen=True)
class DotProduct:
    """Operand codes [K] of one dot product, K at least 1, and what it is for.

    ``weight_scales`` and ``activation_scales`` are the codes [blocks] of its blocks' scales, for units that have them.
    """

    weight_codes: Codes
    activation_codes: Codes
    label: str
    weight_scales: Codes | None = None
    activation_scales: Codes | None = None

    def __len__(self) -> int:
        return len(self.weight_codes)
