"""An abc that remembers what a long search found, so that the same circuit at another clock period is only sized.

What abc does for area takes minutes on a large circuit and does not know the clock; only the sizing that follows does. Yosys runs
this program in abc's place. It splits the script at ``RESUME``: what comes before is kept by the circuit, the library and
the script, what comes after is run each time. abc passes the circuit through ``BEST_FILE`` at that point in any case, so the
result is the same to the last byte.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shlex
import subprocess
import sys
import zlib
from pathlib import Path

from .cache import cached_file
from .places import CACHE_VARIABLE, cache_directory
from .sources import source_digest
from .store import LIMIT_VARIABLE, cache_limit

BEST_FILE = "best.v"
RESUME = f"read_verilog -m {BEST_FILE}"
"""The command that a script goes on with after its search."""

_SOURCE = re.compile(r"^source (.+?);?$", re.MULTILINE)
_READ = re.compile(r"^(read_blif|read_scl|read_lib|read_genlib|read_constr)\s+(.*?);?\s*$", re.MULTILINE)
_PROGRAM = "remembering_abc"


def remembering_abc(folder: Path, release: str) -> str | None:
    """Write the program into ``folder``; its path, or None where Yosys' abc is no program of its own.

    Parameters
    ----------
    folder
        Where Yosys is run: one that nobody else can write to.
    release
        Of Yosys and its abc; what another release found is not taken.
    """
    found = importlib.util.find_spec("pyosys")
    places = (found.submodule_search_locations or []) if found else []
    abc = next((path for place in places if os.access(path := Path(place) / "yosys-abc", os.X_OK)), None)
    if abc is None or os.name != "posix":
        return None
    program = folder / _PROGRAM
    # Tools are run without the variables of the user, with a home of their own.
    kept = {CACHE_VARIABLE: str(cache_directory()), LIMIT_VARIABLE: str(cache_limit())}
    variables = " ".join(f"{name}={shlex.quote(value)}" for name, value in kept.items())
    # The program has another name than this module, by which its sources are found.
    what = f"{release} {source_digest(__name__)}"
    command = shlex.join([sys.executable, "-P", "-m", __name__, what, str(abc)])
    program.write_text(f'#!/bin/sh\n{variables} exec {command} "$@"\n', encoding="utf-8")
    program.chmod(0o700)
    return f"./{_PROGRAM}"


def main(what: str, abc: str, *arguments: str) -> None:
    """Run abc with its ``arguments``, as Yosys gives them; becomes abc itself for what is left to do.

    ``what`` is the release of abc and the digest of the sources: what others found is not taken.
    """
    script = Path(arguments[-1])
    text = script.read_text(encoding="utf-8")
    of_yosys = _SOURCE.search(text)
    steps = Path(of_yosys[1]).read_text(encoding="utf-8") if of_yosys else ""
    search, resumed, rest = steps.partition(RESUME)
    if resumed and _recalled(what, [abc, *arguments[:-1]], text, search):
        _replace_source(script, text, resumed + rest)
    os.execv(abc, [abc, *arguments])


def _recalled(what: str, command: list[str], text: str, search: str) -> bool:
    """Put what the search finds into ``BEST_FILE``; False where abc failed, which it had better say by itself."""
    # Yosys names its folders by chance: what lies in the files counts.
    inputs = {
        "what": what,
        "search": search,
        "read": [[name, *map(_content, words.split())] for name, words in _READ.findall(text)],
    }

    def searched() -> bytes:
        script = Path("search.script")
        _replace_source(script, text, search + "\n")
        # The network is written by the search itself; Yosys' own last line would write it once more.
        subprocess.run([*command, str(script)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return zlib.compress(Path(BEST_FILE).read_bytes(), 6)

    Path(BEST_FILE).unlink(missing_ok=True)
    try:
        found = cached_file("abc", inputs, ".v.z", searched)
        Path(BEST_FILE).write_bytes(zlib.decompress(found.data))
    except (OSError, subprocess.CalledProcessError, zlib.error):
        return False
    return True


def _replace_source(script: Path, text: str, steps: str) -> None:
    """Write Yosys' script with other steps than those of its ``source`` line."""
    place = script.with_name(f"{script.name}.steps")
    place.write_text(steps, encoding="utf-8")
    script.write_text(_SOURCE.sub(lambda _found: f"source {place};", text), encoding="utf-8")


def _content(word: str) -> str:
    """A word of a command: the digest of a file's content instead of its path."""
    path = Path(word.strip('"'))
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else word


if __name__ == "__main__":
    main(*sys.argv[1:])
