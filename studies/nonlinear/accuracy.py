"""Errors of every contender on every set of rows, as records."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import reduce
from operator import add
from typing import Any

import numpy as np

from ...models.captured.real import real_values
from ...models.captured.rows import UNITS, Rows, Unit, of_unit
from ...system.errors import BitmillError
from ..jobs import Job
from ..records import Metric, Record, metric
from . import synthetic
from .contenders import Contender, contenders, outputs
from .errors import Errors

DIGITS = 6
"""Significant digits kept: those beyond depend on the order in which a machine adds."""

RECORDED_LENGTH = 240
"""Row length of the LayerNorm figures that were recorded before this study."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """Rows of one unit that are judged together.

    Attributes
    ----------
    key
        Last part of the records' ids: ``t3/0.0625/L197``, ``normal/3/L64``, ``codes/0.0625``, ``captured/L197``.
    origin
        ``t3``, ``normal``, ``codes`` or ``captured``.
    rows
        One for each place.
    """

    key: str
    origin: str
    rows: tuple[Rows, ...]

    @property
    def function(self) -> Unit:
        """What the rows are for."""
        return self.rows[0].function


def synthetic_sources(lengths: Sequence[int] = synthetic.LENGTHS) -> Iterator[Source]:
    """Made-up rows of every unit, scale or sigma, and length; and for GELU one row of every code."""
    for unit in ("softmax", "gelu"):
        for scale in synthetic.SCALES:
            for length in lengths:
                rows = synthetic.heavy_tailed_rows(unit, scale, length)
                yield Source(key=f"t3/{scale:g}/L{length}", origin="t3", rows=(rows,))
    for scale in synthetic.SCALES:
        yield Source(key=f"codes/{scale:g}", origin="codes", rows=(every_code("gelu", scale),))
    for sigma in synthetic.SIGMAS:
        for length in (*lengths, RECORDED_LENGTH):
            rows = synthetic.normal_rows(sigma, length)
            yield Source(key=f"normal/{sigma}/L{length}", origin="normal", rows=(rows,))


def every_code(unit: Unit, scale: float) -> Rows:
    """One row of all int8 codes."""
    return Rows(function=unit, place="every code", scale=scale, codes=np.arange(-128, 128).astype(np.int8)[None])


def captured_sources(captured: Mapping[int, Iterable[Rows]]) -> Iterator[Source]:
    """Captured rows by length of the texts, every layer of a unit together; GELU and LayerNorm of the longest texts alone."""
    for length, found in captured.items():
        rows = tuple(found)
        for unit in UNITS if length == max(captured) else ("softmax",):
            yield Source(key=f"captured/L{length}", origin="captured", rows=tuple(of_unit(rows, unit)))


def accuracy_jobs(sources: Iterable[Source], profiles: tuple[str, ...] | None = None) -> Iterator[tuple[str, Job]]:
    """Name and job of every source: its records."""
    for source in sources:
        yield (
            f"error of {source.function} on {source.key}",
            lambda source=source: list(source_records(source, profiles)),
        )


def source_records(source: Source, profiles: tuple[str, ...] | None = None) -> Iterator[Record]:
    """One record per contender, and one more per place where there are several.

    Where a contender refuses a place's scale, length or parameters, it has no record of that place, and the one of all
    together says how many were refused.
    """
    ideal: dict[str, _Parts] = {}
    for contender in contenders(source.function, profiles):
        each = {rows.place: found for rows in source.rows if (found := _measured(contender, rows)) is not None}
        if contender.rule is None:
            ideal = each
        here = [rows for rows in source.rows if rows.place in each]
        if here:
            yield _record(source, contender, here, each, ideal)
        if len(source.rows) > 1:
            yield from (_record(source, contender, [rows], each, ideal, alone=True) for rows in here)


_Parts = tuple[Errors, ...]
"""Errors of a unit's own output, of its 8-bit output, and of that in steps."""


def _measured(contender: Contender, rows: Rows) -> _Parts | None:
    try:
        given = outputs(contender, rows)
    except BitmillError:
        return None
    real, mask = real_values(rows), rows.mask
    return (
        Errors.between(given.own, real, mask),
        Errors.between(given.eight, real, mask),
        Errors.between(given.eight / given.step, real / given.step, mask),
    )


def _record(
    source: Source,
    contender: Contender,
    rows: Sequence[Rows],
    each: Mapping[str, _Parts],
    ideal: Mapping[str, _Parts],
    *,
    alone: bool = False,
) -> Record:
    def together(parts: Mapping[str, _Parts]) -> list[Errors]:
        return [reduce(add, errors) for errors in zip(*(parts[one.place] for one in rows), strict=True)]

    (own, eight, steps), (*_, ideal_steps) = together(each), together(ideal)
    metrics: dict[str, Metric] = {
        "max": metric(_rounded(own.greatest), "1"),
        "mean": metric(_rounded(own.mean), "1"),
        "cosine": metric(round(own.cosine, DIGITS + 2), "1"),
        "max_8bit": metric(_rounded(eight.greatest), "1"),
        "mean_8bit": metric(_rounded(eight.mean), "1"),
        "cosine_8bit": metric(round(eight.cosine, DIGITS + 2), "1"),
        "steps": metric(_rounded(steps.greatest), "output steps"),
        "mean_steps": metric(_rounded(steps.mean), "output steps"),
        "over_ideal": metric(_rounded(steps.mean / ideal_steps.mean), "times"),
        "elements": metric(own.count, "elements"),
    }
    if source.origin == "captured":
        if not alone:
            metrics["refused"] = metric(len(source.rows) - len(rows), "places")
        elements = [int(one.mask.sum()) for one in rows]
        changed = sum(one.input_error * count for one, count in zip(rows, elements, strict=True)) / sum(elements)
        metrics["input_error"] = metric(_rounded(changed), "1")
    config: dict[str, Any] = {
        "unit": source.function,
        "contender": contender.key,
        "title": contender.title,
        "source": source.key,
        "kind": source.origin,
        "rows": sum(len(one.codes) for one in rows),
        "length": rows[0].length,
        "rule": None if contender.rule is None else asdict(contender.rule),
    }
    if len(source.rows) == 1 or alone:
        config |= {"place": rows[0].place, "scale": rows[0].scale}
    return Record(
        id=accuracy_id(source.function, contender.key, source.key, rows[0].place if alone else ""),
        topic="accuracy",
        config=config,
        part=source.function,
        flow={
            "reference": "the real function of the codes' values, in float64",
            "8 bit": "the unit's output requantized with a dyadic multiplier; softmax unsigned, 1/256 a step",
        },
        tool_versions={"numpy": np.__version__},
        seeds=() if source.origin in ("captured", "codes") else (synthetic.SEED,),
        metrics=metrics,
    )


def accuracy_id(unit: str, contender: str, source: str, place: str = "") -> str:
    """The id of a record of ``source_records``."""
    return "/".join(
        part for part in ("accuracy", unit, contender, source, place.replace(",", "").replace(" ", "-")) if part
    )


def _rounded(value: float) -> float:
    return (
        value
        if value == 0 or not math.isfinite(value)
        else round(value, DIGITS - 1 - math.floor(math.log10(abs(value))))
    )
