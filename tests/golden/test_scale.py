"""Scales: granularity, rules, errors; quantize and dequantize against elementwise Python."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bitmill import BitmillError, formats
from bitmill.golden import Granularity, Scales, choose_scale, decode, dequantize, quantize

SEED = 77
GRANULARITIES: tuple[tuple[Granularity, int | None], ...] = (
    ("tensor", None),
    ("channel", None),
    ("token", None),
    ("group", 8),
)


def tensor(rows: int = 6, length: int = 32) -> np.ndarray:
    return np.random.default_rng(SEED).standard_t(4, (rows, length)).astype(np.float32)


def slices_of(x: np.ndarray, granularity: Granularity, group: int | None) -> list[np.ndarray]:
    if granularity == "tensor":
        return [x.ravel()]
    if granularity == "group":
        assert group
        return [row[start : start + group] for row in x for start in range(0, len(row), group)]
    return list(x)


def squared_error(name: str, x: np.ndarray, scale: Scales) -> float:
    return float(np.square(x - dequantize(name, quantize(name, x, scale), scale)).sum())


@pytest.mark.parametrize(("granularity", "group"), GRANULARITIES)
@pytest.mark.parametrize("name", ["INT4", "E2M1", "E4M3", "POT4"])
def test_maximum_maps_each_slice_to_the_greatest_value(name: str, granularity: Granularity, group: int | None) -> None:
    x = tensor()
    scale = choose_scale(name, x, granularity=granularity, group=group)
    greatest = {"INT4": 7, "E2M1": 6, "E4M3": 448, "POT4": 64}[name]
    expected = [float(np.abs(part.astype(np.float64)).max()) / greatest for part in slices_of(x, granularity, group)]
    np.testing.assert_array_equal(scale.values.ravel(), expected)
    codes = quantize(name, x, scale)
    used = [np.abs(decode(name, part)).max() for part in slices_of(codes, granularity, group)]
    assert used == [greatest] * len(used)


def test_shapes_of_scales() -> None:
    x = tensor(6, 32)
    assert choose_scale("INT4", x).values.shape == ()
    assert choose_scale("INT4", x, granularity="channel").values.shape == (6,)
    assert choose_scale("INT4", x, granularity="token", axis=0).values.shape == (32,)
    assert choose_scale("INT4", x, granularity="group", group=16).values.shape == (6, 2)
    assert choose_scale("INT4", x[None], granularity="group", group=3, axis=1).values.shape == (1, 32, 2)


@pytest.mark.parametrize(("granularity", "group"), [("token", None), ("group", 3)])
def test_the_reduction_axis_may_be_any(granularity: Granularity, group: int | None) -> None:
    x = tensor(6, 32)
    first = choose_scale("E2M1", x, granularity=granularity, group=group, axis=0)
    turned = choose_scale("E2M1", x.T, granularity=granularity, group=group)
    np.testing.assert_array_equal(first.values, turned.values)
    np.testing.assert_array_equal(quantize("E2M1", x, first), quantize("E2M1", x.T, turned).T)


@pytest.mark.parametrize(("granularity", "group"), GRANULARITIES)
def test_quantize_is_the_nearest_multiple_of_the_scale(granularity: Granularity, group: int | None) -> None:
    x = tensor()
    scale = choose_scale("E2M1", x, granularity=granularity, group=group)
    magnitudes = [0, 0.5, 1, 1.5, 2, 3, 4, 6]
    back = dequantize("E2M1", quantize("E2M1", x, scale), scale)
    parts = zip(
        slices_of(x, granularity, group), slices_of(back, granularity, group), scale.values.ravel(), strict=True
    )
    for part, part_back, step in parts:
        for value, value_back in zip(part.astype(float), part_back, strict=True):
            nearest = min(abs(abs(value) - step * m) for m in magnitudes)
            assert abs(value - value_back) == pytest.approx(nearest, abs=1e-12)


@pytest.mark.parametrize(("granularity", "group"), GRANULARITIES)
@pytest.mark.parametrize("name", ["INT2", "INT4", "E2M1", "FLINT4", "E4M3"])
def test_least_squares_beats_maximum_in_every_slice(name: str, granularity: Granularity, group: int | None) -> None:
    x = tensor()
    searched = choose_scale(name, x, granularity=granularity, rule="least-squares", group=group)
    largest = choose_scale(name, x, granularity=granularity, group=group)
    parts = zip(slices_of(x, granularity, group), searched.values.ravel(), largest.values.ravel(), strict=True)
    errors = np.array([[squared_error(name, p, Scales(np.array(s), "tensor")) for s in pair] for p, *pair in parts])
    assert (errors[:, 0] <= errors[:, 1] * (1 + 1e-12)).all()
    # E4M3's relative error hardly depends on the scale: there the maximum may be the best of all.
    assert (errors[:, 0] < errors[:, 1]).any() or name == "E4M3"


def test_least_squares_is_near_the_best_of_a_fine_search() -> None:
    x = np.random.default_rng(SEED).standard_normal(4000)
    found = squared_error("INT3", x, choose_scale("INT3", x, rule="least-squares"))
    fine = min(squared_error("INT3", x, Scales(np.array(s), "tensor")) for s in np.geomspace(0.2, 2, 400))
    assert found <= fine * 1.01


def test_least_squares_does_not_depend_on_how_slices_are_chunked(monkeypatch: pytest.MonkeyPatch) -> None:
    x = tensor(40, 16)
    whole = choose_scale("E2M1", x, granularity="token", rule="least-squares").values
    monkeypatch.setattr("bitmill.golden.scale._CHUNK", 48)
    np.testing.assert_array_equal(choose_scale("E2M1", x, granularity="token", rule="least-squares").values, whole)


@pytest.mark.parametrize("rule", ["maximum", "least-squares"])
def test_zero_slices_have_scale_one(rule: Any) -> None:
    x = tensor()
    x[2] = 0
    scale = choose_scale("E2M1", x, granularity="token", rule=rule)
    assert scale.values[2] == 1
    assert (dequantize("E2M1", quantize("E2M1", x, scale), scale)[2] == 0).all()
    assert choose_scale("INT8", np.zeros((0, 4)), rule=rule).values == 1


def test_tiny_tensors_keep_a_positive_scale() -> None:
    x = np.array([5e-324, 1e-310])
    scale = choose_scale("E4M3", x)
    assert scale.values > 0
    assert np.isfinite(dequantize("E4M3", quantize("E4M3", x, scale), scale)).all()


def test_choose_scale_and_quantize_wrong_values() -> None:
    x = tensor()
    x[0, :3] = np.nan, np.inf, -np.inf
    message = "layer0 must be finite, not 1 NaN and 2 Inf among 192 values"
    with pytest.raises(BitmillError, match=message):
        choose_scale("INT8", x, name="layer0")
    with pytest.raises(BitmillError, match=message):
        quantize("INT8", x, Scales(np.array(1.0), "tensor"), name="layer0")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"granularity": "row"}, "granularity must be one of tensor, channel, token, group, not 'row'"),
        ({"rule": "best"}, "rule must be one of maximum, least-squares, not 'best'"),
        ({"granularity": "group"}, "group must be a size .*, not None"),
        ({"group": 8}, "group must be .* None for others, not 8"),
        ({"granularity": "group", "group": 5}, "group must divide the 32 values of x .*, not 5"),
        ({"granularity": "group", "group": 0}, "group must divide .*, not 0"),
        ({"granularity": "token", "axis": 2}, "axis must be an axis of x .*, not 2"),
    ],
)
def test_choose_scale_wrong_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(BitmillError, match=message):
        choose_scale("INT8", tensor(), **arguments)


def test_scales_of_another_shape_are_refused() -> None:
    scale = choose_scale("INT8", tensor(6, 32), granularity="channel")
    with pytest.raises(BitmillError, match=r"scale must have shape \(5,\) for x of shape \(5, 32\), not \(6,\)"):
        quantize("INT8", tensor(5, 32), scale)
    grouped = choose_scale("INT8", tensor(6, 32), granularity="group", group=8)
    with pytest.raises(BitmillError, match=r"scale must have shape \(6, 2\)"):
        dequantize("INT8", np.zeros((6, 16), np.uint8), grouped)
    with pytest.raises(BitmillError, match="group must divide the 12 values of codes"):
        dequantize("INT8", np.zeros((6, 12), np.uint8), grouped)


def test_formats_without_a_positive_value_are_refused() -> None:
    with pytest.raises(BitmillError, match="format must have a positive value to be scaled to, not 'INT1'"):
        choose_scale(formats.Int(name="INT1", width=1), tensor())
