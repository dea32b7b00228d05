"""The units' functions point by point, and how captured inputs are distributed: series for pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ...models.captured.real import real_values
from ...models.captured.rows import UNITS, Rows, of_unit
from ...system.errors import BitmillError
from ..records import Record, metric
from .accuracy import every_code
from .contenders import contenders, outputs

EXP_SCALES = (0.045, 1 / 32)
GELU_SCALES = (1 / 32, 1 / 64)
_BINS = np.arange(-128, 129, 4)
"""Edges of a histogram of int8 codes."""


def curve_records(profiles: tuple[str, ...] | None = None) -> Iterator[Record]:
    """``exp`` as softmax gives it, and GELU, of every contender that takes the scale.

    ``exp(d)`` is the ratio of the two outputs of the row ``(0, d)``, so it is seen through the unit's output alone.
    """
    for scale in EXP_SCALES:
        pairs = np.stack([np.zeros(128), -np.arange(128.0)], axis=1).astype(np.int8)
        rows = Rows(function="softmax", place="pairs", scale=scale, codes=pairs)
        x = pairs[:, 1].astype(np.float64) * scale
        yield from _curves("exp", rows, x, np.exp(x), profiles)
    for scale in GELU_SCALES:
        rows = every_code("gelu", scale)
        yield from _curves("gelu", rows, rows.codes[0].astype(np.float64) * scale, real_values(rows)[0], profiles)


def _curves(
    name: str, rows: Rows, x: NDArray[np.float64], real: NDArray[np.float64], profiles: tuple[str, ...] | None
) -> Iterator[Record]:
    for contender in contenders(rows.function, profiles):
        try:
            own = outputs(contender, rows).own
        except BitmillError:
            continue
        y = own[:, 1] / own[:, 0] if name == "exp" else own[0]
        yield Record(
            id=f"curve/{name}/{contender.key}/{rows.scale:g}",
            topic="curve",
            config={"function": name, "contender": contender.key, "title": contender.title, "scale": rows.scale},
            part=rows.function,
            flow={"x": _listed(x), "y": _listed(y), "real": _listed(real)},
            tool_versions={"numpy": np.__version__},
            metrics={
                "max": metric(float(f"{np.abs(y - real).max():.6g}"), "1"),
                "mean": metric(float(f"{np.abs(y - real).mean():.6g}"), "1"),
            },
        )


def distribution_records(captured: Sequence[Rows]) -> Iterator[Record]:
    """How often codes occur among the captured inputs of every place, padding left out."""
    for unit in UNITS:
        for rows in of_unit(captured, unit):
            codes = rows.codes[rows.mask].astype(np.float64)
            counts, _ = np.histogram(codes, bins=_BINS)
            yield Record(
                id=f"inputs/{unit}/{rows.place.replace(',', '').replace(' ', '-')}",
                topic="inputs",
                config={"unit": unit, "place": rows.place, "rows": len(rows.codes), "length": rows.length},
                part=unit,
                flow={"bins": _BINS.tolist(), "counts": counts.tolist(), "scale": "max|x| / 127 on calibrating texts"},
                tool_versions={"numpy": np.__version__},
                metrics={
                    "scale": metric(float(f"{rows.scale:.6g}"), "1"),
                    "deviation": metric(float(f"{codes.std():.6g}"), "steps"),
                    "largest": metric(float(np.abs(codes).max()), "steps"),
                    "input_error": metric(float(f"{rows.input_error:.6g}"), "1"),
                    "elements": metric(codes.size, "elements"),
                },
            )


def _listed(values: NDArray[np.float64]) -> list[float]:
    return [float(f"{value:.6g}") for value in values]
