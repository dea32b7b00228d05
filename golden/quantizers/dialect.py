"""What a quantizer to DialectFP4 gives for one block."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...config.dialect_quantizer import INVALID_SCALE, DialectQuantizerConfig
from ..codec import decode
from ..dialect import quantize_online


def dialect_codes(config: DialectQuantizerConfig, steps: Mapping[str, NDArray[np.int64]]) -> dict[str, Any]:
    """``golden.dialect.quantize_online`` of a unit's one step, ``numbers`` int64 ``[1, group]``, by field.

    A block with a NaN or an infinity is ``invalid``: its exponent's code is no number and all else is 0.
    """
    x = decode(config.source_format, steps["numbers"][0])
    if not np.isfinite(x).all():
        return {"codes": [0] * config.group, "dialect": 0, "exponent": INVALID_SCALE, "invalid": 1}
    found = quantize_online(x, group=config.group)
    return {
        "codes": found.codes.tolist(), "dialect": int(found.selectors[0]), "exponent": int(found.scales[0]), "invalid": 0
    }  # fmt: skip
