"""A cache of its own for the tests, shared by them so that no circuit is synthesized twice."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bitmill.fpga.cache import CACHE_VARIABLE


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _use_shared_cache(shared_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(shared_cache))


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that no other test has filled."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def design() -> Callable[[str], str]:
    """Text of a unit of ``designs/``, by name."""
    return lambda name: (Path(__file__).parent / "designs" / f"{name}.v").read_text()
