"""Units with the flag ``saturated`` and with a fixed accumulator's ``lsb``: RTL against golden, and a lost flag is seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bitmill import FixedAccumulator, FloatAccumulator, MacConfig
from bitmill.hdl.emit import verilog
from bitmill.hdl.emit.manifest import manifest
from bitmill.hdl.mac.layouts import result_layout
from bitmill.sim import VerificationError, verify
from bitmill.sim.array_payload import ArrayPayload
from bitmill.sim.families import TRAFFIC
from bitmill.sim.payload import Output, PayloadLayout, RowOutput


def unit(pair: tuple[str, str], accumulator: Any, **fields: Any) -> MacConfig:
    settings = {"k_max": 64, "saturated": True, **fields}
    return MacConfig(weight=pair[0], activation=pair[1], accumulator=accumulator, **settings)


UNITS = [
    unit(("INT4", "INT4"), FixedAccumulator(width=8, overflow="saturate")),
    unit(("E2M1", "E2M1"), FixedAccumulator(width=7, overflow="wrap", lsb=1), unit="dot", lanes=3),
    unit(("E2M1", "E2M1"), FixedAccumulator(width=7, overflow="saturate", lsb=2), saturated=False),
    unit(("E2M1", "INT4"), FixedAccumulator(width=7, overflow="wrap"), unit="array", rows=2, cols=3),
    unit(("E5M2", "E5M2"), FloatAccumulator(format="FP16", rounding="truncate", fused=2)),
    unit(("E2M1", "E2M1"), FloatAccumulator(format="FP16"), unit="dot", lanes=2, scale="E8M0"),
]


@pytest.mark.parametrize("config", UNITS, ids=lambda config: config.title)
def test_the_unit_is_golden(config: MacConfig) -> None:
    if config.saturated:
        traffic = TRAFFIC.of(config)(config)
        work: Any = traffic.stimuli(np.random.default_rng(5), count=30, corner_steps=70)
        payloads = [payload for rows in traffic.expected(work) for payload in rows]
        flagged = [np.any(traffic.layout.unpack_output(payload).saturated) for payload in payloads]
        assert {bool(flag) for flag in flagged} == {True, False}
    verify(config, seed=5, dot_products=30, corner_steps=70, engine="compiled")


def test_a_lost_flag_is_seen() -> None:
    config = UNITS[0]
    text = verilog.emit(config)
    wrong = text.replace("met_saturation <= ", "met_saturation <= 1'b0 & ", 1)
    assert wrong != text
    with pytest.raises(VerificationError, match="saturated False instead of True"):
        verify(config, seed=5, dot_products=30, corner_steps=70, engine="compiled", verilog=wrong)


def test_payloads_are_what_the_manifest_says() -> None:
    config, array = UNITS[1], UNITS[3]
    assert PayloadLayout.of(config).output_bits == result_layout(config).size == 10
    assert ArrayPayload.of(array).output_bits == result_layout(array).size == 3 * 7 + 3 + 2 + 3
    described = manifest(config, "", file_name="unit.v")
    fields = next(
        port for port in described["ports"] if port["name"].endswith("payload") and port["direction"] == "output"
    )
    told = {"name": "saturated", "offset": 9, "width": 1, "signed": False}
    assert fields["fields"][-1].pop("meaning").startswith("a sum was clamped")
    assert fields["fields"][-1] == told
    # E2M1 products are quarters; the least bit of this accumulator is worth 2.
    assert described["result"]["unit_exponent"] == 1
    layout, rows = PayloadLayout.of(config), ArrayPayload.of(array)
    for output in (Output(-3, False, True, True), Output(5, True, False, False)):
        assert layout.unpack_output(layout.pack_output(output)) == output
    row = RowOutput((1, -2, 3), (False, True, False), False, True, (True, False, False))
    assert rows.unpack_output(rows.pack_row(row)) == row
