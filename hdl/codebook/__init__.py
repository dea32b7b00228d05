"""Dot products of weights from books."""
