"""Integer-only softmax, GELU, LayerNorm and requantization: one specification in exact integers, by the rules of ``nonlinear``.

Every function takes and returns int64 and computes what unbounded integers would; what does not fit is refused.
"""

from .gelu import gelu_scale, shift_gelu
from .layernorm import integer_bias, layernorm, layernorm_scale, newton_root
from .norm_constants import norm_constants, norm_error
from .requantize import dyadic, requantize
from .root_norm import NormConstants, root_norm
from .shift_exp import integer_reciprocal, shift_exp
from .softmax import shiftmax, shiftmax_scale

__all__ = [
    "NormConstants",
    "dyadic",
    "gelu_scale",
    "integer_bias",
    "integer_reciprocal",
    "layernorm",
    "layernorm_scale",
    "newton_root",
    "norm_constants",
    "norm_error",
    "requantize",
    "root_norm",
    "shift_exp",
    "shift_gelu",
    "shiftmax",
    "shiftmax_scale",
]
