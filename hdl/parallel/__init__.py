"""Parallel PEs and the weight decoders at a tile's edge."""
