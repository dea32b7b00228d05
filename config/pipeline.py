"""Where registers stand between a unit's operands and its accumulator: a depth, or a list of places."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator

from ..formats import Product
from ..system.errors import BitmillError

STAGES: tuple[str, ...] = ("multiply", "align", "reduce")
"""Where there may be registers, in the order in which a depth adds them."""

PLACES: Mapping[str, str] = {
    "multiply": "after the multiplier",
    "align": "after the aligner, of pairs with exponents",
    "reduce": "in the reduction, after every second row of adders and after its last one",
    "sum": "after the reduction only, which is fewer bits than before it",
    "scale": "after the sum was scaled, of units with scales",
}
"""Every place that a list may name, in the order of the data path."""


def _checked(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | list | tuple):
        accepted = False
    elif isinstance(value, int):
        accepted = 0 <= value <= len(STAGES)
    else:
        accepted = all(isinstance(place, str) and place in PLACES for place in value) and len({*value}) == len(value)
    if not accepted:
        places = ", ".join(map(repr, PLACES))
        raise BitmillError(f"must be 0 to {len(STAGES)}, or a list of some of {places}, each once, not {value!r}")
    if isinstance(value, int):
        return value
    ordered = tuple(place for place in PLACES if place in value)
    # What a depth says as well is that depth, so that one circuit has one name.
    return len(ordered) if ordered == STAGES[: len(ordered)] and len(ordered) < len(STAGES) else ordered


Pipeline = Annotated[int | tuple[str, ...], BeforeValidator(_checked)]
"""0 none, 1 after the multiplier, 2 after the aligner as well, 3 in the reductions (and after scaling) too; or places."""


def places_of(pipeline: Pipeline) -> frozenset[str]:
    """Where the registers are; a whole pipeline has them after scaling as well."""
    if not isinstance(pipeline, int):
        return frozenset(pipeline)
    return frozenset((*STAGES, "scale") if pipeline == len(STAGES) else STAGES[:pipeline])


def pipeline_name(pipeline: Pipeline) -> str:
    """``2``, or ``multiply+sum``."""
    return str(pipeline) if isinstance(pipeline, int) else "+".join(pipeline)


def check_pipeline(pipeline: Pipeline, *, product: Product, lanes: int, scaled: bool) -> None:
    """Whether every place of a list is one that the unit has: a depth leaves out what is not there.

    Raises
    ------
    BitmillError
        Naming the field, the value and what is accepted.
    """
    if isinstance(pipeline, int):
        return
    for place, there, without in (
        ("align", product.exponent_span > 0, "pairs without exponents"),
        ("reduce", lanes > 1, "1 lane"),
        ("scale", scaled, "steps without scales"),
        ("sum", "reduce" not in pipeline, "a reduction with registers, which ends in one"),
    ):
        if place in pipeline and not there:
            raise BitmillError(f"pipeline must be without {place!r} for {without}, not {list(pipeline)!r}")
