"""Multipliers of integer significands."""
