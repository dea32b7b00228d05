"""What integer-only units of rows share: checked operands, masks, requantization, run-time constants."""
