"""``verify`` end to end: hand-written and emitted Verilog, netlists, real codes, and the message of a failure."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from bitmill import BitmillError, FloatAccumulator, MacConfig
from bitmill.sim import Verification, VerificationError, verify
from bitmill.sim.netlist import netlist
from bitmill.sim.stimulus import exhaustive_pairs
from bitmill.system.cache import CACHE_VARIABLE


@pytest.fixture(scope="module")
def result(int4_config: MacConfig, int4_mac: str) -> Verification:
    return verify(int4_config, seed=3, verilog=int4_mac, dot_products=30)


def test_passes_and_counts(result: Verification) -> None:
    assert result.mismatches == 0
    assert [phase.name for phase in result.phases] == ["back-to-back", "random stalls", "bursts", "reset"]
    assert sum(phase.transactions for phase in result.phases[:3]) == result.results
    assert sum(phase.beats for phase in result.phases[:3]) == result.products
    for name in ("beats", "transactions", "input_stalls", "output_stalls", "cycles", "resets", "discarded"):
        assert getattr(result, name) == sum(getattr(phase, name) for phase in result.phases)
    assert result.resets == 2
    assert result.output_stalls > 0
    assert result.input_stalls > 0
    record = json.loads(json.dumps(result.to_dict()))
    assert (record["config"], record["level"], record["seed"]) == ("INT4 MAC, exact 11-bit accumulator", "rtl", 3)


def test_seed_repeats_a_run(result: Verification, int4_config: MacConfig, int4_mac: str) -> None:
    again, other = (verify(int4_config, seed=seed, verilog=int4_mac, dot_products=30) for seed in (3, 4))
    assert result == again
    assert result.phases != other.phases


def test_given_codes(int4_config: MacConfig, int4_mac: str) -> None:
    codes = exhaustive_pairs(int4_config)
    result = verify(int4_config, seed=1, verilog=int4_mac, codes=codes)
    assert (result.results, result.products) == (256, 256)


def test_failure_says_how_to_repeat_it(
    int4_config: MacConfig, broken: Callable[[str, str], str], tmp_path: Path
) -> None:
    fault = broken("sum + product;", "sum + product + (product == 8'sd64);")
    waves = tmp_path / "unit.fst"
    with pytest.raises(VerificationError) as failure:
        verify(int4_config, seed=17, verilog=fault, dot_products=5, waves=waves)
    message = str(failure.value)
    assert "\n" not in message
    assert message.startswith("INT4 MAC, exact 11-bit accumulator: back-to-back: ")
    assert "first in result " in message
    assert "value " in message
    assert f"(seed 17, level rtl, waveform {waves})" in message
    assert waves.is_file()
    assert (failure.value.seed, failure.value.config, failure.value.waves) == (17, int4_config, waves)


def test_failure_records_a_waveform_unasked(
    int4_config: MacConfig, broken: Callable[[str, str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    with pytest.raises(VerificationError, match="too_long False instead of True") as failure:
        verify(int4_config, seed=2, verilog=broken("steps > 4'd7", "1'b0"), dot_products=0)
    waves = failure.value.waves
    assert waves is not None
    assert waves.is_file()
    assert waves.is_relative_to(tmp_path)


@pytest.mark.parametrize("kind", ["generic", "ecp5", "gowin", "xilinx7"])
def test_netlist_of_a_correct_and_a_broken_unit(
    kind: Any, int4_config: MacConfig, int4_mac: str, broken: Callable[[str, str], str], tmp_path: Path
) -> None:
    result = verify(int4_config, seed=1, verilog=int4_mac, netlist=kind, dot_products=10)
    assert result.level == kind
    fault = broken("sum + product;", "sum + product + (product == 8'sd64);")
    with pytest.raises(VerificationError, match=f"wrong outputs.*level {kind}"):
        verify(int4_config, seed=1, verilog=fault, netlist=kind, dot_products=10, waves=tmp_path / "unit.fst")


@pytest.mark.parametrize("kind", ["generic", "ecp5"])
def test_netlist_has_no_arithmetic_left(kind: Any, int4_mac: str) -> None:
    text = netlist(int4_mac, "bitmill_top", kind)
    assert text.count("always @(posedge clk)") > 20
    code = [line for line in text.splitlines() if not line.lstrip().startswith("/*")]
    assert not [line for line in code if " * " in line or " + " in line or " - " in line]


EMITTED = [
    MacConfig(weight="INT4", activation="INT8", k_max=8),
    MacConfig(weight="E2M1", activation="E2M3", unit="dot", lanes=4, k_max=16),
    MacConfig(weight="E3M2", activation="E3M2", k_max=8, accumulator=FloatAccumulator()),
]


@pytest.mark.parametrize("config", EMITTED, ids=lambda config: config.title)
def test_emitted_verilog(config: MacConfig) -> None:
    result = verify(config, seed=1, dot_products=60)
    assert result.results > 70
    steady = result.phases[0]
    assert steady.input_stalls == 0
    assert steady.cycles - steady.beats < 16


def test_refusals(int4_config: MacConfig, int4_mac: str) -> None:
    with pytest.raises(BitmillError, match="netlist must be one of generic, ecp5, gowin, xilinx7, cells, not 'asic'"):
        verify(int4_config, seed=1, verilog=int4_mac, netlist=cast(Any, "asic"))
    flat = np.zeros(4, dtype=np.uint8)
    with pytest.raises(BitmillError, match=r"one shape \[n, K\], not \[4\] and \[4\]"):
        verify(int4_config, seed=1, verilog=int4_mac, codes=(flat, flat))
