"""What the arithmetic means: codecs, scales and dot products in NumPy, exact to the bit."""

from .accumulate import Result, dot, matmul, to_float
from .codec import decode, encode
from .grid import ROUNDINGS, Rounding
from .scale import Granularity, Rule, Scales, choose_scale, dequantize, quantize

__all__ = [
    "ROUNDINGS",
    "Granularity",
    "Result",
    "Rounding",
    "Rule",
    "Scales",
    "choose_scale",
    "decode",
    "dequantize",
    "dot",
    "encode",
    "matmul",
    "quantize",
    "to_float",
]
