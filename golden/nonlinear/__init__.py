"""Integer-only softmax, GELU, LayerNorm and requantization: one specification in exact integers, by the rules of ``nonlinear``.

Every function takes and returns int64 and computes what unbounded integers would; what does not fit is refused.
"""

from .clipped_softmax import clip_softmax
from .exact_root_layernorm import exact_root, exact_root_layernorm
from .gelu import gelu_scale, shift_gelu
from .ita_gelu import ita_gelu, ita_gelu_constants
from .ita_softmax import ita_softmax, ita_softmax_scale, ita_softmax_slope
from .layernorm import integer_bias, layernorm, layernorm_scale, newton_root
from .log2_softmax import log2_codes, log2_softmax
from .masks import causal_mask, padding_mask
from .norm_constants import norm_constants, norm_error
from .piecewise import (
    PiecewiseTable,
    fit_piecewise,
    gelu_output_scale,
    gelu_table,
    piecewise,
)
from .polynomial_gelu import erf_polynomial, polynomial_gelu, polynomial_gelu_scale
from .polynomial_softmax import exp_polynomial, polynomial_exp, polynomial_softmax, polynomial_softmax_scale
from .requantize import dyadic, requantize
from .root_norm import NormConstants, root_norm
from .shift_exp import integer_reciprocal, shift_exp
from .softmax import shiftmax, shiftmax_scale
from .table_softmax import table_softmax, table_softmax_slope

__all__ = [
    "NormConstants",
    "PiecewiseTable",
    "causal_mask",
    "clip_softmax",
    "dyadic",
    "erf_polynomial",
    "exact_root",
    "exact_root_layernorm",
    "exp_polynomial",
    "fit_piecewise",
    "gelu_output_scale",
    "gelu_scale",
    "gelu_table",
    "integer_bias",
    "integer_reciprocal",
    "ita_gelu",
    "ita_gelu_constants",
    "ita_softmax",
    "ita_softmax_scale",
    "ita_softmax_slope",
    "layernorm",
    "layernorm_scale",
    "log2_codes",
    "log2_softmax",
    "newton_root",
    "norm_constants",
    "norm_error",
    "padding_mask",
    "piecewise",
    "polynomial_exp",
    "polynomial_gelu",
    "polynomial_gelu_scale",
    "polynomial_softmax",
    "polynomial_softmax_scale",
    "requantize",
    "root_norm",
    "shift_exp",
    "shift_gelu",
    "shiftmax",
    "shiftmax_scale",
    "table_softmax",
    "table_softmax_slope",
]
