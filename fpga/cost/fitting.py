"""Fits cost models on measured units, and judges them by those held out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from ...system.errors import BitmillError
from .correction import Array, Correction, Flags
from .measured_units import TARGETS, Sample, Units, samples
from .model import WIDEST, Band, CostModel, Errors, described
from .reckoned import RECKONED, REGISTERS
from .regression import fitted_correction, fitted_prices
from .space import unit

UNITS = {"generic": "NAND2-equivalents", "ecp5": "LUT4", "registers": "flip-flops"}
METRICS = ("logic", "registers")

_ROUNDS = 60
_SURE = 0.985
LEAST_HALF = {"logic": 0.08, "registers": 0.05}
"""Half width of the narrowest band. Units that were left out one by one are easier than fresh ones."""

_REFUSED = {"logic": 0.02, "registers": 0.003}
"""Share of a draw of the whole space, its strangest units, that a model refuses."""

_SPACE_SEED, _SPACE_UNITS = 101, 300
"""The draw by whose expected spreads that is decided; nothing has to be synthesized for it."""


def fit_all(fitted: Units, *, provenance: Mapping[str, Any], draws: Sequence[int]) -> list[CostModel]:
    """A model for logic and registers of every target.

    Parameters
    ----------
    fitted
        What to fit on.
    provenance
        Goes with every model.
    draws
        Seeds of the units that are a draw of the whole space: errors, bands and refusals are set by them alone.

    Raises
    ------
    BitmillError
        If there are fewer units than traits.
    """
    names, units = placed(samples(fitted.synthesized, TARGETS[0], METRICS[0]))
    if len(units) < len(names):
        raise BitmillError(f"units to fit must be at least {len(names)}, not {len(units)}")
    drawn = np.array([found.seed in draws for found in fitted.synthesized])
    space = placed(Sample(unit(_SPACE_SEED, index), 0.0) for index in range(_SPACE_UNITS))[1]
    return [
        _fit(samples(fitted.synthesized, target, metric), names, units, drawn, target, metric, space, provenance)
        for target in TARGETS
        for metric in METRICS
    ]


def placed(found: Iterable[Sample]) -> tuple[tuple[str, ...], Array]:
    """Names of traits, and the units' traits as their file holds them."""
    rows = [described(sample.config)[1] for sample in found]
    names = tuple(rows[0]) if rows else ()
    return names, np.array([[float(f"{row[name]:.5g}") for name in names] for row in rows])


def priced(target: str, metric: str, found: Sequence[Sample]) -> tuple[dict[str, float], Array]:
    """Prices, and what they make of every unit; registers are counted instead."""
    counts = [described(sample.config)[0] for sample in found]
    values = np.array([sample.value for sample in found])
    if metric == "registers":
        prices = dict(REGISTERS)
    else:
        names = sorted({name for row in counts for name in row})
        table = np.array([[row.get(name, 0.0) for name in names] for row in counts])
        start = np.array([RECKONED[name][TARGETS.index(target)] for name in names], dtype=float)
        # What no unit has is as reckoned: the correction's spread says how far that may be trusted.
        prices = {name: float(price[TARGETS.index(target)]) for name, price in RECKONED.items()}
        prices |= {
            name: float(f"{price:.6g}") for name, price in zip(names, fitted_prices(table, values, start), strict=True)
        }
    totals = np.array([sum(prices.get(name, 0.0) * count for name, count in row.items()) for row in counts])
    return prices, totals


def _fit(
    found: Sequence[Sample], names: Sequence[str], units: Array, drawn: Flags, target: str, metric: str,
    space: Array, provenance: Mapping[str, Any],
) -> CostModel:  # fmt: skip
    values = np.array([sample.value for sample in found])
    prices, totals = priced(target, metric, found)
    learned = fitted_correction(units, np.log(values / totals), rounds=_ROUNDS)
    # As the file has it, so that errors are those of what is shipped.
    correction = Correction.from_plain(units, learned.to_plain())
    means, spreads = correction.left_out()
    ratios = totals * np.exp(means) / values
    widest = float(np.quantile([correction.of(row)[1] for row in space], 1 - _REFUSED[metric]))
    band = band_of(np.abs(1 / ratios[drawn] - 1), spreads[drawn], LEAST_HALF[metric], widest)
    unknown = Errors(units=0, refused=0, median=0.0, p90=0.0, within=0.0, rank=0.0)
    half = np.minimum(WIDEST, np.maximum(band.least, band.factor * spreads))
    return CostModel(
        target=target,
        metric=metric,
        unit=UNITS["registers"] if metric == "registers" else UNITS[target],
        prices=prices,
        traits=tuple(names),
        correction=correction,
        band=band,
        fitted=errors_of(ratios[drawn], values[drawn], half[drawn], spreads[drawn] <= band.widest_spread),
        held_out=unknown,
        provenance=provenance,
    )


def band_of(errors: Array, spreads: Array, least: float, widest: float) -> Band:
    """The least factor with which bands hold as many units as are to be sure, left out one by one."""
    kept = spreads <= widest
    errors, spreads = errors[kept], spreads[kept]
    factors = np.arange(1.0, 8.01, 0.05)
    shares = [float((errors <= np.minimum(WIDEST, np.maximum(least, factor * spreads))).mean()) for factor in factors]
    sure = next((factor for factor, share in zip(factors, shares, strict=True) if share >= _SURE), factors[-1])
    return Band(factor=round(float(sure), 2), least=least, widest_spread=float(f"{widest:.5g}"))


def errors_of(ratios: Array, values: Array, half: Array, kept: Flags) -> Errors:
    """Of estimates over synthesized values, the values, half widths of bands, and which are estimated at all."""
    ratios, values, half = ratios[kept], values[kept], half[kept]
    relative = np.abs(ratios - 1)
    return Errors(
        units=len(values),
        refused=int((~kept).sum()),
        median=round(float(np.median(relative)), 5),
        p90=round(float(np.quantile(relative, 0.9)), 5),
        within=round(float((np.abs(1 / ratios - 1) <= half).mean()), 5),
        rank=round(float(spearmanr(ratios * values, values)[0]), 5),  # pyright: ignore[reportArgumentType]
    )


def judged(model: CostModel, held_out: Sequence[Sample]) -> Errors:
    """Errors of a model's estimates on units it never saw; those that it refuses are counted apart."""
    ratios, halves, values = [], [], []
    for sample in held_out:
        try:
            estimate = model.estimate(sample.config)
        except BitmillError:
            continue
        ratios.append(estimate.value / sample.value)
        halves.append(estimate.high / estimate.value - 1)
        values.append(sample.value)
    if not values:
        return Errors(units=0, refused=len(held_out), median=0.0, p90=0.0, within=0.0, rank=0.0)
    kept = np.ones(len(values), dtype=bool)
    found = errors_of(np.array(ratios), np.array(values), np.array(halves), kept)
    return Errors(**{**found.__dict__, "refused": len(held_out) - len(values)})
