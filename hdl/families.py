"""What hdl has for every family of units."""

from __future__ import annotations

from ..config.family import Table
from .array.family import ARRAY
from .bit_planes.family import BIT_PLANES
from .bit_serial.family import BIT_SERIAL
from .codebook.unit import CODEBOOK_DOT
from .dialect.quantizer import DIALECT_QUANTIZER
from .dialect.unit import DIALECT_DOT
from .family import HardwareFamily
from .fixed.family import CHAINED, POWER_TERMS
from .mac.family import DOT, MAC
from .parallel.family import PARALLEL
from .quantize.family import BLOCK_QUANTIZER, FIXED_QUANTIZER
from .rows.family import GELU, NEWTON_NORM, REQUANTIZE, ROOT_NORM, SHIFT_GELU, SHIFTMAX, SOFTMAX
from .side_path.side_path import SIDE_PATH
from .trits.family import TRIT_UNIT
from .two_level.unit import TWO_LEVEL_DOT

HARDWARE: Table[HardwareFamily] = Table(
    "generated",
    {
        "mac": MAC,
        "dot": DOT,
        "array": ARRAY,
        "bit-serial": BIT_SERIAL,
        "parallel": PARALLEL,
        "softmax": SOFTMAX,
        "shiftmax": SHIFTMAX,
        "gelu": GELU,
        "shift-gelu": SHIFT_GELU,
        "layernorm": ROOT_NORM,
        "rmsnorm": ROOT_NORM,
        "newton-norm": NEWTON_NORM,
        "requantize": REQUANTIZE,
        "bit-planes": BIT_PLANES,
        "block-quantizer": BLOCK_QUANTIZER,
        "trits": TRIT_UNIT,
        "dialect": DIALECT_DOT,
        "codebook": CODEBOOK_DOT,
        "two-level": TWO_LEVEL_DOT,
        "dialect-quantizer": DIALECT_QUANTIZER,
        "side-path": SIDE_PATH,
        "power-terms": POWER_TERMS,
        "chained": CHAINED,
        "fixed-quantizer": FIXED_QUANTIZER,
    },
)
