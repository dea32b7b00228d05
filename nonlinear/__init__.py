"""What the integer-only units compute where formulas leave a choice: a rule for each unit, and named profiles of rules.

Facts only; ``golden.nonlinear`` computes by them and ``hdl.nonlinear`` builds by them.
"""

from .gelu_rules import GeluMaximum, ShiftGeluRule
from .layernorm_rules import LayerNormRule, MeanRounding, RootNormRule
from .newton_widths import NewtonWidths
from .norm_widths import NormWidths
from .profiles import PROFILES, NonlinearProfile
from .softmax_rules import ReciprocalRounding, ShiftmaxRule
from .widths import LARGEST, MULTIPLIER_BITS, WIDTH, TieRule

__all__ = [
    "LARGEST",
    "MULTIPLIER_BITS",
    "PROFILES",
    "WIDTH",
    "GeluMaximum",
    "LayerNormRule",
    "MeanRounding",
    "NewtonWidths",
    "NonlinearProfile",
    "NormWidths",
    "ReciprocalRounding",
    "RootNormRule",
    "ShiftGeluRule",
    "ShiftmaxRule",
    "TieRule",
]
