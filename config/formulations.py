"""The formulations of a unit, one row each: what multiplies, aligns and sums. Same function, different structure.

``hdl/mac/formulations.py`` has the components under the same keys. A new formulation is a component and a row in both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from dataclasses import field as field_
from typing import Annotated

from pydantic import AfterValidator

from ..formats import Product
from ..formats.packing import packs
from ..system.errors import BitmillError
from .accumulator_spec import AccumulatorSpec

FIELDS: tuple[str, ...] = ("multiplier", "aligner", "reduction")
"""Fields of a configuration that choose a formulation, in the order of the data path."""

ANY = "any"
INTEGERS = "signed integers"
MAGNITUDES = "signs, magnitudes and exponents"
PACKED = "integers of 2 bits or more, one of them signed, that fit a DSP block twice"
FEW_EXPONENTS = "signs, magnitudes and at most 16 exponents"

_PAIRS: Mapping[str, Callable[[Product], bool]] = {
    ANY: lambda _: True,
    INTEGERS: lambda product: product.significand_signed and not product.sign_bit and product.exponent_span == 0,
    MAGNITUDES: lambda product: product.exponent_span > 0 and not product.significand_signed,
    PACKED: packs,
    FEW_EXPONENTS: lambda product: 0 < product.exponent_span < 16 and not product.significand_signed,
}
"""Pairs of formats that a row may be for, as errors call them, and whether a pair is of them."""


@dataclass(frozen=True, kw_only=True)
class Formulation:
    """One way to build a part of a unit.

    Attributes
    ----------
    field
        Of ``FIELDS``.
    name
        The field's value.
    words
        What it is, for listings: the end of a sentence.
    title
        What a unit's title says of it; empty for the usual one.
    pairs
        Which pairs of formats it fits.
    lanes
        The least number of lanes it is built for.
    fixed_terms
        Whether it is only for accumulators that take sums in fixed point.
    windows
        Whether it is only for accumulators that align to a window.
    scales
        Whether it is only for steps with scales, whose sums are rounded one by one.
    arrays
        Whether arrays may have it.
    arrays_only
        Whether other units may not.
    dsp
        Whether it may use DSP blocks.
    only_with
        Which rows other fields may then have, of those that this one does the part of, or that it is made for.
    """

    field: str
    name: str
    words: str
    title: str = ""
    pairs: str = ANY
    lanes: int = 1
    fixed_terms: bool = False
    windows: bool = False
    scales: bool = False
    arrays: bool = True
    arrays_only: bool = False
    dsp: bool = False
    only_with: Mapping[str, tuple[str, ...]] = field_(default_factory=dict)


_FULL_ADDERS = ("compressed", "flat", "late")
"""Reductions that take terms bit by bit."""

_ROWS = (
    Formulation(
        field="multiplier", name="logic", words="rows on carry chains, for flows without DSP blocks",
    ),
    Formulation(
        field="multiplier", name="operator", dsp=True,
        words="a plain *, which synthesis maps to a DSP block or its own multiplier",
    ),
    Formulation(
        field="multiplier", name="columns", title="products in columns", pairs=INTEGERS, lanes=2, fixed_terms=True,
        words="rows that are summed over all lanes before they are put together", only_with={"aligner": ("grouped",)},
    ),
    Formulation(
        field="multiplier", name="recoded", title="products in recoded columns", pairs=INTEGERS, lanes=2, fixed_terms=True,
        words="columns of digits -2 to 1, which LUTs take with less recoding", only_with={"aligner": ("grouped",)},
    ),
    Formulation(
        field="multiplier", name="bits", title="products in bits", pairs=INTEGERS, lanes=2, fixed_terms=True,
        words="an AND or NAND per pair of bits, summed over all lanes before they are put together",
        only_with={"aligner": ("grouped",), "reduction": _FULL_ADDERS},
    ),
    Formulation(
        field="multiplier", name="digits", title="products in digits", pairs=INTEGERS, lanes=2, fixed_terms=True,
        words="a row per radix-4 digit by and-or gates, summed bit by bit over all lanes",
        only_with={"aligner": ("grouped",), "reduction": _FULL_ADDERS},
    ),
    Formulation(
        field="multiplier", name="placed", title="products in place", pairs=FEW_EXPONENTS, lanes=2, fixed_terms=True,
        words="products put in place by one-hot exponents of both operands", only_with={"aligner": ("grouped",)},
    ),
    Formulation(
        field="multiplier", name="packed", dsp=True, pairs=PACKED, fixed_terms=True, arrays_only=True,
        words="two columns' activations side by side times the weight that they share: one * for two products",
        only_with={"aligner": ("grouped",), "reduction": ("tree",)},
    ),
    Formulation(
        field="aligner", name="grouped", words="shift by the low exponent bits, place by groups",
    ),
    Formulation(
        field="aligner", name="barrel", title="barrel aligner", pairs=MAGNITUDES, lanes=2, fixed_terms=True,
        words="shift by all exponent bits one by one",
    ),
    Formulation(
        field="aligner", name="placed", title="placed aligner", pairs=MAGNITUDES, lanes=2, fixed_terms=True,
        words="one-hot exponents",
    ),
    Formulation(
        field="aligner", name="binned", title="binned aligner", pairs=MAGNITUDES, lanes=2, fixed_terms=True,
        words="high exponent bits choose an adder tree",
    ),
    Formulation(
        field="aligner", name="counted", title="counted aligner", pairs=MAGNITUDES, lanes=2, fixed_terms=True,
        words="placed among zeros, with no sign extended; what negative terms lack is counted over all lanes",
        only_with={"reduction": _FULL_ADDERS},
    ),
    Formulation(
        field="aligner", name="early", title="early signs", pairs=MAGNITUDES, lanes=2, windows=True,
        words="of aligned windows: signs before the shift, low bits of the distance before high ones, no comparators",
    ),
    Formulation(
        field="reduction", name="tree", words="adders two by two, a carry chain each",
    ),
    Formulation(
        field="reduction", name="compressed", title="sums in full adders", lanes=2, fixed_terms=True,
        words="full adders over the bits of all lanes, and of an exact accumulator, with one carry chain; for standard cells",
    ),
    Formulation(
        field="reduction", name="flat", title="sums in full and half adders", lanes=2, fixed_terms=True,
        words="as compressed, with half adders where a carry would run from place to place; for short clock periods",
    ),
    Formulation(
        field="reduction", name="late", title="sums in full and half adders, rounded late", lanes=2,
        fixed_terms=True, scales=True, arrays=False,
        words="as flat; scaled sums wait for the next cycle before they are normalised and rounded, and results with them",
    ),
    Formulation(
        field="reduction", name="carried", title="sums carried into the accumulator", lanes=2, windows=True,
        words="of aligned windows: full adders over the bits of all lanes and of the accumulator, with one carry chain",
        only_with={"aligner": ("early",)},
    ),
)  # fmt: skip

FORMULATIONS: Mapping[str, Mapping[str, Formulation]] = {
    field: {row.name: row for row in _ROWS if row.field == field} for field in FIELDS
}
"""All rows by field and name; the first of a field is the usual one."""

USUAL: Mapping[str, str] = {field: next(iter(rows)) for field, rows in FORMULATIONS.items()}
"""What a field is where a document leaves it out."""


def _known(field: str) -> AfterValidator:
    def check(name: str) -> str:
        if name not in FORMULATIONS[field]:
            raise BitmillError(f"must be {_listed(FORMULATIONS[field])}, not {name!r}")
        return name

    return AfterValidator(check)


MultiplierStyle = Annotated[str, _known("multiplier")]
AlignerStyle = Annotated[str, _known("aligner")]
ReductionStyle = Annotated[str, _known("reduction")]


def check_formulation(
    chosen: Mapping[str, str], *, product: Product, lanes: int, accumulator: AccumulatorSpec, scaled: bool, array: bool
) -> None:
    """A unit's rows fit its pair, its lanes and its accumulator.

    Parameters
    ----------
    chosen
        Field to the name of its row.
    product
        Facts about the pair.
    lanes
        Products a step.
    accumulator
        What sums of products go to.
    scaled
        Whether steps have scales.
    array
        Whether it is an array.

    Raises
    ------
    BitmillError
        Naming the field, the value and what is accepted.
    """
    for field, name in chosen.items():
        row = FORMULATIONS[field][name]
        accepted = f"{field} must be {_listed(_everywhere(field))}"
        if field == "multiplier" and not product.multiplies and name != USUAL[field]:
            raise BitmillError(
                f"{field} must be {USUAL[field]!r} for a product_rule that multiplies nothing, not {name!r}"
            )
        if not _PAIRS[row.pairs](product):
            raise BitmillError(f"{accepted} for pairs that are not of {row.pairs}, not {name!r}")
        if lanes < row.lanes:
            raise BitmillError(f"{accepted} for {lanes} lane{'s' * (lanes > 1)}, not {name!r}")
        if (row.fixed_terms and not accumulator.takes_fixed_terms) or (row.windows and not accumulator.window_bits):
            raise BitmillError(f"{accepted} for a {accumulator.kind} accumulator, not {name!r}")
        if row.scales and (not scaled or accumulator.fuses):
            what = "sums of several steps" if scaled else "steps without scales"
            raise BitmillError(f"{accepted} for {what}, not {name!r}")
        if row.arrays_only and not array:
            raise BitmillError(f"{accepted} for a unit whose products share no operand, which arrays' do, not {name!r}")
        if row.arrays_only and scaled:
            raise BitmillError(f"{accepted} for steps with scales, not {name!r}")
        if array and not row.arrays:
            raise BitmillError(f"{accepted} for an array, not {name!r}")
        for other, allowed in row.only_with.items():
            if chosen[other] not in allowed:
                raise BitmillError(f"{other} must be {_listed([*allowed])} for {field} {name!r}, not {chosen[other]!r}")


def titled(chosen: Mapping[str, str]) -> list[str]:
    """What a unit's title says of its formulation, unusual parts only, the aligner first."""
    rows = [FORMULATIONS[field][chosen[field]] for field in ("aligner", "multiplier", "reduction")]
    return [row.title for row in rows if row.title]


def _everywhere(field: str) -> list[str]:
    """Names of a field's rows that fit every unit."""
    rows = FORMULATIONS[field].values()
    return [row.name for row in rows if row.pairs == ANY and row.lanes == 1]


def _listed(names: Mapping[str, Formulation] | list[str]) -> str:
    *rest, last = map(repr, names)
    return f"{', '.join(rest)} or {last}" if rest else last
