"""Attention of low bits: what scores, probabilities, values and the cache become, on real numbers ``[heads, tokens, d]``."""
