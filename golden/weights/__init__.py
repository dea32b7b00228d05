"""Weight matrices quantized in groups: codes, selectors and scales, and back."""

from .quantize import checked_weights, dequantize, quantize_weights
from .quantized import QuantizedWeights

__all__ = ["QuantizedWeights", "checked_weights", "dequantize", "quantize_weights"]
