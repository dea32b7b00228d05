"""What a user of the generated Verilog must know about it, as data: ports, payload bits, latency, versions, digest."""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from typing import Any

from amaranth.hdl import Shape
from amaranth.lib import data, wiring

from ...config import MacConfig
from ...config.bit_serial import BitSerialConfig
from ...system.tools import yosys_release
from .. import build
from .contract import HANDSHAKE, field_meanings, order
from .verilog import TOP


def manifest(config: MacConfig | BitSerialConfig, verilog: str, *, file_name: str, top: str = TOP) -> dict[str, Any]:
    """The manifest of a unit as plain JSON data; it holds no date and no path, so equal inputs give equal bytes.

    Parameters
    ----------
    config
        The unit.
    verilog
        What ``hdl.verilog.emit(config, top=top)`` gave.
    file_name
        The name of the file it goes to.
    top
        Name of the top module.

    Returns
    -------
    A mapping with ``ports`` (``width`` in bits; a payload's ``fields`` with the ``offset`` of their least significant
    bit and their ``meaning``), ``handshake`` and ``order`` (of streams and results, in words), ``latency_cycles`` (from the
    transfer of a ``last`` step to ``o_valid``), ``products_per_cycle``, ``result``
    (what one unit of ``value`` is worth), ``configuration``, ``versions`` and ``verilog`` (file and SHA-256).

    Raises
    ------
    BitmillError
        If Yosys is missing.
    """
    from ... import __version__

    unit = build(config)
    return {
        "title": config.title,
        "top": top,
        "verilog": {"file": file_name, "sha256": hashlib.sha256(verilog.encode()).hexdigest()},
        "configuration": config.to_dict(),
        "clock": "clk",
        "reset": {"port": "rst", "kind": "synchronous", "active": "high"},
        "ports": [_control("clk"), _control("rst"), *_stream_ports(config, unit)],
        "handshake": HANDSHAKE,
        "order": order(unit),
        "latency_cycles": unit.LATENCY,
        "products_per_cycle": config.macs,
        "max_steps": config.max_steps,
        "result": _result(config),
        "versions": {"bitmill": __version__, "amaranth": version("amaranth"), "yosys": yosys_release()},
    }


def _result(config: MacConfig | BitSerialConfig) -> dict[str, Any]:
    if isinstance(config, BitSerialConfig):
        return {
            "kind": "fixed, with the row's exponent",
            "bits": config.total_bits,
            "unit_exponent": config.unit_offset,
        }
    fmt = config.accumulator_format
    if fmt is not None:
        widths = {"exponent_bits": fmt.exponent_bits, "mantissa_bits": fmt.mantissa_bits, "bias": fmt.exponent_bias}
        return {"kind": "float", "format": fmt.name, **widths}
    return {"kind": "fixed", "bits": config.accumulator_bits, "unit_exponent": config.unit_exponent}


def _control(name: str) -> dict[str, Any]:
    return {"name": name, "direction": "input", "width": 1}


def _stream_ports(config: MacConfig | BitSerialConfig, unit: wiring.Component) -> list[dict[str, Any]]:
    ports: list[dict[str, Any]] = []
    for path, member, _value in unit.signature.flatten(unit):
        shape = member.shape
        port: dict[str, Any] = {
            "name": "_".join(map(str, path)),
            "direction": "input" if member.flow is wiring.In else "output",
            "width": Shape.cast(shape).width,
        }
        if isinstance(shape, data.StructLayout):
            meanings = field_meanings(config, port["name"])
            port["fields"] = [_field(str(name), field) | {"meaning": meanings[str(name)]} for name, field in shape]
        ports.append(port)
    return ports


def _field(name: str, field: data.Field) -> dict[str, Any]:
    described: dict[str, Any] = {"name": name, "offset": field.offset, "width": field.width}
    if isinstance(field.shape, data.ArrayLayout):
        described |= {"elements": field.shape.length, "element_width": Shape.cast(field.shape.elem_shape).width}
    else:
        described["signed"] = Shape.cast(field.shape).signed
    return described
