"""The rule of products that a configuration names, and the facts that follow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, Field

from ..formats import Format, Product
from ..formats.product_rule import Offset, ProductRule
from ..formats.rules import PRODUCT_RULES
from ..system.errors import BitmillError


def _known(name: str) -> str:
    if name not in PRODUCT_RULES:
        raise BitmillError(f"must be one of {', '.join(map(repr, PRODUCT_RULES))}, not {name!r}")
    return name


RuleName = Annotated[str, AfterValidator(_known)]
"""Name of a row of ``formats.rules``."""

RuleOffset = Annotated[int, Field(ge=1)] | Literal["none"] | None
"""Parameter of a rule."""


class RuleFacts:
    """What follows from ``product_rule`` and ``product_offset`` of a configuration."""

    if TYPE_CHECKING:
        weight: str
        activation: str
        product_rule: str
        product_offset: Offset

        def format_of(self, name: str) -> Format:
            """As a configuration has it."""
            ...

    @property
    def rule(self) -> ProductRule:
        """Row of ``product_rule``."""
        return PRODUCT_RULES[self.product_rule]

    def check_rule(self) -> None:
        """Refuse formats and a parameter that the rule does not have.

        Raises
        ------
        BitmillError
            Naming the field, the value and what is accepted.
        """
        self.rule.check(self.format_of(self.weight), self.format_of(self.activation), self.product_offset)

    @property
    def weight_format(self) -> Format:
        """Row of ``weight``, as the rule reads it."""
        return self.rule.operand(self.format_of(self.weight))

    @property
    def activation_format(self) -> Format:
        """Row of ``activation``, as the rule reads it."""
        return self.rule.operand(self.format_of(self.activation))

    @property
    def product(self) -> Product:
        """Facts about one product, weight times activation."""
        return self.rule.product(self.weight_format, self.activation_format, self.product_offset)
