"""The study of the integer-only non-linear units: their error on made-up and on real rows, and what their hardware costs."""
