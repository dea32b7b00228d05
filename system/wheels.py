"""Tools that come as Python wheels of WebAssembly, and the machine code that is made of it once on a machine."""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .environment import WHEEL_CACHE_VARIABLE, wheel_cache
from .errors import BitmillError
from .locks import alone
from .places import private_folder
from .processes import run_tool
from .trust import make_folders

_PART = ".bitmill-part"


@dataclass(frozen=True)
class WheelTool:
    """A tool that comes as a Python wheel: ``module.function(argv)`` runs the WebAssembly ``program``."""

    distribution: str
    module: str
    function: str
    program: str

    def command(self) -> list[str]:
        """What runs it, to be followed by its arguments."""
        # -P keeps the working directory, which holds only design files, off the import path.
        code = f"import sys, {self.module} as tool; sys.exit(tool.{self.function}(sys.argv[1:]))"
        return [sys.executable, "-P", "-c", code]

    def compile_once(self) -> None:
        """Have its machine code in the cache before it is run in parallel.

        The wheels compile on their first run on a machine and write the result straight into their cache, where another run
        that starts meanwhile reads half of it, as does every later one after a kill. So the first run is of ``--help``, alone
        among all bitmill processes, into a private folder, from where the whole file is moved into the cache.
        """
        source = _program(self.module, self.program)
        if source is None:
            return
        place = Path(self.module, self.program, hashlib.sha1(source.read_bytes(), usedforsecurity=False).hexdigest())
        folder = wheel_cache()
        if (folder / place).exists():
            return
        with suppress(OSError), alone(folder / f"bitmill-{self.program}.lock", f"{self.program} is compiled, once"):
            if (folder / place).exists():
                return
            make_folders(folder / place.parent)
            part = folder / f"{place}{_PART}"
            with private_folder("compile") as staged:
                # Some of them exit non-zero after their help; one that cannot run at all shows in the real run.
                with suppress(BitmillError):
                    run_tool([*self.command(), "--help"], env={WHEEL_CACHE_VARIABLE: str(staged)}, name=self.program)
                # Over what a killed run left there.
                shutil.copyfile(staged / place, part)
                part.replace(folder / place)


def _program(module: str, program: str) -> Path | None:
    spec = importlib.util.find_spec(module)
    folders = spec.submodule_search_locations if spec is not None else None
    path = Path(next(iter(folders or [""]))) / program
    return path if path.is_file() else None
