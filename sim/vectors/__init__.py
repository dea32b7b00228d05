"""Golden test vectors for people who verify other hardware: of formats, of blocks, and of units."""

from .of_block import block_vectors
from .of_format import format_vectors
from .of_unit import unit_vectors
from .vector_set import VectorSet

__all__ = ["VectorSet", "block_vectors", "format_vectors", "unit_vectors"]
