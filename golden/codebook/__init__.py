"""Products of weights that are entries of books."""
