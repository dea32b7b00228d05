"""The int-vs-fp study: which number format keeps a real layer accurate, and what its verified hardware costs."""
