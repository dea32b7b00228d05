"""The one configuration object that golden, hdl, sim, fpga and reports are all called with."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from .. import formats
from ..formats import Minifloat
from ..formats.rules import USUAL_RULE
from ..system.errors import BitmillError
from .accumulator_spec import AccumulatorSpec
from .accumulators import (
    MAX_EXACT_BITS,
    Accumulator,
    ExactAccumulator,
    FixedAccumulator,
    FloatAccumulator,
    WindowAccumulator,
)
from .document import toml_document
from .formulations import (
    FIELDS,
    FORMULATIONS,
    USUAL,
    AlignerStyle,
    MultiplierStyle,
    ReductionStyle,
    check_formulation,
    titled,
)
from .pipeline import STAGES, Pipeline, check_pipeline, pipeline_name, places_of
from .product_rules import RuleFacts, RuleName, RuleOffset
from .scales import NO_SCALE, ScaleFacts, scale_name
from .user_formats import NamesFormats

__all__ = [
    "MAX_EXACT_BITS",
    "Accumulator",
    "AccumulatorSpec",
    "ExactAccumulator",
    "FixedAccumulator",
    "FloatAccumulator",
    "MacConfig",
    "WindowAccumulator",
]


class MacConfig(RuleFacts, ScaleFacts, NamesFormats, frozen=True):
    """What a unit or an array of units computes and how it is built.

    Parameters
    ----------
    weight, activation
        Names of formats, the two operands: of the catalog, or of ``formats``. They have a zero, or numbers of both signs; where
        neither has a zero (bipolar times bipolar), nothing fills up steps, and K is a multiple of ``lanes``.
    unit
        ``mac``: one product a step; ``dot``: ``lanes`` products a step, summed with one alignment; ``array``: ``rows`` x
        ``cols`` PEs, output-stationary, each of them a ``dot`` (or, with one lane, a ``mac``).
    rows, cols
        PEs of an ``array``, 1 to 256 each: weights come in by rows, activations by columns. 1 for other units.
    lanes
        Products a step and PE, 1 to 1024; 1 for ``mac``.
    k_max
        The longest dot product the unit must hold, in products. Hardware counts steps: ``too_long`` is set by a dot product of
        more than ``max_steps`` of them, ``k_max`` rounded up to whole steps, for which exact accumulators have room.
    accumulator
        An ``ExactAccumulator`` (default), ``FixedAccumulator``, ``WindowAccumulator`` or ``FloatAccumulator``.
    pipeline
        Registers between a unit's input register and its accumulator: 0 none, 1 after the multiplier, 2 after the aligner as
        well, 3 in the reductions too; or a list of places of ``config.pipeline.PLACES``, such as ``["sum"]``. Same function,
        another latency and another clock.
    multiplier
        ``logic``: rows on carry chains, for flows without DSP blocks; ``operator``: a plain ``*``, which synthesis maps
        to a DSP block or its own multiplier; ``columns``: rows that are summed over all lanes before they are put together,
        for two's complement pairs without exponents and at least two lanes; ``bits``, ``digits``: as that, with ``compressed``
        sums, as a gate per pair of bits or an and-or gate per bit of a radix-4 row; ``placed``: products of minifloats of few
        exponents, multiplied and put in place at once; ``packed``: in arrays, one ``*`` for two columns' products. Same function,
        different structure.
    aligner
        How products get to fixed point: ``grouped``: shift by the low exponent bits, place by groups; ``barrel``: shift by all
        exponent bits one by one; ``placed``: one-hot exponents; ``binned``: high exponent bits choose an adder tree. Others
        than ``grouped`` are for at least two lanes of sign-magnitude pairs with exponents. Same function, different structure.
    reduction
        How terms of several lanes are summed: ``tree``: adders two by two; ``compressed``: full adders over the bits of all lanes
        and an exact accumulator's, for standard cells; ``flat``: as that, with half adders where a carry would run along;
        ``late``: as that, of dot products with scales, normalised and rounded a cycle later; ``carried``: of windows with the
        aligner ``early``, full adders over the bits of all lanes and the accumulator's. ``config.formulations`` has the rows of
        all three.
    scale
        Name of a format, such as ``E8M0`` or ``E4M3``: every step carries scales, in a ``mac`` or ``dot`` one per operand, in an
        ``array`` one for each row's weights and one for each column's activations. The step's exact sum of products is multiplied
        by both of its scales, exactly, and NaN if one of them is no number. For a ``FloatAccumulator``. Elements are worth what
        their formats say: INT8 is an integer, 64 times an element of MXINT8.
    block
        Products that share a scale: ``lanes``, if left out, or a multiple of it. A block then spans several steps; the scales
        count that come with its first step, and hold until the block or the dot product ends.
    saturated
        Results carry a flag ``saturated``: in some step of the dot product the accumulator was clamped, wrapped, or overflowed
        (to infinity, or to the greatest number where it truncates). 0 where ``invalid`` is set. For accumulators that can: not
        for ``exact`` and ``window`` ones.
    product_rule, product_offset
        What a product is: a row of ``formats.rules``, and its parameter, for rules that have one.

    Raises
    ------
    pydantic.ValidationError
        From the constructor; ``from_toml`` and ``from_dict`` turn it into a one-line ``BitmillError``.
    """

    FORMAT_FIELDS: ClassVar[tuple[str, ...]] = ("weight", "activation", "scale")

    weight: str
    activation: str
    unit: Literal["mac", "dot", "array"] = "mac"
    rows: Annotated[int, Field(ge=1, le=256)] = 1
    cols: Annotated[int, Field(ge=1, le=256)] = 1
    lanes: Annotated[int, Field(ge=1, le=1024)] = 1
    k_max: Annotated[int, Field(ge=1, le=1 << 24)] = 4096
    accumulator: Accumulator = ExactAccumulator()
    pipeline: Pipeline = len(STAGES)
    multiplier: MultiplierStyle = USUAL["multiplier"]
    aligner: AlignerStyle = USUAL["aligner"]
    reduction: ReductionStyle = USUAL["reduction"]
    scale: str = NO_SCALE
    block: Annotated[int, Field(ge=1)] | None = None
    saturated: bool = False
    product_rule: RuleName = USUAL_RULE
    product_offset: RuleOffset = None

    @field_validator("weight", "activation")
    @classmethod
    def _known_format(cls, name: str, info: ValidationInfo) -> str:
        fmt = formats.get(name, info.data.get("formats", ()))
        # Bipolar ones do without: see ``idle_codes``.
        if fmt.zero_code is None and not fmt.fixed_min < 0 < fmt.fixed_max:
            raise BitmillError(f"must be a format with a zero, or with numbers of both signs, not {name!r}")
        return fmt.name

    @field_validator("scale")
    @classmethod
    def _known_scale(cls, name: str, info: ValidationInfo) -> str:
        return scale_name(name, info.data.get("formats", ()))

    @model_validator(mode="before")
    @classmethod
    def _usual_block(cls, fields: Any) -> Any:
        """A block of one step, left out as by default."""
        if isinstance(fields, dict) and "block" in fields and fields["block"] == fields.get("lanes", 1):
            return {name: value for name, value in fields.items() if name != "block"}
        return fields

    @model_validator(mode="after")
    def _consistent(self) -> MacConfig:
        for name, size in (("rows", self.rows), ("cols", self.cols)):
            if self.unit != "array" and size != 1:
                raise BitmillError(f"{name} must be 1 for unit {self.unit!r}, not {size!r}")
        if self.unit == "mac" and self.lanes != 1:
            raise BitmillError(f"lanes must be 1 for unit 'mac', not {self.lanes!r}")
        if self.k_max < self.lanes:
            raise BitmillError(f"k_max must be at least lanes = {self.lanes}, not {self.k_max!r}")
        self.check_rule()
        self.check_scale(self.accumulator)
        check_pipeline(
            self.pipeline, product=self.product, lanes=self.lanes, scaled=self.scale != NO_SCALE
        )  # fmt: skip
        check_formulation(
            self.formulation, product=self.product, lanes=self.lanes, accumulator=self.accumulator,
            scaled=self.scale != NO_SCALE, array=self.by_rows,
        )  # fmt: skip
        self.accumulator.check(product=self.product, lanes=self.lanes, k_max=self.k_max, terms=self.padded_k_max)
        if self.saturated and not self.accumulator.can_saturate:
            kind = self.accumulator.kind
            raise BitmillError(
                f"saturated must be false for an accumulator of kind {kind!r}, which never saturates, not {self.saturated!r}"
            )
        return self

    @property
    def formulation(self) -> dict[str, str]:
        """Field to the name of its row in ``config.formulations``."""
        return {field: getattr(self, field) for field in FIELDS}

    @property
    def states_formulation(self) -> bool:
        """Whether it was made with a formulation of its own, so that none is chosen for it."""
        return bool(self.model_fields_set & {*FIELDS})

    @property
    def idle_codes(self) -> tuple[int, int] | None:
        """Codes of a weight and an activation whose product is 0, which fill up ragged steps; None if no product is.

        One of two formats may have no zero, as bipolar ones: its first number then meets the other's zero.
        """
        formats = self.weight_format, self.activation_format
        if all(fmt.zero_code is None for fmt in formats):
            return None
        weight, activation = (fmt.first_number if fmt.zero_code is None else fmt.zero_code for fmt in formats)
        return weight, activation

    @property
    def pes(self) -> int:
        """Processing elements, 1 where the unit is no array."""
        return self.rows * self.cols

    @property
    def macs(self) -> int:
        """Products a step of the whole unit."""
        return self.pes * self.lanes

    share: ClassVar[str] = "MAC"

    def shown(self, field: str) -> str:
        """An accumulator by its title."""
        return self.accumulator.title(self.accumulator_bits) if field == "accumulator" else super().shown(field)

    @property
    def without_dsp(self) -> str:
        """Multipliers of logic use none."""
        uses = [row.name for row in FORMULATIONS["multiplier"].values() if row.dsp]
        if self.multiplier in uses:
            return ""
        return f"multiplier = {self.multiplier!r} uses no DSP block; multiplier = {' or '.join(map(repr, uses))} does"

    @property
    def by_rows(self) -> bool:
        """Whether results leave in rows, one for each column of PEs."""
        return self.unit == "array"

    @property
    def is_usual_unit(self) -> bool:
        """Whether the number of lanes says which unit it is, or its rows and columns do: a ``mac`` of one, a ``dot`` of more."""
        return self.by_rows or self.unit == ("mac" if self.lanes == 1 else "dot")

    @property
    def throughput(self) -> str:
        """``32 product(s) a cycle``."""
        return f"{self.macs} product(s) a cycle"

    @property
    def max_steps(self) -> int:
        """Steps (beats of ``lanes`` products) of the longest dot product; the last one may be padded with zeros."""
        return -(-self.k_max // self.lanes)

    @property
    def padded_k_max(self) -> int:
        """``k_max`` rounded up to whole steps."""
        return self.max_steps * self.lanes

    @property
    def accumulator_bits(self) -> int:
        """Width of the accumulator's value: fixed point in units of ``2**unit_exponent``, or a float's code."""
        return self.accumulator.value_bits(product=self.product, lanes=self.lanes, terms=self.padded_k_max)

    @property
    def unit_exponent(self) -> int:
        """Exponent of a fixed-point result's least bit."""
        return self.accumulator.unit_exponent(self.product)

    @property
    def accumulator_format(self) -> Minifloat | None:
        """The format of a float accumulator's codes, an aligned window's included; None for fixed point."""
        return self.accumulator.float_format(product=self.product, lanes=self.lanes)

    @property
    def products_per_rounding(self) -> int:
        """Products that are summed exactly before the accumulator takes them: those of a step, or of a fused group."""
        return self.accumulator.products_per_rounding(self.lanes)

    @property
    def title(self) -> str:
        """``E2M1 x E4M3 dot32, exact 47-bit accumulator``, ``MX E2M1 dot32, FP32 accumulator``.

        ``E4M3-scaled E2M1 4x4 array of dot4, blocks of 16, FP32 accumulator``.
        """
        pair = {NO_SCALE: "", "E8M0": "MX "}.get(self.scale, f"{self.scale}-scaled ")
        pair = f"{self.rule.title} {pair}" if self.rule.title else pair
        pair += self.weight if self.weight == self.activation else f"{self.weight} x {self.activation}"
        unit = {"mac": "MAC", "dot": f"dot{self.lanes}", "array": f"{self.rows}x{self.cols} array"}[self.unit]
        if self.unit == "array" and self.lanes > 1:
            unit += f" of dot{self.lanes}"
        unit += f", blocks of {self.block}" if self.block is not None else ""
        rest = f", pipeline {pipeline_name(self.pipeline)}" if self.pipeline != len(STAGES) else ""
        rest += "".join(f", {words}" for words in titled(self.formulation))
        rest += ", saturation flagged" if self.saturated else ""
        rest += "" if self.product_offset is None else f", {self.rule.offset_title(self.product_offset)}"
        return f"{pair} {unit}, {self.accumulator.title(self.accumulator_bits)}{rest}"

    def registers(self, place: str) -> bool:
        """Whether there is a register at this place of the data path, one of ``config.pipeline.PLACES``."""
        return place in places_of(self.pipeline)

    def to_dict(self) -> dict[str, Any]:
        """Plain data that ``from_dict`` accepts and that writes to JSON or TOML, without what is as it is by default.

        Only arrays have rows and columns, ``scale`` is there where steps carry one, ``block`` where it spans several steps,
        ``pipeline`` where it is not whole, ``aligner`` and ``reduction`` where they are not the usual ones,
        ``saturated`` where it is asked for, ``product_rule`` where products are not exact.
        """
        fields = super().to_dict()
        if self.pipeline == len(STAGES):
            del fields["pipeline"]
        elif not isinstance(self.pipeline, int):
            fields["pipeline"] = list(self.pipeline)
        if self.scale == NO_SCALE:
            del fields["scale"]
        for field in ("aligner", "reduction"):
            if fields[field] == USUAL[field]:
                del fields[field]
        if not self.saturated:
            del fields["saturated"]
        if self.product_rule == USUAL_RULE:
            del fields["product_rule"]
        if self.unit != "array":
            del fields["rows"], fields["cols"]
        return fields

    def to_toml(self) -> str:
        """A document that ``from_toml`` reads as this configuration; it states a formulation only where this one does.

        ``synth`` of what ``generate`` wrote then asks the same as of what ``generate`` read.
        """
        fields = self.to_dict()
        if not self.states_formulation:
            del fields["multiplier"]
        return toml_document(fields)
