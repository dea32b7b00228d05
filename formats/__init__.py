"""What a number is: the catalog of scalar formats and the facts derived from its rows. Standard library only."""

from .catalog import CATALOG, get, names
from .codebook import Codebook, PowerOfTwo
from .integer import Int
from .minifloat import Minifloat, TopExponent
from .product import Product
from .register import register, registered
from .scalar import Decoded, Format, Special, signed_bits
from .table import read_format, read_formats, write_format

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
    "read_format",
    "read_formats",
    "register",
    "registered",
    "signed_bits",
    "write_format",
]
