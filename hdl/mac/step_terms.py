# amaranth: UnusedElaboratable=no
# Reductions may be built only to be asked for their latency.
"""The front of a unit: the lanes that multiply a step's operands, and the tree that makes one term of their products."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth import Cat, Module, Signal, Value
from amaranth.lib import data

from ...config import MacConfig
from ..accumulators import table as accumulators
from ..wires.delay import delayed
from ..wires.instances import connected
from .lane import Lane
from .layouts import flags_layout
from .scaled_term import ScaledTerm


def latency(config: MacConfig) -> int:
    """Enabled cycles from a step's codes to its term."""
    scaling = ScaledTerm.latency(config) if config.scale_format is not None else 0
    return _latency_of_sums(config) + scaling


def _latency_of_sums(config: MacConfig) -> int:
    accumulator = accumulators.for_config(config)
    reduction = accumulator.reduction(config)
    reduce = reduction.LATENCY if reduction is not None else 0
    return Lane.latency(config, shift=accumulator.aligned(config)) + reduce + int(config.registers("sum"))


def lane(config: MacConfig) -> Lane:
    """A new lane of the unit."""
    return Lane(config=config, shift=accumulators.for_config(config).aligned(config))


def step_terms(
    m: Module,
    *,
    config: MacConfig,
    enable: Value,
    weight: Sequence[Value],
    activation: Sequence[Value],
    lane_module: str | None,
    scales: tuple[Value, Value] | None = None,
) -> tuple[data.View, data.View]:
    """The term and the flags of a step, ``latency(config)`` enabled cycles after its codes.

    Parameters
    ----------
    m
        The module that lanes and tree become submodules of.
    config
        Formats, lanes and accumulator.
    enable
        One bit; a new step is taken in every cycle in which it is high.
    weight, activation
        The codes, one per lane.
    lane_module
        If given, lanes are instances of an external module of that name instead of submodules.
    scales
        Codes of the weights' and the activations' scale, where steps have them.
    """
    lanes = [
        _placed_lane(m, config, enable, codes, index, lane_module)
        for index, codes in enumerate(zip(weight, activation, strict=True))
    ]
    return terms_of_lanes(m, config=config, enable=enable, lanes=lanes, scales=scales)


def terms_of_lanes(
    m: Module,
    *,
    config: MacConfig,
    enable: Value,
    lanes: Sequence[tuple[data.View, data.View]],
    scales: tuple[Value, Value] | None = None,
) -> tuple[data.View, data.View]:
    """The same from terms and flags of lanes, which are ``Lane.latency`` behind the step's codes."""
    total, flags = _summed(m, config, enable, lanes)
    behind = int(config.registers("sum"))
    total = delayed(m, enable, total, behind, "sum_register{}")
    flags = delayed(m, enable, flags, behind, "sum_flags{}")
    if scales is None:
        return total, flags
    m.submodules.scale = scale = ScaledTerm(config=config, sum_layout=total.shape(), waits=_latency_of_sums(config))
    m.d.comb += [
        scale.enable.eq(enable),
        scale.weight_scale.eq(scales[0]),
        scale.activation_scale.eq(scales[1]),
        scale.sum.eq(total),
        scale.sum_flags.eq(flags),
    ]
    return scale.term, scale.flags


def _summed(
    m: Module, config: MacConfig, enable: Value, lanes: Sequence[tuple[data.View, data.View]]
) -> tuple[data.View, data.View]:
    """Sum and flags of the lanes."""
    tree = accumulators.for_config(config).reduction(config)
    if tree is None:
        return lanes[0]
    m.submodules.reduce = tree
    m.d.comb += [tree.enable.eq(enable), *(tree.term(index).eq(term) for index, (term, _) in enumerate(lanes))]
    flags = Cat(Cat(bits).any() for bits in zip(*(lane_flags.as_value() for _, lane_flags in lanes), strict=True))
    flags = delayed(m, enable, flags, tree.LATENCY, "flags_stage{}", shape=flags_layout(config))
    return tree.sum, flags


def _placed_lane(
    m: Module,
    config: MacConfig,
    enable: Value,
    codes: tuple[Value, Value],
    index: int,
    lane_module: str | None,
) -> tuple[data.View, data.View]:
    inputs: dict[str, Value] = {"enable": enable, "weight": codes[0], "activation": codes[1]}
    component = lane(config)
    clocked = Lane.latency(config, shift=component.shift) > 0
    shapes = component.signature.members
    outputs = {name: Signal(shapes[name].shape, name=f"{name}{index}") for name in ("term", "flags")}
    made = connected(m, f"lane{index}", component, lane_module, inputs, outputs=outputs, clocked=clocked)
    return made.term, made.flags
