"""Fits models of what units occupy on a cell library: few units are measured there, the rest is what the gates' model knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ...system.errors import BitmillError
from .correction import Correction
from .fitting import LEAST_HALF, METRICS, band_of, errors_of, judged, placed
from .measured_units import Sample, Units, samples
from .model import WIDEST, Band, CostModel, described, shipped_models
from .regression import fitted_correction
from .traits import reckoned_gates

LEAST_UNITS = 24
"""Fewer measured units say nothing about an error."""
_ROUNDS = 40


def fit_cells(library: str, fitted: Units, held_out: Units, *, provenance: Mapping[str, Any]) -> list[CostModel]:
    """Models of logic and registers of a library, in its gate equivalents, with their errors on the units held out.

    ``cost = exp(correction(traits)) * scale * estimate``: the estimate is that of the generic target's model, the scale the
    median ratio of what was measured to it, the correction a Gaussian process of what is left. A unit whose band would be wider
    than ``WIDEST``, that the generic model refuses or that is larger than any measured one is refused.

    Raises
    ------
    BitmillError
        If there are fewer than ``LEAST_UNITS`` units to fit on or to judge by, or half of these would be refused.
    """
    for words, units in (("to fit on", fitted), ("held out", held_out)):
        if len(units.synthesized) < LEAST_UNITS:
            raise BitmillError(f"{library}: units {words} must be at least {LEAST_UNITS}, not {len(units.synthesized)}")
    return [_fit(library, metric, fitted, held_out, provenance) for metric in METRICS]


def _fit(library: str, metric: str, fitted: Units, held_out: Units, provenance: Mapping[str, Any]) -> CostModel:
    base = next(model for model in shipped_models() if model.name == f"generic-{metric}")
    known: list[Sample] = []
    estimates: list[float] = []
    for sample in samples(fitted.synthesized, library, metric):
        try:
            estimates.append(base.estimate(sample.config).value)
        except BitmillError:
            continue
        known.append(sample)
    names, units = placed(known)
    values = np.array([sample.value for sample in known])
    ratios = values / np.array(estimates)
    scale = float(f"{np.median(ratios):.6g}")
    learned = fitted_correction(units, np.log(ratios / scale), rounds=_ROUNDS)
    # As the file has it, so that errors are those of what is shipped.
    correction = Correction.from_plain(units, learned.to_plain())
    means, spreads = correction.left_out()
    left_out = np.exp(means) * scale / ratios
    band = band_of(np.abs(1 / left_out - 1), spreads, LEAST_HALF[metric], float("inf"))
    band = Band(factor=band.factor, least=band.least, widest_spread=float(f"{WIDEST / band.factor:.5g}"))
    half = np.minimum(WIDEST, np.maximum(band.least, band.factor * spreads))
    kept = spreads <= band.widest_spread
    _check_kept(library, metric, int(kept.sum()), len(kept))
    errors = errors_of(left_out, values, half, kept)
    model = CostModel(
        target=library, metric=metric, unit="GE", prices={"base": scale}, traits=tuple(names), correction=correction,
        band=band, fitted=errors, held_out=errors, provenance=provenance, base=base.name,
        most_gates=round(max(reckoned_gates(described(sample.config)[0]) for sample in known)),
    )  # fmt: skip
    found = judged(model, samples(held_out.synthesized, library, metric))
    _check_kept(library, metric, found.units, found.units + found.refused)
    return replace(model, held_out=found)


def _check_kept(library: str, metric: str, kept: int, units: int) -> None:
    if 2 * kept < units:
        raise BitmillError(
            f"{library} {metric}: a model must estimate half of the units within {WIDEST:.0%}, not {kept} of {units}"
        )
