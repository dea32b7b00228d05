"""What the mutation check runs: the constants of selection in one place, and the units that a mutant must still elaborate."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import get_args

import numpy as np
from amaranth.lib import wiring

from bitmill import MacConfig, config, golden, hdl
from bitmill.config.bit_serial import BitSerialConfig
from bitmill.config.parallel import ParallelConfig
from bitmill.config.presets import FAMILY_UNITS, UNITS
from bitmill.formats.block import BLOCKS
from bitmill.golden.bit_serial import matmul
from bitmill.golden.parallel.pe import parallel_pe_sum
from bitmill.golden.weights import dequantize, quantize_weights
from bitmill.hdl.emit import verilog
from bitmill.hdl.parallel.activation_decoder import ActivationDecoder
from bitmill.hdl.parallel.ant_decoder import AntDecoder
from bitmill.hdl.parallel.olive_decoder import OliveDecoder
from bitmill.hdl.parallel.parallel_pe import ParallelPE
from bitmill.hdl.parallel.weight_decoder import WeightDecoder
from bitmill.sim.families import TRAFFIC

from . import nonlinear_units

_ROWS = ("softmax", "gelu", "norm", "rows")
"""Folders of the families that work on rows of integers, in ``golden/`` and ``hdl/`` alike."""

TESTS = {
    "hdl": ("hdl/test_*.py",),
    "golden": ("golden/test_*.py",),
    **{f"hdl/{family}": ("hdl/test_*.py",) for family in _ROWS},
    **{f"golden/{family}": ("golden/test_nonlinear_*.py",) for family in _ROWS},
    # Golden computes by the rules, and units are as wide as rules say.
    "config/nonlinear": (
        "golden/test_nonlinear_*.py",
        "hdl/test_widths.py",
        "hdl/test_newton_norm.py",
        "hdl/test_root_norm.py",
    ),
}
"""Packages that are mutated, whose files are found when the check starts, and the files below ``tests`` that try them.

A package within another one is tried apart, by a smoke test of its own."""

COUNT = 560
"""Mutants a run by default."""

SEED = 1
"""Seed of the default run, the one whose survivors are all explained in ``survivors.toml``."""

LEAST_PER_FILE = 2
REQUIRED_RATE = 0.9

FIRST_TESTS = ("test_units.py", "test_widths.py")
"""The quick ones that see most."""

SLOW_TESTS: dict[str, dict[str, tuple[str, ...]]] = {
    "hdl": {
        "test_verilog.py": ("hdl/emit/verilog.py", "hdl/mac/dot_product.py", "hdl/__init__.py"),
        "test_core_file.py": ("hdl/emit/core_file.py",),
        "test_against_golden.py": (),
        "test_lint.py": (),
    },
    **{f"hdl/{family}": {"test_nonlinear_captured.py": ()} for family in _ROWS},
}
"""Tests that take minutes, and whose mutants they are for: netlists, Icarus and linters see what the units' own tests see."""

_PAIRS = (
    ("E4M3", "E4M3", 1, "exact"), ("INT8", "INT8", 3, "exact"), ("E2M1", "E4M3", 4, "exact"), ("UINT5", "E4M3", 2, "exact"),
    ("UINT4", "UINT3", 1, "exact"), ("TERNARY", "INT8", 1, "exact"), ("E4M3FNUZ", "FLINT4", 1, "exact"),
    ("E5M2", "E5M2", 1, "float"), ("E5M2", "INT8", 2, "float"), ("INT8_SYM", "INT8", 1, "float"), ("BF16", "BF16", 1, "float"),
)  # fmt: skip


def configurations() -> list[MacConfig]:
    """Small units of every kind: formats of each class, one lane and several, every accumulator, multiplier and aligner."""
    kinds = {"exact": config.ExactAccumulator(), "float": config.FloatAccumulator()}
    chosen = [
        MacConfig(weight=a, activation=b, unit="mac" if n == 1 else "dot", lanes=n, k_max=8 * n, accumulator=kinds[k])
        for a, b, n, k in _PAIRS
    ]
    chosen.append(MacConfig(weight="INT8", activation="INT8", k_max=8, multiplier="operator"))
    chosen += [
        MacConfig.from_dict({"weight": a, "activation": a, "unit": "dot", "lanes": 3, "k_max": 24, **formulation})
        for a, formulation in (
            ("INT5", {"multiplier": "columns"}),
            ("INT5", {"multiplier": "recoded"}),
            ("E3M2", {"aligner": "barrel"}),
            ("E3M2", {"aligner": "placed"}),
            ("E4M3", {"aligner": "binned"}),
            ("E3M2", {"aligner": "counted", "reduction": "compressed"}),
            ("E2M1", {"multiplier": "placed", "reduction": "compressed"}),
            ("INT4", {"multiplier": "bits", "reduction": "compressed"}),
            ("INT4", {"multiplier": "bits", "reduction": "flat"}),
            ("E2M1", {"reduction": "late", "scale": "E8M0", "accumulator": {"kind": "float"}, "pipeline": 0}),
            ("INT5", {"multiplier": "digits", "reduction": "compressed", "pipeline": 3}),
            ("E3M2", {"aligner": "early", "accumulator": {"kind": "window", "width": 9}}),
            (
                "E3M2",
                {
                    "aligner": "early",
                    "reduction": "carried",
                    "pipeline": 0,
                    "accumulator": {"kind": "window", "width": 9},
                },
            ),
        )
    ]
    # Units and accumulators that are newer than this list come in by their presets, the first of each kind.
    known = {(item.unit, item.accumulator.kind, item.scale) for item in chosen}
    for preset in UNITS.values():
        key = (preset.unit, preset.accumulator.kind, preset.scale)
        if key not in known:
            known.add(key)
            chosen.append(preset)
    return chosen


TILES = (
    {"lanes": 2, "group": 8, "weight_bits": 8, "drop": 2},
    {"rows": 2, "cols": 2, "lanes": 4, "group": 16, "weight_bits": 4, "group_exponent": "given"},
    {"lanes": 3, "group": 9, "activation": "INT8", "weight_bits": 6},
    {"lanes": 1, "group": 4, "activation": "BF16", "window": 9, "weight_bits": 4},
)
"""Small bit-serial tiles of every kind of activation, width of weights, and way to align."""
PARALLEL = (("FP16", "FP16"), ("INT8", "FP16"), ("ANT", "BF16"), ("OLIVE", "FP16"), ("INT8", "INT8"))
"""Weights and activations of parallel PEs."""
_SMALL = 16
"""Places at a time of presets of families that are elaborated: others have more of the same."""


def components() -> Iterator[wiring.Component]:
    """Units that have no unit of ``MacConfig`` around them."""
    yield from (hdl.build(BitSerialConfig.from_dict({"k_max": 64, **fields})) for fields in TILES)
    yield from (hdl.build(unit) for unit in FAMILY_UNITS.values() if unit.macs <= _SMALL)
    for weight, activation in PARALLEL:
        chosen = ParallelConfig.model_validate({"weight": weight, "activation": activation})
        decoder = {"ANT": AntDecoder, "OLIVE": OliveDecoder}.get(weight, WeightDecoder)
        yield from (part(config=chosen) for part in (ParallelPE, ActivationDecoder, decoder))


def elaborated() -> str:
    """A digest of the RTLIL of all configurations; an exception if one does not elaborate."""
    assert {item.accumulator.kind for item in configurations()} <= {
        kind.model_fields["kind"].default for kind in get_args(get_args(config.Accumulator)[0])
    }
    return _digest((*map(hdl.build, configurations()), *components()))


def _digest(units: Iterable[wiring.Component]) -> str:
    digest = hashlib.sha256()
    for unit in units:
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
            chosen = MacConfig(weight=name, activation=name, unit="dot", lanes=2, accumulator=accumulator)
            golden.to_float(chosen, golden.dot(chosen, codes, codes))
            golden.matmul(chosen, codes, codes)
    for fields in TILES:
        tile = BitSerialConfig.from_dict({"k_max": 64, **fields})
        codes = golden.encode(tile.activation, [[1.0, -0.5] * tile.group])
        scales = [[3, 200]]
        matmul(tile, [[1, -3] * tile.group], codes, scales=scales, groups=[tile.group] * 2).to_float()
    for weight, activation in PARALLEL:
        chosen = ParallelConfig.model_validate({"weight": weight, "activation": activation})
        parallel_pe_sum(chosen, [[1, 2]], golden.encode(activation, [[1.0, 2.0]]))
    for unit in FAMILY_UNITS.values():
        traffic = TRAFFIC.of(unit)(unit)
        traffic.expected(traffic.stimuli(np.random.default_rng(1), count=1, corner_steps=2))
    for scheme in BLOCKS:
        dequantize(quantize_weights(scheme, np.linspace(-1, 2, 256, dtype=np.float32).reshape(2, 128)))
    return ""


def nonlinear_elaborated() -> str:
    """As ``elaborated``, of the non-linear units."""
    return _digest(nonlinear_units.components())


def nonlinear_ran() -> str:
    """As ``ran``, of the non-linear functions."""
    nonlinear_units.run()
    return ""


def nonlinear_both() -> str:
    """Both of these: what a rule is good for."""
    return nonlinear_ran() + nonlinear_elaborated()


_CHECKS = {
    "hdl": elaborated, "golden": ran, "config/nonlinear": nonlinear_both,
    **{f"hdl/{family}": nonlinear_elaborated for family in _ROWS},
    **{f"golden/{family}": nonlinear_ran for family in _ROWS},
}  # fmt: skip

SMOKE = {floor: f"bitmill.tests.mutation.configurations:{check.__name__}" for floor, check in _CHECKS.items()}
"""What must still work for a mutant to count, as a trial is told it."""
