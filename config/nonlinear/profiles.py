"""Profiles: one rule for each unit, under a name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from .exact_root_rules import ExactRootLayerNormRule
from .gelu_rules import PiecewiseGeluRule, ShiftGeluRule
from .layernorm_rules import LayerNormRule, RootNormRule
from .polynomial_rules import PolynomialGeluRule, PolynomialSoftmaxRule
from .softmax_rules import ShiftmaxRule, TableSoftmaxRule
from .widths import TieRule, check_choice

Softmax = TypeVar("Softmax", bound=ShiftmaxRule | PolynomialSoftmaxRule | TableSoftmaxRule)
Gelu = TypeVar("Gelu", bound=ShiftGeluRule | PolynomialGeluRule | PiecewiseGeluRule)
Norm = TypeVar("Norm", bound=LayerNormRule | ExactRootLayerNormRule | RootNormRule)


@dataclass(frozen=True, kw_only=True)
class NonlinearProfile(Generic[Softmax, Gelu, Norm]):
    """How the units compute where formulas leave a choice.

    Attributes
    ----------
    name
        For messages and reports.
    softmax, gelu, layernorm
        The units' rules; a rule's class says which algorithm.
    ties
        ``even`` or ``up``: requantization.

    Raises
    ------
    BitmillError
        If ``ties`` is something else.
    """

    name: str
    softmax: Softmax
    gelu: Gelu
    layernorm: Norm
    ties: TieRule

    def __post_init__(self) -> None:
        check_choice("ties", self.ties, TieRule)


IVIT = NonlinearProfile(
    name="ivit",
    softmax=ShiftmaxRule(fraction_bits=15, output_bits=16, reciprocal_rounding="floor"),
    gelu=ShiftGeluRule(fraction_bits=23, output_bits=8, reciprocal_rounding="floor", maximum="row"),
    layernorm=LayerNormRule(mean_rounding="nearest-even", root_iterations=10),
    ties="even",
)
"""The authors' PyTorch code for DeiT; their Swin has 8 bits of softmax output, their TVM code other values."""

IBERT = NonlinearProfile(
    name="ibert",
    softmax=PolynomialSoftmaxRule(halvings=30, exponential_bits=16, output_bits=16),
    gelu=PolynomialGeluRule(dropped_bits=0),
    layernorm=ExactRootLayerNormRule(mean_rounding="nearest-even"),
    ties="even",
)
"""The authors' PyTorch code; they cut 14 bits in GELU, of 32-bit inputs."""

ACCURATE = NonlinearProfile(
    name="accurate",
    softmax=TableSoftmaxRule(
        fraction_bits=3,
        guard_bits=4,
        slope_bits=13,
        table_bits=6,
        reciprocal_bits=11,
        entry_bits=9,
        output_bits=8,
    ),
    gelu=PiecewiseGeluRule(segment_bits=3, value_fraction_bits=1, slope_fraction_bits=3, slope_bits=5),
    layernorm=RootNormRule(),
    ties="even",
)
"""Ours."""

PROFILES: dict[str, NonlinearProfile[Any, Any, Any]] = {profile.name: profile for profile in (IVIT, IBERT, ACCURATE)}
"""Profiles by name; ``dataclasses.replace`` makes variants of a rule."""
