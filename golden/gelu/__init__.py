"""GELU in integers, by shifts, by pieces, by polynomials."""
