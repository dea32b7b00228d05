"""The normalization that a rule asks for."""

from __future__ import annotations

from ...config.nonlinear import LayerNormRule, NewtonWidths, NormWidths, RootNormRule
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
    if isinstance(rule, RootNormRule):
        widths = NormWidths(rule=rule, input_bits=input_bits, output_bits=output_bits, max_length=max_length)
        return RootNorm(widths=widths, lanes=lanes)
    if not isinstance(rule, LayerNormRule):
        raise TypeError(f"layer_norm rule must be a LayerNormRule or a RootNormRule, not {rule!r}")
    return NewtonNorm(
        widths=NewtonWidths(rule=rule, input_bits=input_bits, max_length=max_length), lanes=lanes
    )  # fmt: skip
