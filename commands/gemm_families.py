"""What ``bitmill run gemm`` has for every family of units."""

from __future__ import annotations

from collections.abc import Callable

from ..config.family import Absent, Table
from ..config.rows import ROW_KEYS
from .run_array import run_array
from .run_tile import run_tile

_ONE_RESULT = "it has no rows and columns for them"

GEMM: Table[Callable[..., None]] = Table(
    "run on matrices",
    {
        "mac": Absent(_ONE_RESULT),
        "dot": Absent(_ONE_RESULT),
        "array": run_array,
        "bit-serial": run_tile,
        "parallel": Absent(_ONE_RESULT),
        **dict.fromkeys(ROW_KEYS, Absent("it takes rows of one matrix")),
    },
)
