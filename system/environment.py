"""The environment of tools: what they need to be found and run, and nothing of the user's that could change a result."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path

from .places import cache_directory, run_folder, user_folder
from .trust import is_ours, make_folders

WHEEL_CACHE_VARIABLE = "YOWASP_CACHE_DIR"
"""Environment variable that names the cache of the wheels' machine code, to them and to us."""

# Where libraries and system software lie, which is the machine's business and none of ours; without them a tool that is
# installed beside its libraries does not start.
_KEPT = (
    "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH", "SDKROOT", "DEVELOPER_DIR",
    "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "NUMBER_OF_PROCESSORS", "PROCESSOR_ARCHITECTURE",
)  # fmt: skip


def search_path() -> str:
    """The directories in which tools are looked for: those of PATH that do not depend on the working directory."""
    named = os.environ.get("PATH", os.defpath)
    return os.pathsep.join(entry for entry in named.split(os.pathsep) if Path(entry).is_absolute())


def tool_environment(added: Mapping[str, str] | None = None, *, cwd: Path) -> dict[str, str]:
    """All variables of a tool that runs in ``cwd``.

    PATH, and where the system's libraries are, come from the user. HOME and the temporary directory are private folders of this
    run, the language is C, and Python finds the packages that this process finds. Everything else (PYTHONPATH, PYTHONHOME,
    LD_PRELOAD, VERILATOR_ROOT, YOSYS_..., MAKEFLAGS, CPATH, proxies and secrets) stays outside.

    Parameters
    ----------
    added
        Variables that this tool gets besides, or instead.
    cwd
        Its working directory. Where that is private it holds temporary files too, under a name that nothing can misread.
    """
    run = run_folder()
    home = run / "home"
    home.mkdir(mode=0o700, exist_ok=True)
    temporary = "." if cwd.is_relative_to(run) else str(run)
    return {
        **{name: os.environ[name] for name in _KEPT if name in os.environ},
        "PATH": search_path(),
        "HOME": str(home),
        "USERPROFILE": str(home),
        **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), temporary),
        "LC_ALL": "C",
        "TZ": "UTC",
        "TERM": "dumb",
        "NO_COLOR": "1",
        "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if Path(entry).is_absolute()),
        "PYTHONNOUSERSITE": "1",
        "PYTHONSAFEPATH": "1",
        WHEEL_CACHE_VARIABLE: str(wheel_cache()),
        **(added or {}),
    }


@cache
def wheel_cache() -> Path:
    """The wheels' own cache of machine code, or one of ours where others could write into that."""
    named = os.environ.get(WHEEL_CACHE_VARIABLE)
    for folder in (Path(named).absolute() if named else user_folder("YoWASP"), cache_directory() / "yowasp"):
        with suppress(OSError):
            make_folders(folder)
            inside = (path for path in folder.rglob("*") if not path.is_symlink())
            if os.access(folder, os.W_OK) and all(is_ours(path.stat()) for path in (folder, *inside)):
                return folder
    return run_folder()
