"""Softmax of rows: by table, and I-ViT's Shiftmax."""
