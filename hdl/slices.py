"""Slices of large units: fewer of the same PEs, whose clock stands for that of all."""

from __future__ import annotations

from typing import Any

from ..config.family import config_of

SLICE_MACS = 16
"""Products a cycle of the largest unit that is not sliced: a placement takes a minute or so."""
LEAST_ROWS, LEAST_COLS = 2, 1
"""What a slice keeps where the unit has it: PEs that share what their column has."""


def few_pes(config: Any, *, least_cols: int = LEAST_COLS) -> Any:
    """The unit with its rows and columns halved, the more numerous ones first, until it has ``SLICE_MACS`` products a cycle.

    The configuration itself where it has no more than that, or no more than ``LEAST_ROWS`` and ``least_cols``.
    """
    rows, cols = config.rows, config.cols
    each = config.macs // (rows * cols)
    while rows * cols * each > SLICE_MACS and (rows > LEAST_ROWS or cols > least_cols):
        if cols > least_cols and (cols >= rows or rows <= LEAST_ROWS):
            cols = max(least_cols, -(-cols // 2))
        else:
            rows = max(LEAST_ROWS, -(-rows // 2))
    if (rows, cols) == (config.rows, config.cols):
        return config
    return config_of({**config.to_dict(), "rows": rows, "cols": cols})
