"""What an integrator must know of a unit, in words: for the header of its Verilog and for its manifest."""

from __future__ import annotations

import textwrap

from amaranth.hdl import Shape
from amaranth.lib import data, wiring

from ...config import MacConfig
from ...config.bit_serial import BitSerialConfig

HANDSHAKE = (
    "A transfer takes place at every rising edge of clk at which valid and ready are both 1. A stream that shows valid keeps it, "
    "and its payload, until then; i_ready may depend on o_ready, in the same cycle, and on nothing else from outside."
)
RESET = "rst is synchronous and active high; one cycle is enough. What was under way is forgotten."

_CODES = "codes of {format}, lane 0 lowest"
_STEP = {
    "weight": _CODES + ", row after row",
    "activation": _CODES + ", column after column",
    "weight_scale": "code of {scale}, for all weights of the step",
    "activation_scale": "code of {scale}, for all activations of the step",
    "last": "the step is its dot product's last one; lanes that are not needed hold codes of zero",
}
_RESULT = {
    "value": "{value}",
    "invalid": "an operand was NaN or infinite, or a scale NaN",
    "too_long": "there were more than {max_steps} steps",
    "last": "the tile's last row",
    "saturated": "a sum was clamped, wrapped or overflowed; 0 where invalid",
}
_SERIAL_STEP = {
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
_SERIAL_RESULT = {
    "values": "signed, of each column, in units of 2**(exponent + ({unit_exponent}))",
    "exponent": "of the row",
    "invalid": "an activation of the row was NaN, infinite or above its given exponent",
    "too_long": "there were more than {max_steps} steps",
    "last": "the tile's last row",
}


def contract_lines(config: MacConfig | BitSerialConfig, unit: wiring.Component) -> list[str]:
    """The lines of the header: streams, payloads bit by bit, order, latency, reset."""
    lines = _wrapped(f"Streams i, of steps, and o, of results. {HANDSHAKE}")
    for port in ("i_payload", "o_payload"):
        layout = getattr(unit, port[0]).payload.shape()
        lines += ["", f"{port}, from the least significant bit:"]
        meanings = field_meanings(config, port)
        for name, field in layout:
            if field.width:
                place = f"[{field.offset + field.width - 1}:{field.offset}]"
                lines += _wrapped(f"  {place} {name}: {_elements(field)}{meanings[str(name)]}", indent="    ")
    return [*lines, "", *_wrapped(order(unit)), *_wrapped(f"{latency(config, unit)} {RESET}")]


def order(unit: wiring.Component) -> str:
    """In which order results leave."""
    return unit.ORDER  # pyright: ignore[reportAttributeAccessIssue]


def latency(config: MacConfig | BitSerialConfig, unit: wiring.Component) -> str:
    """How long results take and how many products there are."""
    cycles: int = unit.LATENCY  # pyright: ignore[reportAttributeAccessIssue]
    after = f"from the transfer of a last step to o_valid, {cycles} cycles without stalls"
    return f"Latency, {after}; throughput, {config.throughput}."


def field_meanings(config: MacConfig | BitSerialConfig, port: str) -> dict[str, str]:
    """What each field of a payload is, by name."""
    if isinstance(config, BitSerialConfig):
        facts: dict[str, object] = {
            "format": config.activation,
            "weight_bits": config.weight_bits,
            "unit_exponent": config.unit_offset,
            "max_steps": config.max_steps,
        }
        texts = _SERIAL_STEP if port == "i_payload" else _SERIAL_RESULT
        return {name: text.format(**facts) for name, text in texts.items()}
    texts = _STEP if port == "i_payload" else _RESULT
    formats = {"weight": config.weight, "activation": config.activation}
    value = f"a code of {config.accumulator_format.name}" if config.accumulator_format else _fixed(config)
    return {
        name: text.format(format=formats.get(name), scale=config.scale, value=value, max_steps=config.max_steps)
        for name, text in texts.items()
    }


def _fixed(config: MacConfig) -> str:
    return f"signed, in units of 2**{config.unit_exponent}; 0 where invalid"


def _elements(field: data.Field) -> str:
    """``32 x 8 bits, ``, where a field has elements."""
    shape = field.shape
    if not isinstance(shape, data.ArrayLayout):
        return ""
    count, element = shape.length, shape.elem_shape
    while isinstance(element, data.ArrayLayout):
        count, element = count * element.length, element.elem_shape
    return f"{count} x {Shape.cast(element).width} bits, "


def _wrapped(text: str, *, indent: str = "") -> list[str]:
    return textwrap.wrap(text, width=126, subsequent_indent=indent)
