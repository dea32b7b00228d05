"""What ``bitmill run gemm`` has for every family of units."""

from __future__ import annotations

from collections.abc import Callable

from ..config.family import Absent, Table
from ..config.rows import ROW_KEYS
from .run_array import run_array
from .run_tile import run_tile

GEMM: Table[Callable[..., None]] = Table(
    "run on matrices",
    {
        "array": run_array,
        "bit-serial": run_tile,
        **dict.fromkeys(ROW_KEYS, Absent("it takes rows of one matrix")),
    },
    others=Absent("it has no rows and columns for them"),
)
