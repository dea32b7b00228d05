"""Units of rows: softmax, GELU, normalizations and requantization, a configuration class for each algorithm.

These classes alone name the rules of ``config.nonlinear``: what a user chooses stands in their fields, of which the rule is made.
"""

from .base import RowConfig
from .gelu import GeluConfig, ShiftGeluConfig
from .newton_norm import NewtonNormConfig
from .requantize import RequantizeConfig
from .root_norm import RootNormConfig
from .softmax import ShiftmaxConfig, SoftmaxConfig

ROW_KEYS = ("softmax", "shiftmax", "gelu", "shift-gelu", "layernorm", "rmsnorm", "newton-norm", "requantize")
"""The families of units of rows."""

__all__ = [
    "ROW_KEYS",
    "GeluConfig",
    "NewtonNormConfig",
    "RequantizeConfig",
    "RootNormConfig",
    "RowConfig",
    "ShiftGeluConfig",
    "ShiftmaxConfig",
    "SoftmaxConfig",
]
