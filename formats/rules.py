"""Rules of products: what a weight times an activation is, one row each.

``golden/product_rules.py`` has what a rule's products are, ``hdl/mac/formulations.py`` their circuits, under the same keys. A new
rule is a row in each of the three, the facts of its products, its function and its circuit.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..system.errors import BitmillError
from .l_mul import L_MUL, L_MUL_ADD
from .product import Product
from .product_rule import Offset, ProductRule
from .scalar import Format


def _exact(weight: Format, activation: Format, _offset: Offset) -> Product:
    return Product(weight, activation)


def _no_offset(_weight: Format, _activation: Format, offset: Offset) -> None:
    if offset is not None:
        raise BitmillError(f"product_offset must be left out for product_rule 'exact', not {offset!r}")


_ROWS = (
    ProductRule(name="exact", words="the product itself", product=_exact, check=_no_offset),
    L_MUL,
    L_MUL_ADD,
)

PRODUCT_RULES: Mapping[str, ProductRule] = {row.name: row for row in _ROWS}
"""All rules by name; the first is the usual one."""

USUAL_RULE = next(iter(PRODUCT_RULES))
"""What a unit has that names none."""
