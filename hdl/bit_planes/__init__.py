"""Tiles that multiply plane by plane."""
