"""Parallel PEs: one whole product a cycle under a running largest exponent."""
