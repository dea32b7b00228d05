"""What hdl has for units of fixed-point numbers."""

from __future__ import annotations

from typing import Any

from ...config.chained import ChainedConfig
from ...config.power_terms import PowerTermsConfig
from ..stepped import stepped_facts, stepped_family
from .chained import ChainedDot
from .power_terms import PowerTermsDot


def _integer(config: PowerTermsConfig) -> dict[str, Any]:
    (total,) = config.own_result_fields
    return {**stepped_facts(config), "result": {"kind": "integer", "bits": total.bits, "unit_exponent": 0}}


def _chains(config: ChainedConfig) -> dict[str, Any]:
    kind = {"FP32": "float", "exact": "integer"}[config.total]
    chain = {"steps": config.chain, "bits": config.chain_bits, "can_overflow": config.can_overflow}
    return {**stepped_facts(config), "chain": chain, "result": {"kind": kind, "bits": config.total_bits}}


POWER_TERMS = stepped_family(PowerTermsDot, facts=_integer)
CHAINED = stepped_family(ChainedDot, facts=_chains)
