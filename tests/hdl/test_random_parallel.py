"""Parallel PEs of random configurations of the whole accepted space: against golden in compiled simulation, and synthesized."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from bitmill.config.parallel import Activation, ParallelConfig, Weight
from bitmill.hdl.emit import verilog
from bitmill.sim.netlist import netlist

from .test_parallel_pe import Streamed, plays


def draw(seed):
    """A PE that its class accepts, small headrooms mostly."""
    rng = np.random.default_rng(seed)
    while True:
        fields = {
            "weight": str(rng.choice(get_args(Weight))),
            "activation": str(rng.choice(get_args(Activation))),
            "headroom": int(rng.choice([0, 1, 2, int(rng.integers(33))])),
            "guard": int(rng.choice([0, 1, 16, int(rng.integers(17))])),
        }
        try:
            return ParallelConfig(**fields)
        except ValueError:
            continue


@pytest.mark.parametrize("seed", [700, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(701, 721))])
def test_random_pes_are_golden(seed):
    config = draw(seed)
    text = verilog.emit_component(Streamed(config=config), top="streamed")
    assert plays(config, text, 60) is None, (seed, config)
    assert netlist(text, "streamed", "generic")
