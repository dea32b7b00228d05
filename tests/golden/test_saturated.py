"""The flag ``saturated`` and a fixed accumulator's ``lsb``: against fractions, and by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bitmill import (
    BitmillError,
    ExactAccumulator,
    FixedAccumulator,
    FloatAccumulator,
    MacConfig,
    WindowAccumulator,
    formats,
)
from bitmill.golden import dot, encode, matmul, to_float

from .accumulator_reference import check, make

SPECS = [
    FixedAccumulator(width=9, overflow="saturate"),
    FixedAccumulator(width=9, overflow="wrap"),
    FixedAccumulator(width=7, overflow="saturate", lsb=2),
    FixedAccumulator(width=7, overflow="wrap", lsb=3),
    FixedAccumulator(width=70, overflow="wrap", lsb=1),
    FloatAccumulator(format="FP16"),
    FloatAccumulator(format="FP16", rounding="truncate"),
    FloatAccumulator(format="FP16", fused=8, rounding="truncate"),
]

GREATEST = {"E5M2": 0x7B, "FP16": 0x7BFF, "INT4": 7, "INT8": 127}


@settings(max_examples=150, deadline=None)
@given(st.data(), st.sampled_from(SPECS), st.sampled_from([("E5M2", "E5M2"), ("FP16", "E5M2"), ("INT4", "INT8")]))
def test_any_operands(data: st.DataObject, spec: Any, pair: tuple[str, str]) -> None:
    config = make(pair, spec, lanes=data.draw(st.sampled_from([1, 2, 4])), saturated=True)
    length = config.lanes * data.draw(st.integers(1, 6))
    rows = []
    for name in pair:
        # The greatest number more often than not: it is what saturates.
        codes = st.integers(0, (1 << formats.get(name).bits) - 1) | st.just(GREATEST[name])
        rows.append(np.array([data.draw(st.lists(codes, min_size=length, max_size=length))]))
    check(config, *rows)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.title(spec.value_bits(product=None, lanes=1, terms=1)))
def test_matmul_is_dot_of_every_pair(spec: Any) -> None:
    config = make(("E5M2", "E5M2"), spec, lanes=4, saturated=True)
    rng = np.random.default_rng(3)
    w, a = (rng.integers(0, 256, (rows, 12)) for rows in (7, 5))
    product, pairs = matmul(config, w, a), dot(config, np.repeat(w, 5, axis=0), np.tile(a, (7, 1)))
    assert product.saturated is not None
    np.testing.assert_array_equal(product.saturated.ravel(), pairs.saturated)
    none = matmul(config, w[:0], a)
    assert none.saturated is not None
    assert none.value.shape == none.saturated.shape == (0, 5)


def test_a_flag_stays_though_the_sum_comes_back() -> None:
    """127 + 127 passes 8 bits; what follows leads back, and the flag stays, for that dot product only."""
    saturating, wrapping = (FixedAccumulator(width=8, overflow=overflow) for overflow in ("saturate", "wrap"))
    for spec, expected in ((saturating, 0), (wrapping, 127)):
        config = make(("INT8", "INT8"), spec, saturated=True)
        result = dot(config, [[127, 127, 256 - 127], [1, 1, 0]], [[1, 1, 1]] * 2)
        assert result.value.tolist() == [expected, 2]
        assert result.saturated is not None
        assert result.saturated.tolist() == [True, False]


def test_specials_are_no_saturation() -> None:
    fp16 = make(("FP16", "FP16"), FloatAccumulator(format="FP16"), saturated=True)
    rows = [[65504.0, 65504.0], [np.inf, 1.0], [65504.0, np.inf], [np.nan, 1.0], [65504.0, 8.0]]
    result = dot(fp16, encode("FP16", rows, saturate=False), encode("FP16", [[65504.0, 1.0]] * 5))
    assert result.saturated is not None
    assert result.saturated.tolist() == [True, False, False, False, True]
    assert result.invalid.tolist() == [False, True, True, True, False]


def test_lsb_rounds_the_sum_of_accumulator_and_step_to_even() -> None:
    """In quarters of INT4 products: 2 is a tie of 0 and 4, 6 one of 4 and 8; two ones in one step are not lost, two steps are."""
    mac = make(("INT4", "INT4"), FixedAccumulator(width=8, overflow="saturate", lsb=2), saturated=True)
    dot2 = make(("INT4", "INT4"), FixedAccumulator(width=8, overflow="saturate", lsb=2), lanes=2)
    for products, in_steps, at_once in (
        ([2, 0], 0, 0),
        ([6, 0], 8, 8),
        ([1, 1], 0, 0),
        ([1, 2], 0, 4),
        ([3, -1], 4, 0),
    ):
        weights, ones = [[product % 16 for product in products]], [[1] * len(products)]
        assert to_float(mac, dot(mac, weights, ones)).tolist() == [in_steps], products
        assert to_float(dot2, dot(dot2, weights, ones)).tolist() == [at_once], products


def test_configurations() -> None:
    good: dict[str, Any] = {"weight": "E4M3", "activation": "E4M3", "unit": "dot", "lanes": 4}
    plain = MacConfig(**good, accumulator=FixedAccumulator(width=20, overflow="wrap"))
    assert plain.unit_exponent == -18
    assert "saturated" not in plain.to_dict()
    assert "lsb" not in plain.to_dict()["accumulator"]
    asked = MacConfig(**good, accumulator=FixedAccumulator(width=20, overflow="wrap", lsb=-9), saturated=True)
    assert asked.unit_exponent == -9
    assert MacConfig.from_dict(asked.to_dict()) == asked
    assert asked.title == "E4M3 dot4, 20-bit wrapping accumulator of lsb -9, saturation flagged"
    # Four products of 448: 802,816 = 3.06 * 2**18.
    for lsb in (-19, 20):
        with pytest.raises(
            BitmillError,
            match=rf"^configuration: accumulator\.lsb must be -18 to 19 for E4M3 x E4M3 and lanes = 4, not {lsb}$",
        ):
            MacConfig.from_dict({**good, "accumulator": {"kind": "fixed", "width": 20, "overflow": "wrap", "lsb": lsb}})
    for lsb in (-18, 19):
        MacConfig(**good, accumulator=FixedAccumulator(width=20, overflow="wrap", lsb=lsb))


@pytest.mark.parametrize("spec", [ExactAccumulator(), WindowAccumulator(width=20)])
def test_what_cannot_saturate_has_no_flag(spec: Any) -> None:
    with pytest.raises(
        ValueError,
        match=rf"saturated must be false for an accumulator of kind '{spec.kind}', which never saturates, not True",
    ):
        make(("E4M3", "E4M3"), spec, saturated=True)
    assert dot(make(("E4M3", "E4M3"), spec), [[1]], [[1]]).saturated is None
