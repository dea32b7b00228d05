"""What every accumulator kind says about itself: widths, titles, corner values, and which circuit it is."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer

from ..formats import Minifloat, Product

SumRounding = Literal["nearest-even", "truncate"]
"""How a float accumulator's sum loses what it has no bits for; ``truncate`` cuts the exact sum's magnitude, toward zero."""
NEAREST_EVEN: SumRounding = "nearest-even"


# Frozen is said in every class line, because type checkers derive from there that configurations can be hashed.
class Frozen(BaseModel, frozen=True):
    """A part of a configuration: immutable, no unknown fields, no conversions."""

    model_config = ConfigDict(extra="forbid", strict=True)

    def unusual(self) -> Iterator[tuple[str, Any, str]]:
        """Fields that are not as by default: name, value, and what it is by default, ``left out`` where it must be given."""
        for name, field in type(self).model_fields.items():
            value = getattr(self, name)
            if field.is_required() or value != field.get_default(call_default_factory=True):
                yield name, value, "left out" if field.is_required() else repr(field.default)


@dataclass(frozen=True, kw_only=True)
class Corners:
    """What sums must be aimed at, beside the edges of a float accumulator's format, for an accumulator to show all it does.

    Attributes
    ----------
    bound
        Sums at ``-bound`` and ``bound - 1`` units, and halves of a unit: where fixed point is limited and rounded.
    distances
        How far one product stands below another where something begins or ends, in bits.
    group
        Products after which something is rounded.
    """

    bound: int | None = None
    distances: frozenset[int] = frozenset()
    group: int | None = None


class AccumulatorSpec(Frozen, frozen=True):
    """What every kind states about itself; golden and hdl each have one implementation per kind.

    Attributes
    ----------
    kind
        The key: under it golden has its function.
    is_float
        Whether a result is a float's code; if not, it is signed fixed point in units of ``2**unit_exponent(product)``.
    can_saturate
        Whether a sum may be clamped, wrapped or overflow in a dot product of at most ``k_max`` products.
    never_rounds
        Whether a sum is exact, whatever its products and their order.
    takes_fixed_terms
        Whether it takes a step's exact sum in fixed point, however multipliers and aligners are built.
    takes_scales
        Whether it adds sums that are multiplied by block scales.
    """

    # Each kind declares its own, a literal.
    if TYPE_CHECKING:
        kind: str

    is_float: ClassVar[bool]
    can_saturate: ClassVar[bool]
    never_rounds: ClassVar[bool] = False
    takes_fixed_terms: ClassVar[bool] = True
    takes_scales: ClassVar[bool] = False

    @property
    def circuit(self) -> str:
        """The key under which hdl has its component: its kind, unless its fields ask for another circuit."""
        return self.kind

    @property
    def sort(self) -> str:
        """What pictures tell apart: the circuit, and of fixed point what happens beyond its range."""
        return self.circuit

    @property
    def wraps(self) -> bool:
        """Whether a sum beyond the range is taken modulo the width."""
        return False

    @property
    def fuses(self) -> bool:
        """Whether products of several steps are summed exactly before they are rounded."""
        return False

    @property
    def window_bits(self) -> int:
        """Width of the window that products are cut to; 0 where they are not."""
        return 0

    def corners(self, product: Product) -> Corners:
        """What sums must be aimed at to verify it."""
        return Corners()

    @property
    def zero_when_invalid(self) -> bool:
        """Whether a result with ``invalid`` set is 0; a float's code says itself what it is."""
        return not self.is_float

    @property
    def truncates(self) -> bool:
        """Whether sums are cut toward zero instead of rounded to nearest even."""
        return getattr(self, "rounding", NEAREST_EVEN) == "truncate"

    # Records and names of units are older than the choice of rounding.
    @model_serializer(mode="wrap")
    def _without_usual_rounding(self, fields: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in fields(self).items() if (name, value) != ("rounding", NEAREST_EVEN)}

    @abstractmethod
    def value_bits(self, *, product: Product, lanes: int, terms: int) -> int:
        """Width of the accumulator's value for dot products of at most ``terms`` products, ``lanes`` a step."""

    def float_format(self, *, product: Product, lanes: int) -> Minifloat | None:
        """The format of a float accumulator's codes; None for fixed point."""
        return None

    def products_per_rounding(self, lanes: int) -> int:
        """How many products are summed exactly before the accumulator takes them: those of one step, or a fused group."""
        return lanes

    def unit_exponent(self, product: Product) -> int:
        """Exponent of a fixed-point result's least bit."""
        return product.min_exponent

    def check(self, *, product: Product, lanes: int, k_max: int, terms: int) -> None:
        """Refuse what cannot be built. ``terms`` is ``k_max`` rounded up to whole steps.

        Raises
        ------
        BitmillError
            Naming the field, the value and what is accepted.
        """

    @abstractmethod
    def title(self, bits: int) -> str:
        """``exact 47-bit accumulator``."""
