"""The function of every family, called as the table says."""

import numpy as np
import pytest

from bitmill.config.presets import PRESETS, any_preset
from bitmill.golden.families import GOLDEN, row_outputs
from bitmill.golden.rows.families import ROWS


@pytest.mark.parametrize("name", ["int8-mac", "int8-dot32", "int8-4x4", "parallel-int8"])
def test_products_are_summed(name):
    config = any_preset(name)
    rng = np.random.default_rng(3)
    weights, activations = rng.integers(0, 256, (2, 4, 32))
    signed = [codes.astype(np.uint8).astype(np.int8).astype(int) for codes in (weights, activations)]
    if name.startswith("parallel"):
        assert GOLDEN.of(config)(config, weights[0], activations[0]).total == signed[0][0] @ signed[1][0]
        return
    whole = signed[0] @ signed[1].T
    expected = whole if name == "int8-4x4" else np.diag(whole)
    assert np.array_equal(GOLDEN.of(config)(config, weights, activations).value, expected)


@pytest.mark.parametrize("name", ["softmax-4", "gelu-4", "layernorm-4", "shiftmax-4"])
def test_rows_are_what_their_own_table_says(name):
    config = PRESETS[name]
    row, mask = np.arange(-8, 8), np.arange(16) < 13
    family = ROWS.of(config)
    expected = family.outputs(config, family.told(config), row, mask)
    assert GOLDEN.of(config) is row_outputs
    assert np.array_equal(GOLDEN.of(config)(config, row, mask), expected)
    assert not expected[13:].any()
    assert len(set(expected[:13].tolist())) > 1
