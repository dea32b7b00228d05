"""Whatever is accepted can be generated, verified in both engines and synthesized: random units of the whole space."""

from __future__ import annotations

import json

import numpy as np
import pytest

from bitmill.config import FixedAccumulator, MacConfig
from bitmill.hdl.emit.manifest import manifest
from bitmill.hdl.emit.verilog import TOP, emit
from bitmill.sim import verify
from bitmill.sim.netlist import netlist

from .random_units import draw_unit

FEW, MANY = range(7000, 7014), range(8000, 8186)
DIRECTED = [
    {"weight": "E2M1", "activation": "E2M1", "unit": "dot", "lanes": 4, "k_max": 4, "scale": "E8M0",
     "accumulator": {"kind": "float"}},
    {"unit": "bit-serial", "lanes": 4, "group": 4, "k_max": 16, "activation": "INT8", "weight_bits": 4},
    {"unit": "bit-serial", "lanes": 4, "group": 4, "k_max": 4, "window": 11, "weight_bits": 4},
]  # fmt: skip
"""What once could not be verified."""


def try_unit(config, seed, *, engines):
    """Generate, simulate and synthesize one unit; what fails says how to see it again."""
    try:
        text = emit(config)
        described = manifest(config, text, file_name=f"{TOP}.v")
        assert described["configuration"] == config.to_dict()
        seen = [
            verify(config, seed=seed, dot_products=12, corner_steps=64, engine=engine, verilog=text)
            for engine in engines
        ]
        assert all(found.phases == seen[0].phases for found in seen), "engines count differently"
        assert netlist(text, TOP, "generic")
    except Exception as error:
        error.add_note(f"seed {seed}, configuration {json.dumps(config.to_dict())}")
        raise


@pytest.mark.parametrize("seed", FEW)
def test_a_random_unit(seed):
    config = draw_unit(np.random.default_rng(seed))
    try_unit(config, seed, engines=["compiled", "cocotb"] if seed % 7 == 0 else ["compiled"])


@pytest.mark.long
@pytest.mark.parametrize("seed", MANY)
def test_many_random_units(seed):
    try_unit(draw_unit(np.random.default_rng(seed)), seed, engines=["compiled", "cocotb"])


@pytest.mark.parametrize("fields", DIRECTED, ids=str)
def test_what_was_refused_or_crashed(fields):
    from bitmill.config.bit_serial import BitSerialConfig

    kind = BitSerialConfig if fields["unit"] == "bit-serial" else MacConfig
    config = kind.from_dict(fields)
    assert verify(config, seed=1, dot_products=8, corner_steps=64, engine="compiled").mismatches == 0


@pytest.mark.parametrize("width", [900, 1024])
def test_very_wide_saturating_accumulators_are_compiled(width):
    config = MacConfig(
        weight="E2M1", activation="INT4", k_max=16, accumulator=FixedAccumulator(width=width, overflow="saturate")
    )
    assert verify(config, seed=2, dot_products=8, corner_steps=16, engine="compiled").mismatches == 0


def test_a_failure_names_seed_and_configuration(monkeypatch):
    def refuse(*arguments, **options):
        raise AssertionError("made to fail")

    monkeypatch.setitem(globals(), "verify", refuse)
    with pytest.raises(AssertionError) as caught:
        test_a_random_unit(FEW[0])
    assert f"seed {FEW[0]}, configuration {{" in caught.value.__notes__[0]
