"""Weight matrices quantized in groups: codes, selectors and scales, and back."""

from .quantize import dequantize, quantize_weights
from .quantized import QuantizedWeights

__all__ = ["QuantizedWeights", "dequantize", "quantize_weights"]
