"""Products to one sum: aligners and adder trees."""
