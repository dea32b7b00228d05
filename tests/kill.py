"""Kills bitmill at random moments: ``python -m bitmill.tests.kill [--moments 50] [--seed N]``, a part of ``make test-all``.

Every moment: one of the commands, ended by SIGKILL somewhere between its start and its end. Then nothing of it may run after
two seconds, the same command once more must give the very files of an undisturbed run, and neither the folder it works in nor the
temporary folder may hold anything else afterwards.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from bitmill.config import MacConfig
from bitmill.fpga.liberty import DEFAULT_LIBRARY
from bitmill.system.guard import MARK

from .marked import processes_with

STUDY = """
title = "small units"
[[grid]]
pairs = ["INT2", "UINT2"]
k_max = [4]
[targets]
generic = true
"""
ARRAY = {"weight": "INT4", "activation": "INT4", "unit": "array", "rows": 2, "cols": 2, "k_max": 16}

COMMANDS: Mapping[str, tuple[str, ...]] = {
    "generate": ("generate", "unit.toml", "-o", "out"),
    "verify": ("verify", "unit.toml", "--seed", "1", "--dot-products", "5", "-o", "out"),
    "verify compiled": ("verify", "unit.toml", "--seed", "1", "--engine", "compiled", "-o", "out"),
    "synth generic": ("synth", "unit.toml", "--target", "generic", "-o", "out.json"),
    "synth ice40": ("synth", "unit.toml", "--target", "ice40", "--seeds", "1", "-o", "out.json"),
    "synth ecp5": ("synth", "unit.toml", "--target", "ecp5", "--seeds", "1", "-o", "out.json"),
    "synth liberty": ("synth", "unit.toml", "--target", "liberty", "-o", "out.json"),
    "build": ("build", "unit.toml", "-o", "out"),
    "quantize": ("quantize", "model.safetensors", "--scheme", "bitmod-fp4", "-o", "out.safetensors"),
    "run gemm": (
        "run", "gemm", "--config", "array.toml", "--weights", "weights.npy", "--activations", "activations.npy", "-o", "out",
    ),
    "estimate": ("estimate", "unit.toml", "-o", "out.json"),
    "report": ("report", "study.toml", "-o", "out"),
}  # fmt: skip
"""Every command that writes something."""

TOOL_SECONDS = 2.0
"""How long something of a killed run may go on."""

_TIMES = re.compile(rb'"\w*seconds": [0-9.e-]+')
"""What differs from run to run in what commands write."""


@dataclass(frozen=True)
class Setting:
    """How the commands are started, and where there is room for them."""

    command: Sequence[str]
    environment: Mapping[str, str]
    room: Path


@dataclass(frozen=True)
class Reference:
    """What an undisturbed run wrote, and its seconds."""

    files: Mapping[str, bytes]
    seconds: float


def own_setting(room: Path) -> Setting:
    """This Python's bitmill."""
    command = [sys.executable, "-P", "-c", "import sys; from bitmill.cli import main; sys.exit(main())"]
    paths = os.pathsep.join(path for path in sys.path if path)
    return Setting(command, {**os.environ, "PYTHONPATH": paths}, room)


def available() -> dict[str, tuple[str, ...]]:
    """The commands whose tools are here."""
    liberty = DEFAULT_LIBRARY.is_file() and shutil.which("sta") is not None
    return {name: words for name, words in COMMANDS.items() if liberty or name != "synth liberty"}


class Place:
    """A folder with a command's inputs, and a cache and a temporary folder of its own."""

    def __init__(self, setting: Setting, name: str) -> None:
        home = Path(tempfile.mkdtemp(prefix="place-", dir=setting.room))
        self.work, self.cache, self.temporary = (home / part for part in ("work", "cache", "tmp"))
        for folder in (self.work, self.cache, self.temporary):
            folder.mkdir(mode=0o700)
        self._words = [*setting.command, *COMMANDS[name]]
        self._environment = {
            **setting.environment,
            "BITMILL_CACHE": str(self.cache),
            "TMPDIR": str(self.temporary),
        }
        self._write_inputs()
        self.inputs = self.files()

    def _write_inputs(self) -> None:
        config = MacConfig(weight="INT4", activation="INT4", k_max=16)
        (self.work / "unit.toml").write_text(config.to_toml())
        (self.work / "array.toml").write_text(MacConfig.from_dict(ARRAY).to_toml())
        (self.work / "study.toml").write_text(STUDY)
        rng = np.random.default_rng(1)
        np.save(self.work / "weights.npy", rng.normal(size=(4, 16)).astype(np.float32))
        np.save(self.work / "activations.npy", rng.normal(size=(3, 16)).astype(np.float32))
        layers = {f"layers.{index}.weight": rng.normal(size=(256, 512)).astype(np.float32) for index in range(4)}
        save_file(layers, self.work / "model.safetensors")

    def files(self) -> dict[str, bytes]:
        """Everything in the working folder, by its path there; what lies in a folder makes the folder itself."""
        return {str(path.relative_to(self.work)): path.read_bytes() for path in self.work.rglob("*") if path.is_file()}

    def start(self) -> subprocess.Popen[str]:
        """The command, in a process group of its own."""
        return subprocess.Popen(
            self._words, cwd=self.work, env=self._environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip

    def left_running(self) -> list[int]:
        """Processes that carry the mark of one of this place's tools, or work here."""
        return processes_with((f"{MARK}={self.temporary}/", f"TMPDIR={self.temporary}"))

    def leftovers(self) -> list[str]:
        """Folders and hidden files that are no output, and whatever lies in the temporary folder."""
        hidden = [path for path in self.work.rglob("*") if path.name.startswith(".")]
        return sorted(str(path) for path in (*hidden, *self.temporary.rglob("*")))


def undisturbed(setting: Setting, name: str) -> Reference:
    """What the command writes when nobody kills it.

    Raises
    ------
    AssertionError
        If it fails, or leaves something.
    """
    place = Place(setting, name)
    started = time.monotonic()
    _finish(place, name)
    seconds = time.monotonic() - started
    return Reference(_outputs(place), seconds)


def _outputs(place: Place) -> dict[str, bytes]:
    return {path: _TIMES.sub(b"", data) for path, data in place.files().items() if path not in place.inputs}


def _finish(place: Place, name: str) -> None:
    process = place.start()
    _, err = process.communicate(timeout=600)
    assert process.returncode == 0, f"{name}: status {process.returncode}: {err[-2000:]}"
    assert place.leftovers() == [], f"{name}: left {place.leftovers()}"


def kill_once(setting: Setting, name: str, reference: Reference, *, after: float, whole_group: bool) -> None:
    """Kill the command ``after`` seconds, see that nothing runs on, and run it again.

    Raises
    ------
    AssertionError
        If something runs on after two seconds, something is left, or the second run gives other files.
    """
    place = Place(setting, name)
    process = place.start()
    with suppress(subprocess.TimeoutExpired):
        process.wait(after)
    if whole_group:
        _killed_group(process.pid)
    else:
        process.kill()
    process.communicate(timeout=60)
    deadline = time.monotonic() + TOOL_SECONDS
    while place.left_running() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert place.left_running() == [], f"{name}: runs on after {TOOL_SECONDS:g} s: {place.left_running()}"
    assert all(place.files().get(path) == data for path, data in place.inputs.items()), f"{name}: an input was changed"
    _finish(place, name)
    again = _outputs(place)
    assert sorted(again) == sorted(reference.files), f"{name}: other files: {sorted(again)}"
    different = [path for path, data in reference.files.items() if again[path] != data]
    assert different == [], f"{name}: {different} differ from an undisturbed run's"
    shutil.rmtree(place.work.parent)


def _killed_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


def run(
    setting: Setting, *, moments: int, seed: int, only: Sequence[str] = (), tell: Callable[[str], None] = print
) -> int:
    """Kill at so many moments, over all commands in turn; how many went wrong, each told in a line."""
    rng = random.Random(seed)
    names = [name for name in available() if not only or name in only]
    rng.shuffle(names)
    references: dict[str, Reference] = {}
    failures = 0
    for moment in range(moments):
        name = names[moment % len(names)]
        if name not in references:
            # The first run may compile what later ones find compiled.
            undisturbed(setting, name)
            references[name] = undisturbed(setting, name)
        reference = references[name]
        after = rng.uniform(0.0, 1.05) * reference.seconds
        try:
            kill_once(setting, name, reference, after=after, whole_group=rng.random() < 0.5)
        except (AssertionError, subprocess.TimeoutExpired) as error:
            failures += 1
            tell(f"moment {moment}: after {after:.2f} s: {error}")
        else:
            tell(f"moment {moment}: {name} killed after {after:.2f} of {reference.seconds:.2f} s: equal")
    return failures


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bitmill.tests.kill", description=__doc__)
    parser.add_argument("--moments", type=int, default=50)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument(
        "--only", action="append", default=[], choices=list(COMMANDS), help="this command; may be repeated"
    )
    options = parser.parse_args(arguments)
    print(f"kill check: seed {options.seed}, {options.moments} moments", flush=True)
    with tempfile.TemporaryDirectory(prefix="bitmill-kill-") as room:
        failures = run(
            own_setting(Path(room)), moments=options.moments, seed=options.seed, only=options.only,
            tell=lambda line: print(f"kill check: {line}", flush=True),
        )  # fmt: skip
    print(f"kill check: {failures} of {options.moments} moments went wrong")
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
