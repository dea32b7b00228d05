"""LayerNorm of rows: by an exact square root or by Newton steps."""
