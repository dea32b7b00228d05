"""Integer-only softmax, GELU, LayerNorm and requantization: one specification in exact integers, by the rules of ``nonlinear``.

Every function takes and returns int64 and computes what unbounded integers would; what does not fit is refused.
"""

from .gelu.ita import ita_gelu, ita_gelu_constants
from .gelu.piecewise import PiecewiseTable, fit_piecewise, gelu_output_scale, gelu_table, piecewise
from .gelu.polynomial import erf_polynomial, polynomial_gelu, polynomial_gelu_scale
from .gelu.shift_gelu import gelu_scale, shift_gelu
from .norm.exact_root import exact_root, exact_root_layernorm
from .norm.newton_norm import integer_bias, layernorm, layernorm_scale, newton_root
from .norm.root_constants import norm_constants, norm_error
from .norm.root_norm import NormConstants, root_norm
from .rows.masks import causal_mask, padding_mask
from .rows.requantize import dyadic, requantize
from .rows.shift_exp import integer_reciprocal, shift_exp
from .softmax.clipped import clip_softmax
from .softmax.ita import ita_softmax, ita_softmax_scale, ita_softmax_slope
from .softmax.log2 import log2_codes, log2_softmax
from .softmax.polynomial import exp_polynomial, polynomial_exp, polynomial_softmax, polynomial_softmax_scale
from .softmax.shiftmax import shiftmax, shiftmax_scale
from .softmax.table import table_softmax, table_softmax_slope

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
