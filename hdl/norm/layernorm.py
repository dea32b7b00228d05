"""The normalization that a rule asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...config.nonlinear import LayerNormRule, NewtonWidths, NormWidths, RootNormRule
from ...config.nonlinear.rule import key_of
from .newton_norm import NewtonNorm
from .root_norm import RootNorm


def layer_norm(
    *, rule: LayerNormRule | RootNormRule, lanes: int, max_length: int, input_bits: int = 8, output_bits: int = 8
) -> NewtonNorm | RootNorm:
    """LayerNorm or RMSNorm as hardware: ``RootNorm``, or ``NewtonNorm``, which leaves gamma to a requantizer behind it.

    Parameters
    ----------
    rule
        The algorithm.
    lanes
        Elements of a beat.
    max_length
        Longest row, a multiple of ``lanes``.
    input_bits
        Of the signed inputs.
    output_bits
        Of the signed outputs of ``RootNorm``; ``NewtonNorm``'s have 33.

    Raises
    ------
    TypeError, ValueError, BitmillError
        If ``rule`` is neither, or an argument is out of range.
    """
    build = _BY_KEY.get(key_of(rule))
    if build is None:
        raise TypeError(f"layer_norm rule must be a LayerNormRule or a RootNormRule, not {rule!r}")
    return build(rule, lanes, max_length, input_bits, output_bits)


def _root(rule: RootNormRule, lanes: int, max_length: int, input_bits: int, output_bits: int) -> RootNorm:
    widths = NormWidths(rule=rule, input_bits=input_bits, output_bits=output_bits, max_length=max_length)
    return RootNorm(widths=widths, lanes=lanes)


def _newton(rule: LayerNormRule, lanes: int, max_length: int, input_bits: int, output_bits: int) -> NewtonNorm:
    return NewtonNorm(widths=NewtonWidths(rule=rule, input_bits=input_bits, max_length=max_length), lanes=lanes)


_BY_KEY: Mapping[str, Callable[[Any, int, int, int, int], NewtonNorm | RootNorm]] = {
    RootNormRule.KEY: _root, LayerNormRule.KEY: _newton,
}  # fmt: skip
