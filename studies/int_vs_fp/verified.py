"""A unit's RTL compared with golden on given codes, kept on disk: simulating takes longer than all else of a study."""

from __future__ import annotations

import importlib.metadata
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...config import MacConfig
from ...fpga.cache import cached
from ...sim import verify
from ...system import tools
from ...system.sources import source_digest

Codes = NDArray[np.unsignedinteger]


def verified(config: MacConfig, verilog: str, codes: tuple[Codes, Codes], *, seed: int) -> dict[str, int]:
    """The counts of ``sim.verify`` on weight and activation codes.

    Raises
    ------
    VerificationError
        If a single bit differs from golden.
    """
    inputs = {
        "verilog": verilog,
        "config": config.to_dict(),
        "weight": codes[0].tolist(),
        "activation": codes[1].tolist(),
        "seed": seed,
        "tools": simulator_versions(),
        "numpy": np.__version__,
        "source": source_digest(__name__),
    }
    return cached("verify", inputs, lambda: _plain(verify(config, seed=seed, codes=codes, verilog=verilog)))


def simulator_versions() -> dict[str, str]:
    """Versions of the simulator and of what drives it."""
    return {
        "iverilog": tools.tool_versions().get("iverilog", "missing"),
        "cocotb": importlib.metadata.version("cocotb"),
    }


def _plain(result: Any) -> dict[str, int]:
    return {field.name: value for field in fields(result) if isinstance(value := getattr(result, field.name), int)}
