"""The multiply-accumulate unit: a dot product that takes one pair of codes a cycle."""

from __future__ import annotations

from ...config import MacConfig
from .dot_product import DotProduct


class Mac(DotProduct):
    """``value = sum(weight[k] * activation[k])``, one product a step. Same streams and contract as ``DotProduct``.

    Raises
    ------
    ValueError
        If the configuration has more than one lane.
    """

    def __init__(self, *, config: MacConfig, lane_module: str | None = None) -> None:
        if config.lanes != 1:
            raise ValueError(f"Mac config must have 1 lane, not {config.lanes!r}")
        super().__init__(config=config, lane_module=lane_module)
