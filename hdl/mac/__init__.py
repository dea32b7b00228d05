"""MACs and dot products: decoders, lanes, steps."""
