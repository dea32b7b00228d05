"""Block quantizers: floats in, codes and a common scale out."""
