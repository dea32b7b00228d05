"""What runs beside a low-bit product because low-bit formats lose it: columns of outliers, sparse weights, low-rank branches."""
