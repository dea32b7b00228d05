"""Machine code of the wheels' WebAssembly: compiled once, whole or not at all, and never taken from where others write."""

import hashlib
import sys

import pytest

from bitmill.system import environment
from bitmill.system.wheels import WheelTool

PROGRAM = b"web assembly"
PLACE = f"fake_wheel/fake.wasm/{hashlib.sha1(PROGRAM).hexdigest()}"
MODULE = f"""
import os
from pathlib import Path

def run(argv):
    folder = Path(os.environ["YOWASP_CACHE_DIR"])
    with (Path(__file__).parent / "runs").open("a") as runs:
        print(folder, *argv, file=runs)
    place = folder / "{PLACE}"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"machine code")
"""


@pytest.fixture
def wheel(tmp_path, monkeypatch):
    """A tool that compiles itself as the wheels do, its cache, and the runs that there were."""
    package = tmp_path / "site" / "fake_wheel"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(MODULE)
    (package / "fake.wasm").write_bytes(PROGRAM)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    folder = tmp_path / "compiled"
    monkeypatch.setenv(environment.WHEEL_CACHE_VARIABLE, str(folder))
    environment.wheel_cache.cache_clear()
    yield WheelTool("fake-wheel", "fake_wheel", "run", "fake.wasm"), folder, package / "runs"
    environment.wheel_cache.cache_clear()
    sys.modules.pop("fake_wheel", None)


def test_compiled_once_beside_the_cache_and_moved_there_whole(wheel):
    tool, folder, runs = wheel
    tool.compile_once()
    tool.compile_once()
    (ran,) = runs.read_text().splitlines()
    assert not ran.startswith(str(folder)), "a kill while it compiles would leave half of it in the cache"
    assert ran.endswith(" --help")
    assert (folder / PLACE).read_bytes() == b"machine code"
    assert sorted(path.name for path in (folder / PLACE).parent.iterdir()) == [PLACE.split("/")[-1]]


def test_machine_code_is_not_taken_from_where_others_can_write(wheel, empty_cache):
    _, folder, _ = wheel
    folder.mkdir()
    assert environment.wheel_cache() == folder
    environment.wheel_cache.cache_clear()
    folder.chmod(0o777)
    assert environment.wheel_cache() == empty_cache / "yowasp"
