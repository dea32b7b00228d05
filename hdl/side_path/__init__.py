"""Products of sparse rows with a vector in a memory."""
