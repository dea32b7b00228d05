"""What an integrator must know of a unit, in words: for the header of its Verilog and for its manifest."""

from __future__ import annotations

import textwrap

from amaranth.hdl import Shape
from amaranth.lib import data

from ...config.document import UnitConfig
from ..families import HARDWARE
from ..unit import Unit

HANDSHAKE = (
    "A transfer takes place at every rising edge of clk at which valid and ready are both 1. A stream that shows valid keeps it, "
    "and its payload, until then; i_ready may depend on o_ready, in the same cycle, and on nothing else from outside."
)
RESET = "rst is synchronous and active high; one cycle is enough. What was under way is forgotten."


def contract_lines(config: UnitConfig, unit: Unit) -> list[str]:
    """The lines of the header: streams, payloads bit by bit, order, latency, reset."""
    family = HARDWARE.of(config)
    shapes = {"_".join(map(str, path)): member.shape for path, member, _value in unit.signature.flatten(unit)}
    lines = _wrapped(f"{family.streams} {HANDSHAKE}")
    for port, meanings in family.words(config).items():
        lines += ["", f"{port}, from the least significant bit:"]
        for name, field in shapes[port]:
            if field.width:
                place = f"[{field.offset + field.width - 1}:{field.offset}]"
                lines += _wrapped(f"  {place} {name}: {_elements(field)}{meanings[str(name)]}", indent="    ")
    lines += ["", *_wrapped(unit.ORDER), *_wrapped(f"{latency(config, unit)} {RESET}")]
    return [*lines, *(line for remark in family.remarks(config, unit) for line in _wrapped(remark))]


def latency(config: UnitConfig, unit: Unit) -> str:
    """How long results take and how many products there are."""
    after = f"{HARDWARE.of(config).latency}, {unit.LATENCY} cycles without stalls"
    return f"Latency, {after}; throughput, {config.throughput}."


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
