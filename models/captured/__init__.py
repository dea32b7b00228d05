"""What a real encoder gives its non-linear units: rows of int8, captured from the model, and what the units stand for."""
