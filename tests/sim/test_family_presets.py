"""Presets that stand in the configurations of their families: RTL in both engines and netlists against golden."""

from __future__ import annotations

from typing import Any

import pytest
from amaranth.hdl import Shape

from bitmill.config.family import FAMILIES
from bitmill.config.presets import FAMILY_UNITS
from bitmill.hdl import build
from bitmill.sim import verify
from bitmill.sim.families import TRAFFIC

FIRST = list({unit.unit: name for name, unit in reversed(FAMILY_UNITS.items())}.values())
"""The first preset of each family: the smallest one."""
OTHERS = [name for name in FAMILY_UNITS if name not in FIRST]


@pytest.mark.parametrize("name", [*FIRST, *(pytest.param(name, marks=pytest.mark.long) for name in OTHERS)])
def test_presets_in_both_engines(name):
    config = FAMILY_UNITS[name]
    first, second = (
        verify(config, seed=51, dot_products=20, corner_steps=80, engine=engine) for engine in ("cocotb", "compiled")
    )
    assert first.phases == second.phases
    assert first.mismatches == 0
    assert first.resets == 2
    assert first.input_stalls > 0
    assert first.output_stalls > 0


@pytest.mark.parametrize(
    ("name", "kind"),
    [(name, "generic") for name in FIRST]
    + [
        pytest.param(name, kind, marks=pytest.mark.long)
        for name in FAMILY_UNITS
        for kind in ("generic", "ecp5")
        if (name, kind) not in {(first, "generic") for first in FIRST}
    ],
)
def test_presets_as_netlists(name, kind):
    result = verify(FAMILY_UNITS[name], seed=52, dot_products=12, corner_steps=40, netlist=kind, engine="compiled")
    assert (result.level, result.mismatches, result.resets) == (kind, 0, 2)


@pytest.mark.parametrize("name", FAMILY_UNITS)
def test_benches_drive_the_ports_that_there_are(name):
    config: Any = FAMILY_UNITS[name]
    unit = build(config)
    ports = {
        "_".join(map(str, path)): Shape.cast(member.shape).width for path, member, _ in unit.signature.flatten(unit)
    }
    traffic = TRAFFIC.of(config)(config)
    layout = traffic.layout
    assert (ports.pop("i_payload"), ports.pop("o_payload")) == (layout.input_bits, layout.output_bits)
    assert [ports.pop(f"{port}_{side}") for port in "io" for side in ("valid", "ready")] == [1] * 4
    assert {port: width for port, width in ports.items() if width} == {**traffic.control_widths, **traffic.level_widths}


def test_presets_are_of_their_family():
    for row in FAMILIES.values():
        assert {unit.unit for unit in row.presets.values()} <= {row.unit}
