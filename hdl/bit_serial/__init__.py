"""Bit-serial tiles (BitMoD, HPCA 2025)."""
