"""What sim has for every family of units: the traffic that verifies it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..config.family import Table
from .bit_planes_traffic import BitPlanesTraffic
from .block_traffic import BlockTraffic
from .chained_traffic import ChainedTraffic
from .dot_traffic import DotTraffic
from .fixed_traffic import FixedTraffic
from .parallel_traffic import ParallelTraffic
from .row_traffic import RowTraffic
from .serial_traffic import SerialTraffic
from .stepped_traffic import SteppedTraffic
from .tile_traffic import TileTraffic
from .traffic import Traffic
from .two_level_traffic import TwoLevelTraffic

TRAFFIC: Table[Callable[[Any], Traffic[Any, Any, Any]]] = Table(
    "verified",
    {
        "mac": DotTraffic,
        "dot": DotTraffic,
        "array": TileTraffic,
        "bit-serial": SerialTraffic,
        "parallel": ParallelTraffic,
        "softmax": RowTraffic,
        "shiftmax": RowTraffic,
        "gelu": RowTraffic,
        "shift-gelu": RowTraffic,
        "layernorm": RowTraffic,
        "rmsnorm": RowTraffic,
        "newton-norm": RowTraffic,
        "requantize": RowTraffic,
        "bit-planes": BitPlanesTraffic,
        "block-quantizer": BlockTraffic,
        "trits": SteppedTraffic,
        "dialect": SteppedTraffic,
        "codebook": SteppedTraffic,
        "two-level": TwoLevelTraffic,
        "dialect-quantizer": BlockTraffic,
        "side-path": SteppedTraffic,
        "power-terms": SteppedTraffic,
        "chained": ChainedTraffic,
        "fixed-quantizer": FixedTraffic,
    },
)
