"""Softmax in integers, by table, by shifts, by polynomials."""
