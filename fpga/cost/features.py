# amaranth: UnusedElaboratable=no
# Accumulators and reductions are built only to be asked for their widths.
"""What a unit is made of, counted from its configuration alone: the terms of the cost models."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from ...config import STAGES, AccumulatorSpec, MacConfig
from ...hdl.accumulators import table as accumulators
from ...system.errors import BitmillError
from ...system.text import short
from .lane_parts import ALIGNERS, MULTIPLIERS, lane_parts
from .measured_formats import check_measured
from .registers import register_parts
from .sum_parts import accumulator, accumulator_parts, reduction_parts
from .traits import KIND_TRAITS

MAX_LANES = 64
"""Most lanes of a unit that the models were measured for."""

MEASURED_SCALES = ("none", "E8M0")
"""Scales of the units that the models were measured for."""

KNOWN_FIELDS: Mapping[str, frozenset[str]] = {
    "unit": frozenset({
        "weight", "activation", "unit", "rows", "cols", "lanes", "k_max", "accumulator", "pipeline", "multiplier", "aligner",
        "scale", "saturated", "formats",
    }),
    "exact": frozenset({"kind", "width"}),
    "fixed": frozenset({"kind", "width", "overflow", "lsb"}),
    "window": frozenset({"kind", "width", "rounding"}),
    "float": frozenset({"kind", "format", "fused", "rounding"}),
}  # fmt: skip
"""Fields that are counted here, of units and of accumulators by kind. Others are refused unless they are as by default."""

# Registers that are loaded whenever the unit moves, or in steps only, and cleared: gates decide that where cells cannot.
_ACCUMULATING = frozenset({"accumulator", "met", "group", "guard", "saturation"})


def features(config: MacConfig) -> dict[str, float]:
    """Bits of every kind of circuit in a MAC or dot product, by name; a kind that is not there is left out.

    Closed form in the widths that the hardware's own layouts have: rows and adders of multipliers, steps of shifters, levels of
    adder trees, windows of float accumulators, and registers. What such bits cost on a target is fitted.

    Parameters
    ----------
    config
        A unit of one PE.

    Raises
    ------
    BitmillError
        If the unit is an array or has more than ``MAX_LANES`` lanes, or has a field or a format that is not counted.
    """
    check_known(config)
    unit = accumulator(config)
    kind = accumulators.for_config(config)
    reduction = kind.reduction(config)
    found: Counter[str] = Counter({"unit": 1})
    for name, count in lane_parts(config, shift=kind.aligned(config)).items():
        found[name] = count * config.lanes
    found.update(reduction_parts(config, reduction))
    found.update(accumulator_parts(config, unit))
    registers = register_parts(config, unit, reduction)
    found["count"] = registers["guard"]
    found["registers in steps"] = sum(count for name, count in registers.items() if name in _ACCUMULATING)
    found["registers that move"] = sum(registers.values()) - found["registers in steps"]
    return {name: float(count) for name, count in sorted(found.items()) if count}


def check_known(config: MacConfig) -> None:
    """Refuse what is not counted, in one line.

    Raises
    ------
    BitmillError
        Naming the field, the value and what is accepted.
    """
    if config.by_rows:
        raise BitmillError(f"unit must be 'mac' or 'dot' to be estimated, not {config.unit!r}")
    if config.lanes > MAX_LANES:
        raise BitmillError(f"lanes must be at most {MAX_LANES} to be estimated, not {config.lanes!r}")
    for field, measured in (("multiplier", MULTIPLIERS), ("aligner", ALIGNERS)):
        if getattr(config, field) not in measured:
            raise BitmillError(
                f"{field} must be one of {', '.join(map(repr, measured))} to be estimated, not {getattr(config, field)!r}"
            )
    if config.pipeline not in range(len(STAGES) + 1):
        raise BitmillError(f"pipeline must be 0 to {len(STAGES)} to be estimated, not {config.pipeline!r}")
    if config.scale not in MEASURED_SCALES:
        raise BitmillError(
            f"scale must be one of {', '.join(map(repr, MEASURED_SCALES))} to be estimated, not {config.scale!r}"
        )
    if config.scale_format is not None and config.accumulator.fuses:
        raise BitmillError(
            f"accumulator.fused must be left out for scale {config.scale!r} to be estimated, not "
            f"{config.products_per_rounding!r}"
        )
    kind = config.accumulator.kind
    if KIND_TRAITS.get(kind) is None:
        raise BitmillError(
            f"accumulator.kind must be one of {', '.join(map(repr, KIND_TRAITS))} to be estimated, not {kind!r}"
        )
    _check_fields("", config, KNOWN_FIELDS["unit"])
    _check_fields("accumulator.", config.accumulator, KNOWN_FIELDS[kind])
    for fmt in (config.weight_format, config.activation_format):
        check_measured(fmt)


def _check_fields(prefix: str, part: MacConfig | AccumulatorSpec, known: frozenset[str]) -> None:
    for name, value, usual in part.unusual():
        if name not in known:
            raise BitmillError(f"{prefix}{name} must be {usual} to be estimated, not {short(value)}")
