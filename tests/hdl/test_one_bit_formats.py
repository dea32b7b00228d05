"""One-bit and bipolar formats: no zero on one side or both, against sums typed here and through the RTL."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bitmill import BitmillError, MacConfig, golden, sim
from bitmill.config.accumulators import ExactAccumulator
from bitmill.hdl.mac.family import words
from bitmill.sim.gemm import check_shapes, gemm


def unit(weight: str, activation: str, **fields: Any) -> MacConfig:
    return MacConfig(weight=weight, activation=activation, **{"unit": "dot", "lanes": 4, "k_max": 40, **fields})


def test_values() -> None:
    assert golden.decode("INT1", [0, 1]).tolist() == [0, -1]
    assert golden.decode("UINT1", [0, 1]).tolist() == [0, 1]
    assert golden.decode("BIPOLAR1", [0, 1]).tolist() == [-1, 1]
    assert golden.decode("BIPOLAR2", range(4)).tolist() == [-3, -1, 1, 3]
    assert golden.encode("BIPOLAR1", [-0.2, 0.0, 0.2, -9]).tolist() == [0, 1, 1, 0]


def test_ragged_steps_are_filled_up_by_the_operand_that_has_a_zero() -> None:
    rng = np.random.default_rng(0)
    signs, numbers = rng.integers(0, 2, (3, 7)), rng.integers(0, 256, (2, 7))
    exact = (2 * signs - 1) @ np.where(numbers > 127, numbers - 256, numbers).T
    config = unit("BIPOLAR1", "INT8")
    assert config.idle_codes == (0, 0)
    np.testing.assert_array_equal(golden.matmul(config, signs, numbers).value, exact)
    np.testing.assert_array_equal(golden.matmul(unit("INT8", "BIPOLAR1"), numbers, signs).value, exact.T)
    # Where the zero is not code 0: NF4's is 7.
    floats = rng.integers(0, 16, (2, 7))
    config = unit("NF4", "BIPOLAR1")
    assert config.idle_codes == (7, 0)
    found = golden.to_float(config, golden.matmul(config, floats, signs))
    np.testing.assert_allclose(found, golden.decode("NF4", floats) @ (2 * signs - 1).T, rtol=1e-12, atol=1e-12)
    assert "a zero of the format that has one" in words(config)["i_payload"]["last"]


def test_bipolar_times_bipolar_is_xnor_and_popcount_of_whole_steps() -> None:
    config = unit("BIPOLAR1", "BIPOLAR1")
    rng = np.random.default_rng(1)
    weights, activations = rng.integers(0, 2, (5, 8)), rng.integers(0, 2, (3, 8))
    popcount = (weights[:, None] == activations[None]).sum(axis=-1)
    np.testing.assert_array_equal(golden.matmul(config, weights, activations).value, 2 * popcount - 8)
    with pytest.raises(BitmillError, match=r"K must be a multiple of lanes = 4 for BIPOLAR1 x BIPOLAR1, .*, not 7"):
        golden.matmul(config, weights[:, :7], activations[:, :7])
    with pytest.raises(BitmillError, match=r"K must be a multiple of lanes = 4 for BIPOLAR1 x BIPOLAR1, .*, not 7"):
        check_shapes(unit("BIPOLAR1", "BIPOLAR1", unit="array"), (5, 7), (3, 7))
    assert golden.matmul(unit("BIPOLAR1", "BIPOLAR1", unit="mac", lanes=1), [[1, 0, 1]], [[1, 1, 1]]).value == [[1]]
    assert "K is a multiple of lanes" in words(config)["i_payload"]["last"]


@pytest.mark.parametrize(
    ("weight", "activation", "fields"),
    [
        ("BIPOLAR1", "BIPOLAR1", {}),
        ("BIPOLAR1", "INT8", {"unit": "array", "rows": 2, "cols": 2, "accumulator": {"kind": "float", "format": "FP32"}}),
        ("INT1", "UINT1", {"accumulator": {"kind": "float", "format": "FP16", "fused": 8}}),
        ("NF4", "BIPOLAR1", {}),
        ("UINT1", "BIPOLAR2", {"lanes": 3, "accumulator": {"kind": "window", "width": 6}}),
    ],
)  # fmt: skip
def test_rtl_is_golden(weight: str, activation: str, fields: dict[str, Any]) -> None:
    config = MacConfig.from_dict(
        {"weight": weight, "activation": activation, "unit": "dot", "lanes": 4, "k_max": 40} | fields
    )
    assert sim.verify(config, seed=5, dot_products=10, engine="compiled").mismatches == 0


def test_a_bipolar_array_runs_a_product_with_ragged_edges() -> None:
    config = unit("BIPOLAR1", "BIPOLAR1", unit="array", rows=2, cols=2, accumulator=ExactAccumulator())
    rng = np.random.default_rng(2)
    weights, activations = rng.integers(0, 2, (3, 8)), rng.integers(0, 2, (5, 8))
    found = gemm(config, weights, activations)
    np.testing.assert_array_equal(found.result.value, (2 * weights - 1) @ (2 * activations - 1).T)


def test_positive_formats_without_zero_are_refused() -> None:
    with pytest.raises(
        BitmillError, match="weight: must be a format with a zero, or with numbers of both signs, not 'X'"
    ):
        MacConfig.from_dict({"weight": "X", "activation": "INT4", "formats": {"X": {"values": [1, 2, 3, 4]}}})
