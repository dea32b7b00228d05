"""What a user of the generated Verilog must know about it, as data: ports, payload bits, latency, versions, digest."""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from typing import Any

from amaranth.hdl import Shape
from amaranth.lib import data, wiring

from ...config.document import UnitConfig
from ...system.tools import yosys_release
from .. import build
from ..families import HARDWARE
from ..unit import Unit
from .contract import HANDSHAKE
from .verilog import TOP


def manifest(config: UnitConfig, verilog: str, *, file_name: str, top: str = TOP) -> dict[str, Any]:
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
        "ports": ports(config, unit),
        "handshake": HANDSHAKE,
        "order": unit.ORDER,
        "latency_cycles": unit.LATENCY,
        **HARDWARE.of(config).facts(config),
        **HARDWARE.of(config).unit_facts(unit),
        "versions": {"bitmill": __version__, "amaranth": version("amaranth"), "yosys": yosys_release()},
    }


def ports(config: UnitConfig, unit: Unit) -> list[dict[str, Any]]:
    """All ports of a unit: name, direction, width, and of payloads the fields with their offsets and meanings."""
    return [_control("clk"), _control("rst"), *_stream_ports(config, unit)]


def _control(name: str) -> dict[str, Any]:
    return {"name": name, "direction": "input", "width": 1}


def _stream_ports(config: UnitConfig, unit: Unit) -> list[dict[str, Any]]:
    ports: list[dict[str, Any]] = []
    words = HARDWARE.of(config).words(config)
    for path, member, _value in unit.signature.flatten(unit):
        shape = member.shape
        port: dict[str, Any] = {
            "name": "_".join(map(str, path)),
            "direction": "input" if member.flow is wiring.In else "output",
            "width": Shape.cast(shape).width,
        }
        if isinstance(shape, data.StructLayout):
            meanings = words[port["name"]]
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
