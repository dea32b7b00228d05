"""Whose outputs the study compares: every profile's units, variants of I-ViT's that were published, and the ideal."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...config.nonlinear import PROFILES, TieRule
from ...config.nonlinear.profiles import IVIT
from ...golden.nonlinear import dyadic, requantize
from ...golden.rows import dispatch
from ...models.captured.real import real_values
from ...models.captured.rows import INPUT_LARGEST, Rows, Unit
from ...models.sample.forward import gelu
from .ita import ItaUnits

Array = NDArray[np.float64]

IDEAL = "ideal"
"""The real function, rounded once to 8 bits."""

SOFTMAX_STEP, SOFTMAX_LARGEST = 2.0**-8, 255
"""Softmax's 8-bit output is unsigned."""


ITA_HAS: tuple[Unit, ...] = ("softmax", "gelu")


@dataclass(frozen=True, kw_only=True)
class Contender:
    """A way to compute one unit.

    Attributes
    ----------
    key, title
        What records and readers call it.
    rule
        Of the unit; None for the ideal.
    ties
        Of the requantization to 8 bits.
    """

    key: str
    title: str
    rule: Any
    ties: TieRule


def contenders(unit: Unit, profiles: tuple[str, ...] | None = None) -> tuple[Contender, ...]:
    """The ideal, then every profile's rule and its variants, then ITA's unit where all are asked for.

    Parameters
    ----------
    unit
        Which one.
    profiles
        Names of profiles; all if None.
    """
    found = [Contender(key=IDEAL, title="ideal 8 bit", rule=None, ties="even")]
    for name, profile in PROFILES.items():
        if profiles is not None and name not in profiles:
            continue
        rule = getattr(profile, unit)
        found.append(Contender(key=name, title=name, rule=rule, ties=profile.ties))
        if name == "ivit":
            variant, title, rule = _VARIANTS[unit]
            found.append(Contender(key=variant, title=title, rule=rule, ties=profile.ties))
    if profiles is None and unit in ITA_HAS:
        found.append(Contender(key="ita", title="ITA", rule=ItaUnits(), ties="up"))
    return tuple(found)


ELEMENTWISE = replace(IVIT.gelu, maximum="element", fraction_bits=16)
"""I-ViT's GELU without the maximum of a row, so that elements do not wait for each other."""

_VARIANTS: dict[Unit, tuple[str, str, Any]] = {
    "softmax": ("ivit-8", "ivit (8-bit output)", replace(IVIT.softmax, output_bits=8)),
    "gelu": ("ivit-element", "ivit (element by element)", ELEMENTWISE),
    "layernorm": ("ivit-20", "ivit (20 root steps)", replace(IVIT.layernorm, root_iterations=20)),
}
"""Of I-ViT: key, title and rule. Its Swin transformer's softmax; the other two are ours."""


@dataclass(frozen=True, eq=False)
class Outputs:
    """What a contender gives for rows, as real values.

    Attributes
    ----------
    own
        The unit's own output.
    eight
        After requantization to 8 bits.
    step
        Real value of a step of those.
    """

    own: Array
    eight: Array
    step: float


def output_step(rows: Rows) -> float:
    """Real value of a step of the 8-bit output: 1/256 for softmax, a 127th of the largest output for GELU and LayerNorm."""
    if rows.function == "softmax":
        return SOFTMAX_STEP
    if rows.function == "gelu":
        # x * Phi(x) is greatest in magnitude at the greatest x, or at its minimum where inputs are all small.
        values = gelu(np.arange(-128, 128) * rows.scale)
        return float(np.abs(values).max()) / INPUT_LARGEST
    return rows.output_scale


def outputs(contender: Contender, rows: Rows) -> Outputs:
    """What a contender gives for rows.

    Raises
    ------
    BitmillError
        If the rule refuses the scale or the length.
    """
    step = output_step(rows)
    least, greatest = (0, SOFTMAX_LARGEST) if rows.function == "softmax" else (-128, 127)
    if contender.rule is None:
        ideal = np.asarray(np.clip(np.rint(real_values(rows) / step), least, greatest) * step, dtype=np.float64)
        return Outputs(ideal, ideal, step)
    x = rows.codes.astype(np.int64)
    if rows.function == "softmax":
        codes, scale = dispatch.softmax(contender.rule, x, scale=rows.scale, mask=rows.mask)
    elif rows.function == "gelu":
        codes, scale = dispatch.gelu(contender.rule, x, scale=rows.scale, output_scale=step)
    else:
        codes, scale = dispatch.layernorm(contender.rule, x, gamma=rows.gamma, beta=rows.beta, output_scale=step)
    multiplier, shift = dyadic(np.asarray(scale) / step)
    # A bit more than 8 is softmax's, whose output has no sign.
    bits = 9 if rows.function == "softmax" else 8
    eight = requantize(codes, multiplier=multiplier, shift=shift, bits=bits, ties=contender.ties)
    own = np.asarray(codes * scale, dtype=np.float64)
    return Outputs(own, np.asarray(np.clip(eight, least, greatest) * step, dtype=np.float64), step)
