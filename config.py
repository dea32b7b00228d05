"""The one configuration object that golden, hdl, sim, fpga and reports are all called with."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from . import formats
from .accumulators import (
    MAX_EXACT_BITS,
    Accumulator,
    AccumulatorSpec,
    ExactAccumulator,
    FixedAccumulator,
    FloatAccumulator,
    Frozen,
    WindowAccumulator,
)
from .errors import BitmillError
from .formats import Format, Minifloat, Product

__all__ = [
    "MAX_EXACT_BITS",
    "PRESETS",
    "REPORT_PAIRS",
    "AcceleratorConfig",
    "Accumulator",
    "AccumulatorSpec",
    "ExactAccumulator",
    "FixedAccumulator",
    "FloatAccumulator",
    "WindowAccumulator",
    "pair_key",
    "preset",
]


class AcceleratorConfig(Frozen, frozen=True):
    """What a unit or an array of units computes and how it is built.

    Parameters
    ----------
    weight, activation
        Names of catalog formats, the two operands.
    unit
        ``mac``: one product a step; ``dot``: ``lanes`` products a step, summed with one alignment; ``array``: ``rows`` x
        ``cols`` PEs, output-stationary, each of them a ``dot`` (or, with one lane, a ``mac``).
    rows, cols
        PEs of an ``array``, 1 to 256 each: weights come in by rows, activations by columns. 1 for other units.
    lanes
        Products a step and PE, 1 to 1024; 1 for ``mac``.
    k_max
        The longest dot product the unit must hold, in products. A longer one sets ``too_long``.
    accumulator
        An ``ExactAccumulator`` (default), ``FixedAccumulator``, ``WindowAccumulator`` or ``FloatAccumulator``.
    multiplier
        ``logic``: rows on carry chains, for flows without DSP blocks; ``operator``: a plain ``*``, which synthesis maps
        to a DSP block or its own multiplier. Same function, different structure.

    Raises
    ------
    pydantic.ValidationError
        From the constructor; ``from_toml`` and ``from_dict`` turn it into a one-line ``BitmillError``.
    """

    weight: str
    activation: str
    unit: Literal["mac", "dot", "array"] = "mac"
    rows: Annotated[int, Field(ge=1, le=256)] = 1
    cols: Annotated[int, Field(ge=1, le=256)] = 1
    lanes: Annotated[int, Field(ge=1, le=1024)] = 1
    k_max: Annotated[int, Field(ge=1, le=1 << 24)] = 4096
    accumulator: Accumulator = ExactAccumulator()
    multiplier: Literal["logic", "operator"] = "logic"

    @field_validator("weight", "activation")
    @classmethod
    def _known_format(cls, name: str) -> str:
        fmt = formats.get(name)
        if fmt.zero_code is None:
            raise BitmillError(f"must be a format with a zero, not {name!r}")
        return fmt.name

    @model_validator(mode="after")
    def _consistent(self) -> AcceleratorConfig:
        for name, size in (("rows", self.rows), ("cols", self.cols)):
            if self.unit != "array" and size != 1:
                raise BitmillError(f"{name} must be 1 for unit {self.unit!r}, not {size!r}")
        if self.unit == "mac" and self.lanes != 1:
            raise BitmillError(f"lanes must be 1 for unit 'mac', not {self.lanes!r}")
        if self.k_max < self.lanes:
            raise BitmillError(f"k_max must be at least lanes = {self.lanes}, not {self.k_max!r}")
        self.accumulator.check(product=self.product, lanes=self.lanes, k_max=self.k_max, terms=self.padded_k_max)
        return self

    @property
    def weight_format(self) -> Format:
        """Catalog row of ``weight``."""
        return formats.get(self.weight)

    @property
    def activation_format(self) -> Format:
        """Catalog row of ``activation``."""
        return formats.get(self.activation)

    @property
    def product(self) -> Product:
        """Facts about one exact product, weight times activation."""
        return Product(self.weight_format, self.activation_format)

    @property
    def pes(self) -> int:
        """Processing elements, 1 where the unit is no array."""
        return self.rows * self.cols

    @property
    def macs(self) -> int:
        """Products a step of the whole unit."""
        return self.pes * self.lanes

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
        """Width of the accumulator's value: fixed point in units of ``2**product.min_exponent``, or a float's code."""
        return self.accumulator.value_bits(product=self.product, lanes=self.lanes, terms=self.padded_k_max)

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
        """``E2M1 x E4M3 dot32, exact 47-bit accumulator``."""
        pair = self.weight if self.weight == self.activation else f"{self.weight} x {self.activation}"
        unit = {"mac": "MAC", "dot": f"dot{self.lanes}", "array": f"{self.rows}x{self.cols} array"}[self.unit]
        if self.unit == "array" and self.lanes > 1:
            unit += f" of dot{self.lanes}"
        return f"{pair} {unit}, {self.accumulator.title(self.accumulator_bits)}"

    @classmethod
    def from_dict(cls, fields: dict[str, Any], *, source: str = "configuration") -> AcceleratorConfig:
        """Validate a mapping such as a parsed TOML document.

        Raises
        ------
        BitmillError
            Naming the field, the value and what is accepted.
        """
        try:
            return cls.model_validate(fields)
        except ValidationError as error:
            raise BitmillError(f"{source}: {one_line(error, cls)}") from None

    @classmethod
    def from_toml(cls, path: Path | str) -> AcceleratorConfig:
        """Read and validate a TOML file.

        Raises
        ------
        BitmillError
            If the file cannot be read, is not TOML, or a field is unknown, ill-typed or out of range.
        """
        fields = read_toml(path)
        return cls.from_dict(fields, source=str(path))

    def to_dict(self) -> dict[str, Any]:
        """Plain data that ``from_dict`` accepts and that writes to JSON or TOML; only arrays have rows and columns."""
        fields = self.model_dump(exclude_none=True)
        if self.unit != "array":
            del fields["rows"], fields["cols"]
        return fields

    def to_toml(self) -> str:
        """A TOML document that ``from_toml`` reads as this configuration."""
        return toml_document(self.to_dict())


def read_toml(path: Path | str) -> dict[str, Any]:
    """The fields of a TOML file.

    Raises
    ------
    BitmillError
        If the file cannot be read or is not TOML.
    """
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise BitmillError(f"{path}: cannot read the configuration: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BitmillError(f"{path}: not a TOML file: {error}") from None


def toml_document(fields: dict[str, Any]) -> str:
    """Strings, numbers and tables of them as TOML."""
    tables = {name: value for name, value in fields.items() if isinstance(value, dict)}
    lines = [_toml_line(name, value) for name, value in fields.items() if name not in tables]
    for name, table in tables.items():
        lines += ["", f"[{name}]", *(_toml_line(field, value) for field, value in table.items())]
    return "\n".join(lines) + "\n"


def _toml_line(name: str, value: str | int) -> str:
    # Strings here are names from fixed lists, which JSON and TOML write alike.
    return f"{name} = {json.dumps(value)}"


def one_line(error: ValidationError, model: type[BaseModel]) -> str:
    """The first thing that is wrong: the field, the value and what is accepted."""
    first = error.errors(include_url=False)[0]
    kinds = {kind.model_fields["kind"].default for kind in get_args(get_args(Accumulator)[0])}
    field = ".".join(str(part) for part in first["loc"] if part not in kinds)
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "value_error":
        return f"{field}: {message}" if field else message
    if first["type"] == "extra_forbidden":
        accepted = ", ".join(model.model_fields) if "." not in field else "see the README"
        return f"field {field!r} is unknown; accepted are {accepted}"
    if first["type"] == "missing":
        return f"field {field!r} is required"
    return f"{field}: {message[0].lower()}{message[1:]}, not {first['input']!r}"


REPORT_PAIRS: tuple[tuple[str, str], ...] = (
    ("INT4", "INT4"),
    ("INT8", "INT8"),
    ("E2M1", "E2M1"),
    ("E2M3", "E2M3"),
    ("E3M2", "E3M2"),
    ("E4M3", "E4M3"),
    ("E5M2", "E5M2"),
    ("INT4", "INT8"),
    ("E2M1", "E4M3"),
)
"""Weight and activation formats that the presets and the int-vs-fp report cover."""


def pair_key(weight: str, activation: str) -> str:
    """``e4m3`` or ``e2m1xe4m3``: how names of presets and records call two operand formats."""
    return weight.lower() if weight == activation else f"{weight}x{activation}".lower()


def _preset_rows() -> dict[str, AcceleratorConfig]:
    rows: dict[str, AcceleratorConfig] = {}
    for weight, activation in REPORT_PAIRS:
        pair = pair_key(weight, activation)
        rows[f"{pair}-mac"] = AcceleratorConfig(weight=weight, activation=activation)
        rows[f"{pair}-mac-fp32"] = AcceleratorConfig(
            weight=weight, activation=activation, accumulator=FloatAccumulator()
        )
        rows[f"{pair}-dot32"] = AcceleratorConfig(weight=weight, activation=activation, unit="dot", lanes=32)
    for pair, width in (("int8", 32), ("e4m3", None)):
        for size in (4, 8, 16):
            rows[f"{pair}-{size}x{size}"] = AcceleratorConfig(
                weight=pair.upper(),
                activation=pair.upper(),
                unit="array",
                rows=size,
                cols=size,
                accumulator=ExactAccumulator(width=width),
            )
    return rows


PRESETS: dict[str, AcceleratorConfig] = _preset_rows()


def preset(name: str) -> AcceleratorConfig:
    """The named configuration.

    Raises
    ------
    BitmillError
        If there is no preset of that name; the message lists them.
    """
    if name not in PRESETS:
        raise BitmillError(f"preset must be one of {', '.join(PRESETS)}, not {name!r}")
    return PRESETS[name]
