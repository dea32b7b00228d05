"""What hdl has for bit-serial tiles."""

from __future__ import annotations

from typing import Any

from ...config.bit_serial import BitSerialConfig
from ..family import HardwareFamily, PortWords
from ..slices import few_pes
from .serial_tile import SerialTile

_STEP = {
    "activations": "codes of {format}, lane 0 lowest, row after row",
    "exponents": "the greatest exponent field of each row's group; counts in the group's first step",
    "weights": "{weight_bits}-bit codes, lane 0 lowest, column after column",
    "columns": "of each column: kind of weights, special value, and the group's scale, which counts in its last step",
    "cycles": "terms of the step's weights, less one",
    "write": "no step: value goes to the register of special values at index; all other fields are 0",
    "index": "0 to 3 of FP3, 4 to 7 of FP4",
    "value": "a special value",
    "group_last": "the step is its group's last one",
    "last": "the step is its tile's last one, and its group's",
}
_RESULT = {
    "values": "signed, of each column, in units of 2**(exponent + ({unit_exponent}))",
    "exponent": "of the row",
    "invalid": "an activation of the row was NaN, infinite or above its given exponent",
    "too_long": "there were more than {max_steps} steps",
    "last": "the tile's last row",
}


def words(config: BitSerialConfig) -> PortWords:
    """What the fields of steps and results are."""
    facts: dict[str, object] = {
        "format": config.activation,
        "weight_bits": config.weight_bits,
        "unit_exponent": config.unit_offset,
        "max_steps": config.max_steps,
    }
    return {
        port: {name: text.format(**facts) for name, text in texts.items()}
        for port, texts in (("i_payload", _STEP), ("o_payload", _RESULT))
    }


def facts(config: BitSerialConfig) -> dict[str, Any]:
    """Products at a time, the longest dot product, and what one unit of a value is worth."""
    result = {
        "kind": "fixed, with the row's exponent",
        "bits": config.total_bits,
        "unit_exponent": config.unit_offset,
    }
    return {"products_per_cycle": config.macs, "max_steps": config.max_steps, "result": result}


def _pe_and_scaler(config: BitSerialConfig) -> tuple[str, ...]:
    """PE and scaler, where there are several."""
    return ("pe", "scaler") if config.rows * config.cols > 1 else ()


BIT_SERIAL = HardwareFamily(
    component=SerialTile,
    streams="Streams i, of steps, and o, of results.",
    words=words,
    facts=facts,
    once_in_cells=_pe_and_scaler,
    slice=few_pes,
)
