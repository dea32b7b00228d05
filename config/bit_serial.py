"""The configuration of a bit-serial tile: weights of many types, a power-of-two term a cycle (BitMoD, HPCA 2025)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from .. import formats
from ..formats import Format, Minifloat
from ..formats.block import GROUP_SCALE_BITS
from ..system.errors import BitmillError
from .document import UnitConfig

Activation = Literal["FP16", "BF16", "INT8"]
GroupExponent = Literal["running", "given"]

MAX_STATE_BITS = 63
"""Widest accumulator: the golden model's is int64."""
MAX_GROUP_SCALE = (1 << GROUP_SCALE_BITS) - 1


class BitSerialConfig(UnitConfig, frozen=True):
    """A tile of ``rows`` x ``cols`` PEs that share activations by row and weights by column.

    Parameters
    ----------
    rows, cols
        PEs, 1 to 64 each.
    lanes
        Products that a PE works on at a time, 1 to 32.
    activation
        ``FP16``, ``BF16`` or, for tiles of integers without aligners, ``INT8``.
    weight_bits
        Width of the widest weight, 4, 6 or 8; a weight of b bits takes ``ceil(b / 2)`` cycles. All types of at most that
        width can be mixed at run time: symmetric and two's complement integers, BitMoD's FP3 and FP4.
    window
        Magnitude bits of an aligned activation, at least the format's significand and at most 32; 7 for INT8.
    group_exponent
        What a group's activations are aligned to: ``running``, the greatest exponent so far, which the tile finds itself and
        moves its sums down for; or ``given`` with the group's first step by whoever wrote the activations, so that PEs
        have no shifters.
    group
        The longest group, in products; a multiple of ``lanes``.
    drop
        Low bits of a group's sum that are rounded off before it is scaled.
    k_max
        The longest dot product, in products; ``too_long`` is set by one of more than ``max_steps`` steps.

    Raises
    ------
    pydantic.ValidationError
        From the constructor; ``from_toml`` and ``from_dict`` turn it into a one-line ``BitmillError``.
    """

    unit: Literal["bit-serial"] = "bit-serial"
    rows: Annotated[int, Field(ge=1, le=64)] = 1
    cols: Annotated[int, Field(ge=1, le=64)] = 1
    lanes: Annotated[int, Field(ge=1, le=32)] = 4
    activation: Activation = "FP16"
    weight_bits: Literal[4, 6, 8] = 8
    window: Annotated[int, Field(ge=7, le=32)] = 16
    group_exponent: GroupExponent = "running"
    group: Annotated[int, Field(ge=1, le=4096)] = 128
    drop: Annotated[int, Field(ge=0, le=16)] = 0
    k_max: Annotated[int, Field(ge=1, le=1 << 20)] = 4096

    @model_validator(mode="before")
    @classmethod
    def _window_of_integers(cls, fields: Any) -> Any:
        if isinstance(fields, dict) and fields.get("activation") == "INT8":
            return {"window": 7, **fields}
        return fields

    @model_validator(mode="after")
    def _consistent(self) -> BitSerialConfig:
        least = self.significand_bits
        if self.window < least or (self.is_integer and self.window != least):
            most = least if self.is_integer else 32
            raise BitmillError(f"window must be {least} to {most} for {self.activation}, not {self.window!r}")
        if self.is_integer and self.exponents_given:
            raise BitmillError(f"group_exponent must be 'running' for {self.activation}, not {self.group_exponent!r}")
        if self.group % self.lanes:
            raise BitmillError(f"group must be a multiple of lanes = {self.lanes}, not {self.group!r}")
        if self.k_max < self.lanes:
            raise BitmillError(f"k_max must be at least lanes = {self.lanes}, not {self.k_max!r}")
        if self.drop >= self.group_bits:
            raise BitmillError(f"drop must be below the {self.group_bits} bits of a group's sum, not {self.drop!r}")
        if self.total_bits > MAX_STATE_BITS:
            raise BitmillError(
                f"window, group, drop and k_max must need at most {MAX_STATE_BITS} bits to accumulate in, not {self.total_bits}"
            )
        return self

    @property
    def is_integer(self) -> bool:
        """Whether activations are integers, which need no aligning."""
        return self.activation == "INT8"

    @property
    def exponents_given(self) -> bool:
        """Whether a group's exponent comes with its first step."""
        return self.group_exponent == "given"

    @property
    def activation_format(self) -> Format:
        """Catalog row of the activations."""
        return formats.get(self.activation)

    @property
    def activation_float(self) -> Minifloat:
        """The same, where it is a float."""
        fmt = self.activation_format
        assert isinstance(fmt, Minifloat)
        return fmt

    @property
    def significand_bits(self) -> int:
        """Magnitude bits of an activation: 11 for FP16, 8 for BF16, 7 for INT8 (whose -128 is one step more)."""
        return 7 if self.is_integer else self.activation_float.significand_bits

    @property
    def term_cycles(self) -> int:
        """Cycles of the widest weight."""
        return self.weight_bits // 2

    @property
    def weight_magnitude(self) -> int:
        """Greatest magnitude of a weight, and of any sum of its first terms."""
        return max(20, 1 << (self.weight_bits - 1))

    @property
    def group_bits(self) -> int:
        """Signed width of a group's sum: ``group * weight_magnitude * 2**window`` at most."""
        return (self.group * self.weight_magnitude << self.window).bit_length() + 1

    @property
    def partial_bits(self) -> int:
        """Signed width of a group's sum after ``drop``, before it is rounded: hardware adds what rounds up to each multiple."""
        return self.group_bits - self.drop

    @property
    def scaled_bits(self) -> int:
        """Signed width of a group's rounded sum times its 8-bit scale.

        Rounding up may reach ``2**(partial_bits - 1)``, one more than ``partial_bits`` hold; times at most 255 it stays below
        ``2**(scaled_bits - 1)``.
        """
        return self.partial_bits + GROUP_SCALE_BITS

    @property
    def max_steps(self) -> int:
        """Steps of the longest dot product; the last may be filled up with zeros."""
        return -(-self.k_max // self.lanes)

    @property
    def greatest_total(self) -> int:
        """Greatest magnitude that a total can have, however ``max_steps`` steps are split into groups.

        A group of ``s`` steps sums to at most ``s * step``, with ``step = lanes * weight_magnitude * 2**window``. ``drop``
        divides it by ``2**drop`` and rounds: by at most 1/2, and to 0 what is below 1/2, so that rounding adds at most
        ``min(1/2, s * step / 2**drop)``. Over any split these add up to at most ``min(groups / 2, all / 2**drop)`` beyond
        ``all / 2**drop``, where ``all = max_steps * step``, and there are at most ``max_steps`` groups. Scales are at most 255.
        Moving a sum down by one place or more, rounded half up, never makes its magnitude greater, so that neither the order
        of exponents nor their number counts.
        """
        every = self.max_steps * self.lanes * self.weight_magnitude << self.window
        rounded = min(every, self.max_steps << self.drop >> 1) if self.drop else 0
        return MAX_GROUP_SCALE * (every + rounded >> self.drop)

    @property
    def total_bits(self) -> int:
        """Signed width of the sum over groups: that of the most full groups, or of ``greatest_total`` if that is wider.

        Without ``drop`` full groups are the most: one of ``s`` steps counts ``s`` times a step. With it a short one may round up
        to twice that.
        """
        full = -(-self.k_max // self.group)
        return max(self.scaled_bits + full.bit_length(), self.greatest_total.bit_length() + 1)

    @property
    def unit_offset(self) -> int:
        """A result's unit is ``2**(exponent + unit_offset)``, with the exponent 0 for integers."""
        if self.is_integer:
            return self.drop
        return self.drop - self.activation_float.exponent_bias - self.window + 1

    @property
    def macs(self) -> int:
        """Products that the whole tile works on at a time."""
        return self.rows * self.cols * self.lanes

    @property
    def without_dsp(self) -> str:
        """A PE shifts and adds."""
        return "a bit-serial tile has no multiplier, so no DSP block is used"

    @property
    def throughput(self) -> str:
        """``256 product(s) every ceil(b / 2) cycles, for weights of b bits``."""
        return f"{self.macs} product(s) every ceil(b / 2) cycles, for weights of b bits"

    @property
    def title(self) -> str:
        """``bit-serial 8x8 tile of 4 lanes, FP16 activations, 16-bit window``."""
        window = "" if self.is_integer else f", {self.window}-bit window"
        window += ", given exponents" if self.exponents_given else ""
        lanes = f"{self.lanes} lane{'s' * (self.lanes > 1)}"
        return f"bit-serial {self.rows}x{self.cols} tile of {lanes}, {self.activation} activations{window}"
