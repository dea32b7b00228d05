"""Integer-only softmax, GELU, LayerNorm and requantization as streaming hardware."""
