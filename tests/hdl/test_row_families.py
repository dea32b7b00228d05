"""Units of rows take the cycles that their headers and manifests promise, and their ports have the widths that benches drive."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Shape

from bitmill.config.family import config_of
from bitmill.config.row_presets import OTHER_UNITS, ROW_UNITS
from bitmill.hdl import build
from bitmill.sim.families import TRAFFIC
from bitmill.sim.row_payload import RowPayload, control_widths

from .row_traffic import exchange

SMALL = [
    {"unit": "softmax", "lanes": 2, "max_length": 12},
    {"unit": "shiftmax", "lanes": 2, "max_length": 12},
    {"unit": "gelu", "lanes": 2},
    {"unit": "shift-gelu", "lanes": 2},
    {"unit": "shift-gelu", "lanes": 2, "maximum": "row", "max_length": 12},
    {"unit": "layernorm", "lanes": 2, "max_length": 12},
    {"unit": "rmsnorm", "lanes": 2, "max_length": 12},
    {"unit": "newton-norm", "lanes": 2, "max_length": 12, "bits_per_cycle": 8},
    {"unit": "requantize", "lanes": 2, "input_bits": 8, "multiplier_bits": 7, "ratio": 0.5},
]


@pytest.mark.parametrize("fields", SMALL, ids=lambda fields: " ".join(map(str, fields.values())))
def test_rows_take_the_cycles_that_are_promised(fields):
    config: Any = config_of(fields)
    unit: Any = build(config)
    payload, counts = RowPayload(config), [4, 1, 6]
    inputs = []
    for beats in counts:
        elements = np.ones((2 * beats, len(config.element_fields)), dtype=np.int64)
        inputs += payload.pack_row(elements, np.ones(2 * beats, bool))

    async def told(ctx, unit=unit):
        if config.constant_fields:
            ctx.set(unit.constants.as_value(), 1)

    _, taken, given = exchange(unit, inputs, len(inputs), before=told)
    first = 0
    for beats in counts:
        assert given[first] - taken[first] == unit.first_result.of(beats)
        if first + beats < len(inputs):
            assert taken[first + beats] - taken[first] == unit.row_period.of(beats)
        first += beats
    assert unit.first_result.of(1) == unit.LATENCY


@pytest.mark.parametrize("name", [name for name in OTHER_UNITS if name.endswith(("-1", "-8")) or "parallel" in name])
def test_benches_drive_the_ports_that_there_are(name):
    config: Any = OTHER_UNITS[name]
    ports = {}
    for path, member, _ in build(config).signature.flatten(build(config)):
        ports["_".join(map(str, path))] = Shape.cast(member.shape).width
    layout = TRAFFIC.of(config)(config).layout
    assert (ports.pop("i_payload"), ports.pop("o_payload")) == (layout.input_bits, layout.output_bits)
    assert [ports.pop(f"{port}_{side}") for port in "io" for side in ("valid", "ready")] == [1] * 4
    outputs = {"error", "line_ready"}
    told = control_widths(config) if name in ROW_UNITS else {}
    assert {port: width for port, width in ports.items() if port not in outputs and width} == told
