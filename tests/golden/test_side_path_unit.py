"""A sparse side path against sums of fractions that are rounded to FP32 after every step, by NumPy's own float32."""

from fractions import Fraction

import numpy as np
import pytest

from bitmill.config.family import config_of
from bitmill.config.side_path import SidePathConfig
from bitmill.golden.codec import encode
from bitmill.golden.side_paths.sparse_weights import split
from bitmill.golden.side_paths.unit import side_path
from bitmill.hdl import build
from bitmill.models.sample import load_layer
from bitmill.system.errors import BitmillError


def _float32(exact: Fraction) -> np.float32:
    """Nearest, ties to even, from a fraction: through float64 only where that is exact."""
    value = np.float64(exact.numerator) / np.float64(exact.denominator)
    assert Fraction(float(value)) == exact
    return np.float32(value)


@pytest.mark.parametrize("lanes", [1, 3])
def test_sums_are_rounded_once_a_step(lanes):
    config = SidePathConfig(length=20, lanes=lanes, k_max=60)
    rng = np.random.default_rng(lanes)
    vector = rng.normal(size=20).astype(np.float16)
    weights = rng.normal(size=(7, lanes)).astype(np.float16)
    columns = rng.integers(0, 20, (7, lanes))
    total = np.float32(0)
    for step in range(7):
        products = [
            Fraction(float(weights[step, lane])) * Fraction(float(vector[columns[step, lane]])) for lane in range(lanes)
        ]
        total = _float32(Fraction(float(total)) + sum(products))
    fields = {
        "weight": weights.view(np.uint16).astype(np.int64),
        "column": columns,
        "memory": vector.view(np.uint16).astype(np.int64),
    }
    assert side_path(config, fields) == {"value": int(total.view(np.uint32)), "invalid": 0}


def test_rows_of_a_real_layer_are_the_sparse_product():
    layer = load_layer("attention")
    sparse, _ = split(layer.weight, fraction=0.02)
    x = layer.held_out[0].astype(np.float16)
    wanted = sparse.product(x[None].astype(np.float64))[0]
    config = SidePathConfig(length=384, k_max=384)
    for row in range(0, 128, 17):
        entries = slice(int(sparse.starts[row]), int(sparse.starts[row + 1]))
        if entries.start == entries.stop:
            continue
        found = side_path(config, {
            "weight": sparse.values[entries].view(np.uint16).astype(np.int64)[:, None],
            "column": sparse.columns[entries].astype(np.int64)[:, None],
            "memory": x.view(np.uint16).astype(np.int64),
        })  # fmt: skip
        assert np.uint32(found["value"]).view(np.float32) == pytest.approx(wanted[row], rel=1e-5, abs=1e-6)


def test_integers_of_int8_and_nans_are_as_a_dot_products():
    config = SidePathConfig(activation="INT8", length=4, k_max=4)
    memory = np.array([127, 128, 255, 1])  # 127, -128, -1, 1
    weight = encode("FP16", np.array([[2.0], [0.5]])).astype(np.int64)
    found = side_path(config, {"weight": weight, "column": np.array([[1], [2]]), "memory": memory})
    assert np.uint32(found["value"]).view(np.float32) == -256.5
    assert (
        side_path(config, {"weight": np.array([[0x7E00]]), "column": np.array([[3]]), "memory": memory})["invalid"] == 1
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"lanes": 33}, "lanes: must be at most 32, not 33"),
        ({"length": 1}, "length: must be at least 2, not 1"),
        ({"weight": "E9M9"}, "weight: format must be a known name"),
        ({"weight": "BIPOLAR1"}, "weight: must be a format with a zero, not 'BIPOLAR1'"),
        ({"activation": "BIPOLAR2"}, "activation: must be a format with a zero, not 'BIPOLAR2'"),
        ({"k_max": 1, "lanes": 2}, "k_max must be at least lanes = 2, not 1"),
        ({"accumulator": "FP8"}, "accumulator: must be"),
    ],
)
def test_bad_configurations_are_one_line(fields, message):
    with pytest.raises(BitmillError) as refused:
        config_of({"unit": "side-path", **fields})
    assert "\n" not in str(refused.value)
    assert message in str(refused.value)


def test_formats_of_ones_own_go_along():
    config = config_of(
        {"unit": "side-path", "weight": "MINE", "formats": {"MINE": {"exponent_bits": 3, "mantissa_bits": 4}}}
    )
    assert config_of(config.to_dict()) == config
    assert build(config).LATENCY == 1 + build(config.dot_product).LATENCY  # pyright: ignore[reportAttributeAccessIssue]
