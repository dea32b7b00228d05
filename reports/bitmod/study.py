"""What the study is called."""

from __future__ import annotations

STUDY = "bitmod"
"""Directory of its results, and what its records belong to."""
