"""The built-in configurations by name: units, arrays, bit-serial tiles, units of rows, parallel PEs, and those of families."""

from __future__ import annotations

import difflib
from typing import Any

from ..formats.block import get_block
from ..system.errors import BitmillError
from ..system.text import short
from .bit_serial import BitSerialConfig
from .document import UnitConfig
from .family import FAMILIES
from .mac import ExactAccumulator, FloatAccumulator, MacConfig
from .row_presets import OTHER_UNITS

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


MX_BLOCKS = ("mxfp4", "mxfp6", "mxfp8", "mxint8")
"""Blocks of which there is a dot product of one block; INT8 elements are integers here, 64 times MXINT8's."""
SCALED_ARRAYS = {"nvfp4": 4, "mxfp4": 8, "mxfp8": 4}
"""Blocks of which there is a 4 x 4 array, and its lanes: a block spans four steps, or eight."""

L_MUL_UNITS: dict[str, dict[str, Any]] = {
    "l-mul-e4m3-dot8": {"weight": "E4M3", "unit": "dot", "lanes": 8, "product_rule": "l-mul"},
    "l-mul-add-e4m3-dot8": {"weight": "E4M3", "unit": "dot", "lanes": 8, "product_rule": "l-mul-add"},
    "l-mul-add-e5m2-mac": {"weight": "E5M2", "product_rule": "l-mul-add"},
    "l-mul-bf16-mac-fp32": {"weight": "BF16", "product_rule": "l-mul", "accumulator": FloatAccumulator()},
}
"""Units whose products are L-Mul's; both operands are of one format."""


def pair_key(weight: str, activation: str) -> str:
    """``e4m3`` or ``e2m1xe4m3``: how names of presets and records call two operand formats."""
    return weight.lower() if weight == activation else f"{weight}x{activation}".lower()


def _units() -> dict[str, MacConfig]:
    rows: dict[str, MacConfig] = {}
    for weight, activation in REPORT_PAIRS:
        pair = pair_key(weight, activation)
        rows[f"{pair}-mac"] = MacConfig(weight=weight, activation=activation)
        rows[f"{pair}-mac-fp32"] = MacConfig(weight=weight, activation=activation, accumulator=FloatAccumulator())
        rows[f"{pair}-dot32"] = MacConfig(weight=weight, activation=activation, unit="dot", lanes=32)
    for pair, width in (("int8", 32), ("e4m3", None)):
        for size in (4, 8, 16):
            rows[f"{pair}-{size}x{size}"] = MacConfig(
                weight=pair.upper(),
                activation=pair.upper(),
                unit="array",
                rows=size,
                cols=size,
                accumulator=ExactAccumulator(width=width),
            )
    for name in MX_BLOCKS:
        rows[f"{name}-dot32"] = _of_block(name, unit="dot", lanes=32)
    rows["nvfp4-dot16"] = _of_block("nvfp4", unit="dot", lanes=16)
    rows["bfp4-16-dot16"] = _of_block("bfp4-16", unit="dot", lanes=16)
    for name, lanes in SCALED_ARRAYS.items():
        rows[f"{name}-4x4"] = _of_block(name, unit="array", rows=4, cols=4, lanes=lanes)
    rows["int8xint4-2x4-packed"] = MacConfig(
        weight="INT8", activation="INT4", unit="array", rows=2, cols=4, multiplier="packed"
    )
    for name, fields in L_MUL_UNITS.items():
        rows[name] = MacConfig.model_validate({**fields, "activation": fields["weight"]})
    return rows


def _of_block(name: str, **fields: Any) -> MacConfig:
    """A unit for blocks of that name, with FP32 accumulators."""
    row = get_block(name)
    (element,) = row.elements
    return MacConfig.model_validate({
        "weight": element, "activation": element, "accumulator": FloatAccumulator(), "scale": row.scale, "block": row.group,
        **fields,
    })  # fmt: skip


UNITS: dict[str, MacConfig] = _units()
"""MACs, dot products, dot products of scaled blocks, and arrays."""

TILES: dict[str, BitSerialConfig] = {
    "bitmod-pe": BitSerialConfig(),
    "bitmod-8x8": BitSerialConfig(rows=8, cols=8),
    "bitmod-bf16-4x4": BitSerialConfig(rows=4, cols=4, activation="BF16"),
    "bitmod-int8-8x8": BitSerialConfig(rows=8, cols=8, activation="INT8"),
}
"""Bit-serial tiles."""

FAMILY_UNITS: dict[str, UnitConfig] = {name: unit for row in FAMILIES.values() for name, unit in row.presets.items()}
"""Those that stand in the configurations of their families."""

PRESETS: dict[str, UnitConfig] = {**UNITS, **TILES, **OTHER_UNITS, **FAMILY_UNITS}
"""All of them."""


def any_preset(name: str) -> UnitConfig:
    """The named configuration; case does not matter.

    Raises
    ------
    BitmillError
        If there is no preset of that name; the message names those that may be meant, or lists all.
    """
    found = PRESETS.get(name.strip().lower())
    if found is None:
        near = difflib.get_close_matches(name.strip().lower()[:100], PRESETS, n=4)
        meant = f"a known name (did you mean {', '.join(near)}? `bitmill presets` lists all)"
        known = meant if near else f"one of {', '.join(PRESETS)}"
        raise BitmillError(f"preset must be {known}, not {short(name)}")
    return found


def preset(name: str) -> MacConfig:
    """The named MAC, dot product or array.

    Raises
    ------
    BitmillError
        If there is no preset of that name, or it is a bit-serial tile, which ``any_preset`` gives.
    """
    found = any_preset(name)
    if not isinstance(found, MacConfig):
        raise BitmillError(f"preset must be a MAC, a dot product or an array, not the {found.title} {name!r}")
    return found
