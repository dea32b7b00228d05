"""Dot products of DialectFP4."""
