"""What hdl has for arrays."""

from __future__ import annotations

from ...config import MacConfig
from ..family import HardwareFamily
from ..mac.family import STREAMS, facts, lane_of_several, words
from ..slices import few_pes
from .array import Array


def _pe(_config: MacConfig) -> tuple[str, ...]:
    return ("pe",)


ARRAY = HardwareFamily(
    component=Array,
    streams=STREAMS,
    words=words,
    facts=facts,
    once_in_cells=lane_of_several,
    once_on_fpga=_pe,
    slice=few_pes,
    keeps_brackets=True,
)
