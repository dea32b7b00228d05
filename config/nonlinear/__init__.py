"""What the integer-only units compute where formulas leave a choice: a rule for each unit, and named profiles of rules.

Facts only; ``golden.nonlinear`` computes by them and ``hdl.nonlinear`` builds by them.
"""

from .exact_root_rules import ExactRootLayerNormRule
from .gelu_rules import GeluMaximum, PiecewiseGeluRule, ShiftGeluRule
from .layernorm_rules import LayerNormRule, MeanRounding, RootNormRule
from .newton_widths import NewtonWidths
from .norm_widths import NormWidths
from .output_rules import ClippedSoftmaxRule, Log2SoftmaxRule
from .polynomial_rules import PolynomialGeluRule, PolynomialSoftmaxRule
from .profiles import ACCURATE, IBERT, IVIT, PROFILES, NonlinearProfile
from .softmax_rules import ReciprocalRounding, ShiftmaxRule, TableSoftmaxRule
from .widths import LARGEST, MULTIPLIER_BITS, WIDTH, TieRule

__all__ = [
    "ACCURATE",
    "IBERT",
    "IVIT",
    "LARGEST",
    "MULTIPLIER_BITS",
    "PROFILES",
    "WIDTH",
    "ClippedSoftmaxRule",
    "ExactRootLayerNormRule",
    "GeluMaximum",
    "LayerNormRule",
    "Log2SoftmaxRule",
    "MeanRounding",
    "NewtonWidths",
    "NonlinearProfile",
    "NormWidths",
    "PiecewiseGeluRule",
    "PolynomialGeluRule",
    "PolynomialSoftmaxRule",
    "ReciprocalRounding",
    "RootNormRule",
    "ShiftGeluRule",
    "ShiftmaxRule",
    "TableSoftmaxRule",
    "TieRule",
]
