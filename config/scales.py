"""Block scales of steps: which formats they may have, what fits them, and the facts that follow."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from .. import formats
from ..formats import Format, Product
from ..system.errors import BitmillError
from .accumulators import MAX_EXACT_BITS

if TYPE_CHECKING:
    from .accumulator_spec import AccumulatorSpec

NO_SCALE = "none"
"""``scale`` of units whose steps carry none."""
MAX_SCALE_BITS = 16
"""Widest format of scales."""


def scale_name(name: str, own: Iterable[Format]) -> str:
    """The name of a format of scales as its row has it, or ``none``.

    Raises
    ------
    BitmillError
        If there is no such format, or it cannot be that of scales.
    """
    if name.strip().lower() == NO_SCALE:
        return NO_SCALE
    accepted = f"must be {NO_SCALE!r} or a format of at most {MAX_SCALE_BITS} bits such as 'E8M0' or 'E4M3'"
    try:
        fmt = formats.get(name, own)
    except BitmillError as error:
        raise BitmillError(f"{accepted}: {error}") from None
    # Two's complement would need another multiplier than signs and magnitudes.
    is_negative = fmt.significand_signed and fmt.fixed_min < 0
    if fmt.bits > MAX_SCALE_BITS or is_negative or fmt.fixed_max <= 0:
        raise BitmillError(f"{accepted}, of positive numbers or of signs and magnitudes, not {name!r}")
    return fmt.name


class ScaleFacts:
    """What follows from ``scale`` and ``block`` of a configuration."""

    if TYPE_CHECKING:
        lanes: int
        scale: str
        block: int | None

        @property
        def product(self) -> Product:
            """As a configuration has it."""
            ...

        @property
        def products_per_rounding(self) -> int:
            """As a configuration has it."""
            ...

        def format_of(self, name: str) -> Format:
            """As a configuration has it."""
            ...

    def check_scale(self, accumulator: AccumulatorSpec) -> None:
        """Refuse blocks and an accumulator that do not fit.

        Raises
        ------
        BitmillError
            Naming the field, the value and what is accepted.
        """
        if self.scale == NO_SCALE:
            if self.block is not None:
                raise BitmillError(f"block must be left out for scale 'none', not {self.block!r}")
            return
        if self.block is not None and self.block % self.lanes:
            raise BitmillError(
                f"block must be a multiple of lanes = {self.lanes}, as a step has one scale of each operand, not {self.block!r}"
            )
        if not accumulator.takes_scales:
            raise BitmillError(f"accumulator.kind must be 'float' for scale {self.scale!r}, not {accumulator.kind!r}")
        if accumulator.fuses and self.fused_bits > MAX_EXACT_BITS:
            raise BitmillError(
                f"accumulator.fused must be left out for scale {self.scale!r} where exact sums of groups need more than "
                f"{MAX_EXACT_BITS} bits, not {self.products_per_rounding!r} of {self.fused_bits} bits"
            )

    @property
    def scale_format(self) -> Format | None:
        """Row of the scales' format; None where steps carry none."""
        return None if self.scale == NO_SCALE else self.format_of(self.scale)

    @property
    def scale_product(self) -> Product | None:
        """Facts about the product of a step's two scales; None where steps carry none."""
        fmt = self.scale_format
        return None if fmt is None else Product(fmt, fmt)

    @property
    def block_size(self) -> int:
        """Products that share a scale; those of a step where there is none."""
        return self.block or self.lanes

    @property
    def steps_per_block(self) -> int:
        """Steps that share scales."""
        return self.block_size // self.lanes

    @property
    def fused_bits(self) -> int:
        """Width of the exact sum of a fused group's products times their scales, in units of the least of both."""
        scales = self.scale_product
        greatest = max(map(abs, self.product.sum_range(self.products_per_rounding)))
        return (greatest * (1 if scales is None else scales.fixed_max)).bit_length() + 1
