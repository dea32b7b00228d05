"""What accumulators make of a layer's codes, computed by golden and kept on disk: a minute for all units of a study."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import golden
from ...config import MacConfig
from ...fpga.cache import cached
from ...golden.noise import sqnr_db
from ...system.sources import source_digest
from ..records import metric

UNITS = {"error_sqnr": "dB", "total_sqnr": "dB", "overflowed": "%", "outputs": "outputs"}


@dataclass(frozen=True, eq=False)
class Operands:
    """Codes [out, K] and [tokens, K], the scales of the outputs [out, tokens], and the outputs without any rounding."""

    weight: NDArray[np.unsignedinteger]
    activation: NDArray[np.unsignedinteger]
    scales: NDArray[np.float64]
    reference: NDArray[np.float64]

    def digest(self) -> str:
        """SHA-256 of all four."""
        digest = hashlib.sha256()
        for array in (self.weight, self.activation, self.scales, self.reference):
            digest.update(f"{array.dtype.str}{array.shape}".encode() + np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


def outputs_of(config: MacConfig, operands: Operands) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Outputs [out, tokens] as the unit accumulates them, and which overflowed: those count as the greatest number."""
    values = golden.to_float(config, golden.matmul(config, operands.weight, operands.activation))
    over = ~np.isfinite(values)
    if config.accumulator_format is not None:
        largest = float(config.accumulator_format.max_value)
        values = np.clip(values, -largest, largest)
    return values * operands.scales, over


def accumulation_errors(configs: Sequence[MacConfig], operands: Operands) -> list[dict[str, float | int | None]]:
    """The metrics ``UNITS`` of each unit; ``error_sqnr`` against the first one, None for a ratio without noise.

    Raises
    ------
    BitmillError
        As ``golden.matmul``.
    """
    inputs = _inputs(operands) | {"configs": [config.to_dict() for config in configs]}
    return cached("accumulation", inputs, lambda: _errors(configs, operands))


def unit_error(config: MacConfig, operands: Operands) -> tuple[float | None, float | None]:
    """SQNR in dB of a unit's outputs, and of its accumulator alone; None where there is no noise.

    Raises
    ------
    BitmillError
        As ``golden.matmul``.
    """

    def compute() -> list[float | None]:
        outputs, _ = outputs_of(config, operands)
        exact, _ = outputs_of(MacConfig.from_dict({**config.to_dict(), "accumulator": {"kind": "exact"}}), operands)
        return [
            metric(sqnr_db(operands.reference, outputs), "dB").value,
            metric(sqnr_db(exact, outputs), "dB").value,
        ]

    whole, accumulated = cached("unit error", _inputs(operands) | {"config": config.to_dict()}, compute)
    return whole, accumulated


def _inputs(operands: Operands) -> dict[str, Any]:
    return {"operands": operands.digest(), "numpy": np.__version__, "source": source_digest(__name__)}


def _errors(configs: Sequence[MacConfig], operands: Operands) -> list[dict[str, float | int | None]]:
    found = []
    exact: NDArray[np.float64] | None = None
    for config in configs:
        outputs, over = outputs_of(config, operands)
        exact = outputs if exact is None else exact
        numbers = {
            "error_sqnr": sqnr_db(exact, outputs),
            "total_sqnr": sqnr_db(operands.reference, outputs),
            "overflowed": 100 * float(over.mean()),
            "outputs": outputs.size,
        }
        found.append({name: metric(number, UNITS[name]).value for name, number in numbers.items()})
    return found
