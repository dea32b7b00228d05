"""What golden has for every family of units: the function that says what the unit computes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..config.family import Table
from ..config.rows import ROW_KEYS, RowConfig
from .bit_planes.totals import bit_plane_totals
from .bit_serial import matmul as serial_matmul
from .codebook.totals import codebook_totals
from .dialect_dot import dialect_total
from .fixed.chained import chained_total
from .fixed.power_terms import power_terms_total
from .mac.accumulate import dot, matmul
from .parallel.unit import parallel_unit_sum
from .quantizers.block import block_codes
from .quantizers.dialect import dialect_codes
from .quantizers.fixed import fixed_integers
from .rows.families import ROWS, Ints, Mask
from .side_paths.unit import side_path
from .trits.totals import trit_totals
from .two_level_dot import two_level_total


def row_outputs(config: RowConfig, row: Ints, mask: Mask) -> Ints:
    """Outputs int64 ``[L]`` of a row int64 ``[L]`` (``[L, fields]`` where elements have several) under a mask bool ``[L]``.

    Raises
    ------
    BitmillError
        If the configuration's scales, gammas or betas do not fit the unit.
    """
    family = ROWS.of(config)
    return family.outputs(config, family.told(config), row, mask)


GOLDEN: Table[Callable[..., Any]] = Table(
    "computed",
    {
        "mac": dot,
        "dot": dot,
        "array": matmul,
        "bit-serial": serial_matmul,
        "parallel": parallel_unit_sum,
        "bit-planes": bit_plane_totals,
        "trits": trit_totals,
        "dialect": dialect_total,
        "codebook": codebook_totals,
        "two-level": two_level_total,
        "dialect-quantizer": dialect_codes,
        "side-path": side_path,
        **dict.fromkeys(ROW_KEYS, row_outputs),
        "block-quantizer": block_codes,
        "power-terms": power_terms_total,
        "chained": chained_total,
        "fixed-quantizer": fixed_integers,
    },
)
"""Each takes the configuration and the operands: codes of dot products, matrices, sums, or a row and its mask."""
