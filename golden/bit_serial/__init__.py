"""What a bit-serial tile computes: aligned activations, groups' sums, and their scaled total, exact to the bit."""

from .align import Aligned, align, group_exponents
from .tile import SerialResult, matmul

__all__ = ["Aligned", "SerialResult", "align", "group_exponents", "matmul"]
