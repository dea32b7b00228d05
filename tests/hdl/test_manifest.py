"""The manifest of two units, written out by hand from the README's and ``DotProduct``'s description of the streams."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from bitmill import FloatAccumulator, MacConfig, preset
from bitmill.config.bit_serial import BitSerialConfig
from bitmill.hdl.emit import verilog
from bitmill.hdl.emit.manifest import manifest

INT8 = MacConfig(weight="INT8", activation="INT8", k_max=7)
MIXED = MacConfig(weight="E2M1", activation="E5M2", unit="dot", lanes=2, k_max=7, accumulator=FloatAccumulator())


def bit(name: str, offset: int) -> dict[str, Any]:
    return {"name": name, "offset": offset, "width": 1, "signed": False}


def array(name: str, offset: int, elements: int, element_width: int) -> dict[str, Any]:
    width = elements * element_width
    return {"name": name, "offset": offset, "width": width, "elements": elements, "element_width": element_width}


PAYLOADS = {
    "INT8": (
        INT8,
        [array("weight", 0, 1, 8), array("activation", 8, 1, 8), bit("last", 16)],
        # Seven products of at most 2^14 need 18 bits.
        [{"name": "value", "offset": 0, "width": 18, "signed": True}, bit("invalid", 18), bit("too_long", 19)],
    ),
    "mixed": (
        MIXED,
        [array("weight", 0, 2, 4), array("activation", 8, 2, 8), bit("last", 24)],
        [{"name": "value", "offset": 0, "width": 32, "signed": False}, bit("invalid", 32), bit("too_long", 33)],
    ),
}


@pytest.mark.parametrize("name", PAYLOADS)
def test_ports(name):
    config, inputs, outputs = PAYLOADS[name]

    def port(name: str, direction: str, width: int = 1) -> dict[str, Any]:
        return {"name": name, "direction": direction, "width": width}

    described = manifest(config, "", file_name="a.v")["ports"]
    meanings = {field["name"]: field.pop("meaning") for one in described for field in one.get("fields", ())}
    assert described == [
        port("clk", "input"),
        port("rst", "input"),
        port("i_payload", "input", inputs[-1]["offset"] + 1) | {"fields": inputs},
        port("i_valid", "input"),
        port("i_ready", "output"),
        port("o_payload", "output", outputs[-1]["offset"] + 1) | {"fields": outputs},
        port("o_valid", "output"),
        port("o_ready", "input"),
    ]
    assert meanings["too_long"] == f"there were more than {-(-7 // config.lanes)} steps"
    assert meanings["weight"] == f"codes of {config.weight}, lane 0 lowest, row after row"
    assert meanings["value"] == ("a code of FP32" if name == "mixed" else "signed, in units of 2**0; 0 where invalid")


@pytest.mark.parametrize("config", [INT8, MIXED, preset("int8-4x4"), BitSerialConfig(rows=1, cols=2, group=32)])
def test_header_and_manifest_say_the_same(config):
    """Every field of a payload with its place, the order of results, the handshake, the latency."""
    described = manifest(config, "", file_name="a.v")
    text = verilog.emit(config)
    header = " ".join(text[: text.index("// Lint waivers")].replace("//", " ").split())
    for one in described["ports"]:
        for field in one.get("fields", ()):
            if field["width"]:
                assert f"[{field['offset'] + field['width'] - 1}:{field['offset']}] {field['name']}: " in header
                assert field["meaning"] in header
    assert described["handshake"] in header
    assert described["order"] in header
    assert f" {described['latency_cycles']} cycles without stalls" in header


def test_what_a_result_is_worth():
    assert manifest(INT8, "", file_name="a.v")["result"] == {"kind": "fixed", "bits": 18, "unit_exponent": 0}
    assert manifest(MIXED, "", file_name="a.v")["result"] == {
        "kind": "float",
        "format": "FP32",
        "exponent_bits": 8,
        "mantissa_bits": 23,
        "bias": 127,
    }
    subnormal_steps = MacConfig(weight="E4M3", activation="E2M1")
    assert manifest(subnormal_steps, "", file_name="a.v")["result"]["unit_exponent"] == -9 - 1


def test_scales_that_are_left_to_the_user():
    def factors(tensor_scale: str, step_exponent: int) -> dict[str, Any]:
        one = {"tensor_scale": tensor_scale, "step_exponent": step_exponent}
        return {"weight": one, "activation": one}

    for name, left in (
        ("nvfp4-dot16", factors("FP32", 0)),
        ("nvfp4-4x4", factors("FP32", 0)),
        ("mxint8-dot32", factors("none", -6)),
    ):
        outside = manifest(preset(name), "", file_name="a.v")["result"]["outside"]
        assert "multiply value by" in outside.pop("meaning")
        assert outside == left, name
    assert "outside" not in manifest(preset("mxfp4-dot32"), "", file_name="a.v")["result"]


def test_speed_and_file():
    described = manifest(MIXED, "module", file_name="a.v")
    assert (described["latency_cycles"], described["products_per_cycle"], described["max_steps"]) == (5, 2, 4)
    assert described["verilog"] == {"file": "a.v", "sha256": hashlib.sha256(b"module").hexdigest()}
    assert (described["top"], described["clock"], described["title"]) == ("bitmill_top", "clk", MIXED.title)
    assert described["reset"] == {"port": "rst", "kind": "synchronous", "active": "high"}
