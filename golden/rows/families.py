"""What golden has for every family of units of rows: what a unit is told, and what becomes of a row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...config.family import Absent, Table
from ...config.rows import (
    GeluConfig,
    NewtonNormConfig,
    RequantizeConfig,
    RootNormConfig,
    ShiftGeluConfig,
    ShiftmaxConfig,
    SoftmaxConfig,
)
from ..gelu.piecewise import PiecewiseTable, gelu_output_scale, gelu_table, piecewise
from ..gelu.shift_gelu import gelu_scale, shift_gelu
from ..norm.newton_norm import integer_bias, layernorm, layernorm_scale
from ..norm.root_constants import norm_constants
from ..norm.root_norm import NormConstants, root_norm
from ..softmax.shiftmax import shiftmax, shiftmax_scale
from ..softmax.table import table_softmax
from .requantize import dyadic, requantize
from .told import Told

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class RowFamily:
    """A row of ``ROWS``.

    Attributes
    ----------
    told
        By the configuration, what the unit is told; refused with ``BitmillError`` where something does not fit.
    outputs
        By configuration and what it was told: outputs int64 ``[L]`` of elements int64 ``[L]``, ``[L, fields]`` where an element
        has several fields, and a mask bool ``[L]``, True where an element takes part. What does not is 0.
    """

    told: Callable[[Any], Told]
    outputs: Callable[[Any, Told, Ints, Mask], Ints]


def _softmax_told(config: SoftmaxConfig) -> Told:
    constants = {} if config.scale_is_fixed else {"slope": config.slope}
    return Told(constants=constants, step=2.0**-config.output_bits)


def _softmax(config: SoftmaxConfig, _told: Told, row: Ints, mask: Mask) -> Ints:
    return table_softmax(config.rule, row, scale=config.scale, mask=mask)


def _shiftmax_told(config: ShiftmaxConfig) -> Told:
    return Told(constants={"x0": config.x0}, step=shiftmax_scale(config.rule))


def _shiftmax(config: ShiftmaxConfig, _told: Told, row: Ints, mask: Mask) -> Ints:
    return shiftmax(config.rule, row, scale=config.scale, mask=mask)


def _gelu_told(config: GeluConfig) -> Told:
    step = gelu_output_scale(scale=config.scale) if config.output_scale is None else config.output_scale
    table = gelu_table(config.rule, scale=config.scale, output_scale=step)
    return Told(lines={"value": table.values, "slope": table.slopes}, step=step)


def _gelu(config: GeluConfig, told: Told, row: Ints, mask: Mask) -> Ints:
    table = PiecewiseTable(values=told.lines["value"], slopes=told.lines["slope"])
    return np.where(mask, piecewise(config.rule, table, row), 0)


def _shift_gelu_told(config: ShiftGeluConfig) -> Told:
    return Told(constants={"x0": config.x0}, step=gelu_scale(config.rule, scale=config.scale))


def _shift_gelu(config: ShiftGeluConfig, _told: Told, row: Ints, mask: Mask) -> Ints:
    return _of_kept(row, mask, lambda kept, _places: shift_gelu(config.rule, kept, scale=config.scale))


def _root_norm_told(config: RootNormConfig) -> Told:
    found = _root_constants(config)
    port = {"epsilon": found.epsilon, "shift": found.shift - found.widths.least_shift}
    return Told(constants=port, channels={"multiplier": found.multiplier, "bias": found.bias}, step=config.output_scale)


def _root_constants(config: RootNormConfig) -> NormConstants:
    gamma, beta = np.broadcast_arrays(np.array(config.gamma), np.array(config.beta))
    return norm_constants(
        config.widths,
        gamma=gamma,
        beta=beta,
        output_scale=config.output_scale,
        input_scale=config.scale,
        epsilon=config.epsilon,
    )


def _root_norm(config: RootNormConfig, told: Told, row: Ints, mask: Mask) -> Ints:
    widths = config.widths
    whole = NormConstants(
        widths=widths,
        multiplier=_by_channel(told.channels["multiplier"], config.max_length),
        bias=_by_channel(told.channels["bias"], config.max_length),
        shift=told.constants["shift"] + widths.least_shift,
        epsilon=told.constants["epsilon"],
    )

    def outputs(kept: Ints, places: Ints) -> Ints:
        return root_norm(replace(whole, multiplier=whole.multiplier[places], bias=whole.bias[places]), kept)

    return _of_kept(row, mask, outputs)


def _newton_norm_told(config: NewtonNormConfig) -> Told:
    gamma, beta = np.broadcast_arrays(np.array(config.gamma), np.array(config.beta))
    unit = layernorm_scale(length=config.max_length)
    multiplier, shift = dyadic(gamma * (unit / config.output_scale))
    bias = integer_bias(beta, gamma, length=config.max_length)
    return Told(channels={"bias": bias}, step=unit, behind={"multiplier": multiplier, "shift": shift})


def _newton_norm(config: NewtonNormConfig, told: Told, row: Ints, mask: Mask) -> Ints:
    bias = _by_channel(told.channels["bias"], config.max_length)
    return _of_kept(row, mask, lambda kept, places: layernorm(config.rule, kept, bias=bias[places]))


def _requantize_told(config: RequantizeConfig) -> Told:
    multiplier, shift = config.dyadic
    return Told(element={"multiplier": multiplier, "shift": shift}, step=1 / config.ratio)


def _requantize(config: RequantizeConfig, _told: Told, row: Ints, mask: Mask) -> Ints:
    values, multipliers, shifts = row.T
    outputs = requantize(values, multiplier=multipliers, shift=shifts, bits=config.output_bits, ties=config.ties)
    return np.where(mask, outputs, 0)


def _of_kept(row: Ints, mask: Mask, outputs: Callable[[Ints, Ints], Ints]) -> Ints:
    """Outputs of what a row keeps, given that and its places; zeros elsewhere."""
    found = np.zeros(len(row), dtype=np.int64)
    if mask.any():
        found[mask] = outputs(row[mask], np.flatnonzero(mask))
    return found


def _by_channel(values: Ints, channels: int) -> Ints:
    return np.broadcast_to(values, channels)


_ROOT = RowFamily(told=_root_norm_told, outputs=_root_norm)

ROWS: Table[RowFamily] = Table(
    "told constants",
    {
        "softmax": RowFamily(told=_softmax_told, outputs=_softmax),
        "shiftmax": RowFamily(told=_shiftmax_told, outputs=_shiftmax),
        "gelu": RowFamily(told=_gelu_told, outputs=_gelu),
        "shift-gelu": RowFamily(told=_shift_gelu_told, outputs=_shift_gelu),
        "layernorm": _ROOT,
        "rmsnorm": _ROOT,
        "newton-norm": RowFamily(told=_newton_norm_told, outputs=_newton_norm),
        "requantize": RowFamily(told=_requantize_told, outputs=_requantize),
    },
    others=Absent("it takes no rows"),
)
"""By family: units of rows, and who else."""
