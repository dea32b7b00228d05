"""LayerNorm in integers, by an exact square root or by Newton steps."""
