"""MACs, dot products and arrays: exact products, aligned, accumulated, rounded once."""
