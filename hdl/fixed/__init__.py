"""Units of fixed-point numbers: sums of powers of two in place of products, chains of short sums."""
