"""Which units a cost model never sees, decided before anything was fitted."""

from __future__ import annotations

import hashlib

from ...config import AcceleratorConfig
from ..ids import accumulator_key, unit_key

FORMATS = frozenset({"E3M4", "E4M2", "INT6", "INT10"})
LANES = 16
ACCUMULATORS = frozenset({"window16", "fp16"})
TENTH = 10


def reason_held_out(config: AcceleratorConfig) -> str | None:
    """Why a unit is for validation, or None if it is for fitting.

    All units with an operand of ``FORMATS``, with ``LANES`` lanes or an accumulator of ``ACCUMULATORS`` are held out, and of the
    others a tenth, chosen by the digest of their names.
    """
    for name in (config.weight, config.activation):
        if name in FORMATS:
            return f"format {name}"
    if config.lanes == LANES:
        return f"k = {LANES}"
    name = accumulator_key(config.accumulator)
    if name in ACCUMULATORS:
        return f"accumulator {name}"
    digest = hashlib.sha256(f"held out: {unit_key(config)}".encode()).digest()
    return "random tenth" if int.from_bytes(digest[:4], "big") % TENTH == 0 else None
