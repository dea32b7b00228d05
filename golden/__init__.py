"""What the arithmetic means: codecs, scales and dot products in NumPy, exact to the bit."""

from .codec import decode, encode
from .grid import ROUNDINGS, Rounding
from .losses import Losses, count_losses, encode_counted, encode_within
from .mac.accumulate import Result, dot, matmul, to_float
from .product_sums import product_sums
from .scale import Granularity, Rule, Scales, choose_scale, dequantize, quantize

__all__ = [
    "ROUNDINGS",
    "Granularity",
    "Losses",
    "Result",
    "Rounding",
    "Rule",
    "Scales",
    "choose_scale",
    "count_losses",
    "decode",
    "dequantize",
    "dot",
    "encode",
    "encode_counted",
    "encode_within",
    "matmul",
    "product_sums",
    "quantize",
    "to_float",
]
