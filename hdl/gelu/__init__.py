"""GELU of rows: by table, by pieces, and I-ViT's ShiftGELU."""
