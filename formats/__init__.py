"""What a number is: the catalog of scalar formats and the facts derived from its rows. Standard library only."""

from .catalog import CATALOG, get, names
from .codebook import Codebook, PowerOfTwo
from .integer import Int
from .minifloat import Minifloat, TopExponent
from .product import Product
from .scalar import Decoded, Format, Special, signed_bits

__all__ = [
    "CATALOG",
    "Codebook",
    "Decoded",
    "Format",
    "Int",
    "Minifloat",
    "PowerOfTwo",
    "Product",
    "Special",
    "TopExponent",
    "get",
    "names",
    "signed_bits",
]
