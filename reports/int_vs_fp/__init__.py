"""The int-vs-fp study told: which number format keeps a real layer accurate, and what its verified hardware costs."""
