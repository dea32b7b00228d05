"""Accumulators against outside implementations: apytypes' fixed point, NumPy's float16, ml_dtypes' bfloat16."""

from __future__ import annotations

from typing import Any

import apytypes
import ml_dtypes
import numpy as np
import pytest

from bitmill import FixedAccumulator, FloatAccumulator, MacConfig, formats
from bitmill.golden import decode, dot, encode

SEED = 4711


def make(name: str, accumulator: Any, *, lanes: int = 1) -> MacConfig:
    unit = "mac" if lanes == 1 else "dot"
    return MacConfig(weight=name, activation=name, unit=unit, lanes=lanes, accumulator=accumulator)


def finite_codes(name: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    codes = rng.integers(0, 1 << formats.get(name).bits, shape)
    return np.where(np.isfinite(decode(name, codes)), codes, 0)


def integers(values: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """INT8 codes of the values, and of ones."""
    return encode("INT8", [values]), encode("INT8", [[1] * len(values)])


@pytest.mark.parametrize(
    ("values", "saturated", "wrapped"),
    [
        ([100, 27], 127, 127),
        ([100, 28], 127, -128),
        ([100, 26], 126, 126),
        ([100, 28, -1], 126, 127),
        ([-100, -28], -128, -128),
        ([-100, -29], -128, 127),
        ([-100, -29, 1], -127, -128),
        ([100, 100, 100, -100], 27, -56),
        ([100, -100, 100, 100], 127, -56),
    ],
)
def test_saturation_is_step_by_step_and_wrapping_is_not(values: list[int], saturated: int, wrapped: int) -> None:
    for overflow, expected in (("saturate", saturated), ("wrap", wrapped)):
        config = make("INT8", {"kind": "fixed", "width": 8, "overflow": overflow})
        assert dot(config, *integers(values)).value.tolist() == [expected]
    together = make("INT8", FixedAccumulator(width=8, overflow="saturate"), lanes=4)
    # In one step only the sum counts.
    assert dot(together, *integers(values)).value.tolist() == [max(-128, min(127, sum(values)))]


@pytest.mark.parametrize("overflow", ["saturate", "wrap"])
@pytest.mark.parametrize("name", ["INT8", "E4M3"])
def test_fixed_point_is_that_of_apytypes(name: str, overflow: str) -> None:
    width = 20
    config = make(name, {"kind": "fixed", "width": width, "overflow": overflow})
    fraction_bits = -config.product.min_exponent
    mode = apytypes.OverflowMode.SAT if overflow == "saturate" else apytypes.OverflowMode.WRAP
    rng = np.random.default_rng(SEED)
    w, a = (finite_codes(name, (6, 60), rng) for _ in range(2))
    real_w, real_a = decode(name, w), decode(name, a)
    got = dot(config, w, a).value
    for row in range(6):
        total = apytypes.APyFixed.from_float(0.0, width - fraction_bits, fraction_bits)
        for x, y in zip(real_w[row], real_a[row], strict=True):
            product = apytypes.APyFixed.from_float(float(x * y), 40, fraction_bits)
            total = (total + product).cast(width - fraction_bits, fraction_bits, overflow=mode)
        assert float(total) * 2.0**fraction_bits == got[row]


@pytest.mark.parametrize(("name", "dtype"), [("FP16", np.float16), ("BF16", ml_dtypes.bfloat16)])
@pytest.mark.parametrize("operand", ["E2M1", "INT4", "E3M2"])
def test_half_precision_macs_are_those_of_numpy_and_ml_dtypes(name: Any, dtype: Any, operand: str) -> None:
    """Products of these fit both formats exactly, so adding them in the outside type is the accumulator."""
    config = make(operand, FloatAccumulator(format=name))
    rng = np.random.default_rng(SEED)
    w, a = (finite_codes(operand, (40, 300), rng) for _ in range(2))
    if operand == "INT4":
        w = w & 7 if dtype is np.float16 else w
    products = (decode(operand, w) * decode(operand, a)).astype(dtype)
    assert (products.astype(np.float64) == decode(operand, w) * decode(operand, a)).all()
    total = np.zeros(40, dtype)
    for step in range(300):
        total = (total + products[:, step]).astype(dtype)
    np.testing.assert_array_equal(dot(config, w, a).value, total.view(np.uint16))
