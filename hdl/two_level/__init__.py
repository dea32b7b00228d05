"""Dot products of two-level weights."""
