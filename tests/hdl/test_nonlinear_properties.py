"""What holds for every unit in hardware whatever it is given: the properties that golden has, and those of streams."""

import numpy as np
import pytest

from .nonlinear_units import LANES, LONGEST, STATIONS, golden_rows, through

SEED = 91
EVERY_UNIT = pytest.mark.parametrize("station", STATIONS.values(), ids=STATIONS)


def random_rows(lengths, least=-128, greatest=127, seed=SEED):
    """Rows of many spreads."""
    rng = np.random.default_rng(seed)
    rows = [np.rint(rng.standard_t(3, length) * 10 ** rng.uniform(0, 2)) for length in lengths]
    return [np.clip(row, least, greatest).astype(int).tolist() for row in rows]


def random_masks(rows, seed=SEED):
    rng = np.random.default_rng(seed)
    return [rng.random(len(row)) < rng.choice([0.4, 0.8, 1.0]) for row in rows]


@pytest.mark.parametrize("stalls", [0.0, 0.5])
@EVERY_UNIT
def test_rows_back_to_back_of_any_length_and_mask(station, stalls):
    """With ``stalls`` on both sides; a result depends on its row alone."""
    rows = random_rows([LONGEST, 1, 5, 2, LANES, LONGEST - 1, 7])
    masks = random_masks(rows)
    assert through(station, rows, masks, stalls=stalls, seed=SEED) == golden_rows(station, rows, masks)
