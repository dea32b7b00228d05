"""What a rule of products states: the type of the rows of ``formats.rules``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from .product import Product
from .scalar import Format

NO_OFFSET = "none"

Offset = int | Literal["none"] | None
"""Parameter of a rule that has one: a number, ``none``, or None for what the rule has by itself."""


@dataclass(frozen=True, kw_only=True)
class ProductRule:
    """What a product of two numbers is.

    Attributes
    ----------
    name
        A configuration's ``product_rule``.
    words
        What it is, for listings.
    product
        Facts about the products of two formats, as ``operand`` gives them, under a parameter that ``check`` let through.
    title
        What a unit's title begins with; empty for exact products.
    operand
        A format as the rule reads it.
    check
        Refuses two formats or a parameter that it does not have, by a ``BitmillError`` of one line.
    offset_title
        What a unit's title says of a parameter that is given.
    operands
        What is to be known of operands, for ports; empty where codes are what ``bitmill formats`` lists.
    """

    name: str
    words: str
    product: Callable[[Format, Format, Offset], Product]
    check: Callable[[Format, Format, Offset], None]
    title: str = ""
    operand: Callable[[Format], Format] = lambda fmt: fmt
    offset_title: Callable[[Offset], str] = str
    operands: str = ""
