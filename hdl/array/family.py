"""What hdl has for arrays."""

from __future__ import annotations

from ...config import MacConfig
from ..family import HardwareFamily
from ..mac import formulations
from ..mac.family import STREAMS, facts, lane_of_several, words
from ..slices import few_pes
from .array import Array


def _pes(config: MacConfig) -> tuple[str, ...]:
    """PEs, and pairs of them that share their multiplications, as far as there are any."""
    alone, paired = formulations.columns_alone(config), formulations.pairs_of_columns(config)
    return ("pe",) * bool(alone) + ("pair",) * bool(paired)


def _lane(config: MacConfig) -> tuple[str, ...]:
    """The lane of several, where PEs have lanes of their own."""
    return lane_of_several(config) if formulations.columns_alone(config) else ()


def _few(config: MacConfig) -> MacConfig:
    """Fewer PEs, of columns that multiply together where those of the array do."""
    return few_pes(config, least_cols=formulations.columns_at_once(config))


ARRAY = HardwareFamily(
    component=Array,
    streams=STREAMS,
    words=words,
    facts=facts,
    once_in_cells=_lane,
    once_on_fpga=_pes,
    slice=_few,
    keeps_brackets=True,
)
