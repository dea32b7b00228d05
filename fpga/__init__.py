"""Verilog into cells: synthesis, breakdown, timing and bitstreams, each result a record with the tools it came from."""
