"""The study of the integer-only non-linear units, told."""
