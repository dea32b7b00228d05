"""What the mutation check runs: the constants of selection in one place, and the units that a mutant must still elaborate."""

from __future__ import annotations

import hashlib
import re
from typing import get_args

from bitmill import AcceleratorConfig, config, golden, hdl
from bitmill.hdl import verilog
from bitmill.presets import UNITS

FLOORS = ("hdl", "golden")
"""Packages that are mutated; their files are found when the check starts."""

COUNT = 110
"""Mutants a run by default."""

SEED = 1
"""Seed of the default run, the one whose survivors are all explained in ``survivors.toml``."""

LEAST_PER_FILE = 2
REQUIRED_RATE = 0.9

FIRST_TESTS = ("test_units.py",)
"""The quick ones that see most."""

SLOW_TESTS: dict[str, dict[str, tuple[str, ...]]] = {
    "hdl": {
        "test_verilog.py": ("hdl/verilog.py", "hdl/dot_product.py", "hdl/__init__.py"),
        "test_core_file.py": ("hdl/core_file.py",),
        "test_against_golden.py": (),
        "test_lint.py": (),
    },
    "golden": {},
}
"""Tests that take minutes, and whose mutants they are for: netlists, Icarus and linters see what the units' own tests see."""

_PAIRS = (
    ("E4M3", "E4M3", 1, "exact"), ("INT8", "INT8", 3, "exact"), ("E2M1", "E4M3", 4, "exact"), ("UINT5", "E4M3", 2, "exact"),
    ("UINT4", "UINT3", 1, "exact"), ("TERNARY", "INT8", 1, "exact"), ("E4M3FNUZ", "FLINT4", 1, "exact"),
    ("E5M2", "E5M2", 1, "float"), ("E5M2", "INT8", 2, "float"), ("INT8_SYM", "INT8", 1, "float"), ("BF16", "BF16", 1, "float"),
)  # fmt: skip


def configurations() -> list[AcceleratorConfig]:
    """Small units of every kind: formats of each class, one lane and several, every accumulator, both multipliers."""
    kinds = {"exact": config.ExactAccumulator(), "float": config.FloatAccumulator()}
    chosen = [
        AcceleratorConfig(
            weight=a, activation=b, unit="mac" if n == 1 else "dot", lanes=n, k_max=8 * n, accumulator=kinds[k]
        )
        for a, b, n, k in _PAIRS
    ]
    chosen.append(AcceleratorConfig(weight="INT8", activation="INT8", k_max=8, multiplier="operator"))
    # Units and accumulators that are newer than this list come in by their presets, the first of each kind.
    known = {(item.unit, item.accumulator.kind) for item in chosen}
    for preset in UNITS.values():
        key = (preset.unit, preset.accumulator.kind)
        if key not in known:
            known.add(key)
            chosen.append(preset)
    return chosen


def elaborated() -> str:
    """A digest of the RTLIL of all configurations; an exception if one does not elaborate."""
    assert {item.accumulator.kind for item in configurations()} <= {
        kind.model_fields["kind"].default for kind in get_args(get_args(config.Accumulator)[0])
    }
    digest = hashlib.sha256()
    for chosen in configurations():
        unit = hdl.build(chosen)
        text = verilog._rtlil(unit, name="unit")
        digest.update(re.sub(r"^\s*attribute \\src .*\n", "", text, flags=re.MULTILINE).encode())
    return digest.hexdigest()


def ran() -> str:
    """Every function of golden once; an exception if one fails."""
    values = [[0.5, -1.0, 3.0, 0.0], [2.0, 0.25, -6.0, 1.0]]
    for name in ("E4M3", "INT8", "FP16"):
        scale = golden.choose_scale(name, values, granularity="channel")
        codes = golden.quantize(name, values, scale)
        golden.dequantize(name, codes, scale)
        golden.encode(name, golden.decode(name, codes))
        for accumulator in (config.ExactAccumulator(), config.FloatAccumulator()):
            chosen = AcceleratorConfig(weight=name, activation=name, unit="dot", lanes=2, accumulator=accumulator)
            golden.to_float(chosen, golden.dot(chosen, codes, codes))
            golden.matmul(chosen, codes, codes)
    return ""


_CHECKS = {"hdl": elaborated, "golden": ran}
SMOKE = {floor: f"bitmill.tests.mutation.configurations:{check.__name__}" for floor, check in _CHECKS.items()}
"""What must still work for a mutant to count, as a trial is told it."""
