"""Products of integers of any precision, plane by plane."""
