"""The compiled design as a library: found in the cache or built, loaded, and its functions with their types."""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import threading
from collections.abc import Mapping
from enum import IntEnum
from pathlib import Path

from ...system.cache import CachedFile, cached_file
from ...system.errors import BitmillError
from ...system.places import private_folder
from ...system.sources import source_digest
from ...system.tools import yosys_release
from . import compiler, translate

DRIVER = Path(__file__).with_name("driver.cc")
BESIDE = "beside.inc"


class Status(IntEnum):
    """How a batch ended, as in ``driver.cc``."""

    MORE = 0
    DONE = 1
    VALID_FELL = 2
    PAYLOAD_CHANGED = 3
    TOO_MANY = 4
    HUNG = 5
    INPUTS_LEFT = 6
    UNSETTLED = 7


_POINTERS = ("inputs", "received", "input_go", "output_go")
_COUNTERS = (
    "input_count", "expected_count", "wanted_beats", "patience", "input_used", "output_used", "cycles",
    "beats", "input_stalls", "input_gaps", "transactions", "output_stalls", "output_gaps", "offered",
    "transfers", "last_transfer", "started", "received_count",
)  # fmt: skip


class Run(ctypes.Structure):
    """One run of traffic: what to play, what was counted, and where it stands; as in ``driver.cc``."""

    _fields_ = [
        *((name, ctypes.c_void_p) for name in _POINTERS),
        *((name, ctypes.c_int64) for name in _COUNTERS),
    ]  # fmt: skip


class Library:
    """The functions of a loaded library."""

    def __init__(self, path: Path) -> None:
        # A call releases the interpreter's lock, so that other threads run meanwhile.
        functions = ctypes.CDLL(str(path))
        handle = ctypes.c_void_p
        self.create = self._typed(functions, "create", handle)
        self.destroy = self._typed(functions, "destroy", None, handle)
        self.idle = self._typed(functions, "idle", None, handle)
        self.reset = self._typed(functions, "reset", None, handle)
        self.play = self._typed(functions, "play", ctypes.c_int32, handle, ctypes.POINTER(Run), ctypes.c_int64)
        self.drain = self._typed(functions, "drain", ctypes.c_int32, handle, ctypes.POINTER(Run), ctypes.c_int64)
        self.held = self._typed(functions, "held", handle, handle)
        self.latest = self._typed(functions, "latest", handle, handle)
        self.set = self._typed(functions, "set", None, handle, ctypes.c_int64, ctypes.c_char_p)
        self.get = self._typed(functions, "get", None, handle, ctypes.c_int64, ctypes.c_char_p)

    @staticmethod
    def _typed(functions: ctypes.CDLL, name: str, result: type | None, *arguments: type) -> ctypes._NamedFuncPointer:
        function = getattr(functions, f"bitmill_{name}")
        function.restype, function.argtypes = result, list(arguments)
        return function


def build_library(
    verilog: str,
    top: str,
    widths: Mapping[str, int],
    *,
    controls: Mapping[str, int] | None = None,
    levels: Mapping[str, int] | None = None,
    timeout: float | None = None,
) -> CachedFile:
    """The compiled library of module ``top``, from the cache when the same was built before.

    Parameters
    ----------
    verilog, top
        The design and its top module.
    widths
        Ports that it must have, and their widths.
    controls, levels
        Inputs and outputs beside these that can be set and looked at, by their place here.
    timeout
        Seconds after which the compiler is ended.

    Raises
    ------
    BitmillError
        If a tool is missing or fails, or a port is missing or has another width.
    """
    controls, levels = controls or {}, levels or {}
    used = compiler.find_compiler()
    inputs = {
        "verilog": verilog,
        "top": top,
        "widths": {**widths, **controls, **levels},
        "beside": [list(controls), list(levels)],
        "yosys": yosys_release(),
        "compiler": [*used.command, *used.flags, used.version, *compiler.FLAGS],
        "platform": platform.platform(),
        "source": source_digest(__name__),
    }

    def build() -> bytes:
        design = translate.translate(verilog, top)
        for name, width in {**widths, **controls, **levels}.items():
            if name not in design.ports:
                raise BitmillError(f"module {top} must have a port {name} of {width} bits, not none of this name")
            if design.ports[name] != width:
                raise BitmillError(f"port {name} of module {top} must be {width} bits wide, not {design.ports[name]}")
        sources = {
            translate.DESIGN: design.text,
            DRIVER.name: DRIVER.read_text(encoding="utf-8"),
            BESIDE: _beside(controls, levels),
        }
        return compiler.compile_library(sources, DRIVER.name, include=[design.runtime], compiler=used, timeout=timeout)

    return cached_file("compiled simulation", inputs, ".so", build)


def _beside(controls: Mapping[str, int], levels: Mapping[str, int]) -> str:
    """C++ that ``driver.cc`` includes: the ports beside the streams, by their place."""

    def places(names: Mapping[str, int], statement: str) -> str:
        return "".join(
            f"    case {place}: {statement.format(port='p_' + name.replace('_', '__'), bytes=(width + 7) // 8)} break;\n"
            for place, (name, width) in enumerate(names.items())
        )

    setting = places(controls, "std::memcpy(design.{port}.data, bytes, {bytes});")
    getting = places(levels, "std::memcpy(bytes, now(design.{port}).data, {bytes});")
    return (
        "void set_port(Design &design, int64_t place, const uint8_t *bytes) {\n"
        f"  switch (place) {{\n{setting}  }}\n}}\n\n"
        "void get_port(Design &design, int64_t place, uint8_t *bytes) {\n"
        f"  switch (place) {{\n{getting}  }}\n}}\n"
    )


_libraries: dict[bytes, Library] = {}
_loading = threading.Lock()
_kept: list[int] = []
"""Descriptors of libraries in memory; the loader knows a library by its name, so a number must not come twice."""


def load_library(found: CachedFile) -> Library:
    """Load exactly the bytes that were checked or built; the same bytes are loaded once in a process.

    Raises
    ------
    BitmillError
        If they cannot be loaded, for example because they were built for another machine.
    """
    digest = hashlib.sha256(found.data).digest()
    with _loading:
        if digest not in _libraries:
            try:
                _libraries[digest] = _load(found.data)
            except (OSError, AttributeError) as error:
                raise BitmillError(f"compiled library {found.path}: cannot be loaded: {error}") from None
        return _libraries[digest]


def _load(data: bytes) -> Library:
    """From a private file, or from memory where the temporary folder is full or nothing may be executed from it."""
    try:
        with private_folder("library") as folder:
            path = folder / "library.so"
            path.write_bytes(data)
            return Library(path)
    except (OSError, BitmillError):
        if not hasattr(os, "memfd_create"):
            raise
    handle = os.memfd_create("bitmill-library")
    _kept.append(handle)
    with open(handle, "wb", closefd=False) as file:
        file.write(data)
    return Library(Path(f"/proc/self/fd/{handle}"))
