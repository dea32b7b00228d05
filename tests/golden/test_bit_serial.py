"""The bit-serial tile's arithmetic against exact fractions, within the bound that it states, and its corner cases."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bitmill import BitmillError, formats
from bitmill.config.bit_serial import BitSerialConfig
from bitmill.golden import encode
from bitmill.golden.bit_serial import align, group_exponents, matmul

SEED = 71
CONFIGS = [
    BitSerialConfig(),
    BitSerialConfig(window=11, group=32),
    BitSerialConfig(window=24, lanes=2, group=64, drop=6),
    BitSerialConfig(activation="BF16", window=8, group=16, drop=2),
    BitSerialConfig(activation="BF16", window=20, lanes=8),
    BitSerialConfig(activation="INT8", weight_bits=4),
    BitSerialConfig(activation="INT8", drop=3, group=64),
    BitSerialConfig(group_exponent="given", window=13, group=32),
    BitSerialConfig(group_exponent="given", activation="BF16", window=20, group=64, drop=2),
]


def activation_codes(config, rng, shape, spread):
    """Codes whose exponents lie within ``spread`` octaves, some zeros among them."""
    if config.is_integer:
        return rng.integers(0, 256, shape).astype(np.uint8)
    numbers = rng.normal(size=shape) * 2.0 ** rng.uniform(-spread, 0, shape)
    return encode(config.activation, np.where(rng.random(shape) < 0.1, 0.0, numbers))


def exact_sums(config, weights, activations, scales, groups):
    fmt = formats.get(config.activation)
    ends = np.cumsum(groups)
    results = {}
    for m, row in enumerate(weights):
        for n, column in enumerate(activations):
            total = Fraction(0)
            for index, (start, end) in enumerate(zip(ends - groups, ends, strict=True)):
                part = sum(int(row[k]) * fmt.decode(int(column[k])).value for k in range(start, end))
                total += int(scales[m, index]) * part
            results[m, n] = total
    return results


def check(config, weights, activations, scales, groups):
    found = matmul(config, weights, activations, scales=scales, groups=groups)
    wanted = exact_sums(config, weights, activations, scales, np.asarray(groups))
    zero_bounds = 0
    for (m, n), exact in wanted.items():
        distance = abs(found.exact(m, n) - exact)
        assert distance <= Fraction(float(found.bound[m, n])), (m, n)
        zero_bounds += found.bound[m, n] == 0
    assert not found.invalid.any()
    limit = 1 << (config.total_bits - 1)
    assert np.abs(found.value).max() < limit
    return zero_bounds


@pytest.mark.parametrize("spread", [0, 3, 12])
@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: f"{config.title}, drop {config.drop}")
def test_error_is_within_the_bound(config, spread):
    rng = np.random.default_rng(SEED)
    groups = [config.group, config.lanes * 2, config.group // 2, config.lanes * 2 - 1]
    shape = sum(groups)
    top = 8 if config.weight_bits == 4 else 128
    weights = rng.integers(-top, top, (3, shape))
    scales = rng.integers(0, 256, (3, len(groups)))
    exact = check(config, weights, activation_codes(config, rng, (4, shape), spread), scales, groups)
    assert exact == 12 or not config.is_integer or config.drop


def test_integers_are_exact():
    config = BitSerialConfig(activation="INT8")
    rng = np.random.default_rng(SEED)
    weights, scales = rng.integers(-128, 128, (3, 256)), rng.integers(0, 256, (3, 2))
    assert check(config, weights, rng.integers(0, 256, (4, 256)), scales, [128, 128]) == 12


def test_a_window_that_holds_every_bit_is_exact():
    config = BitSerialConfig(window=32, group=64)
    rng = np.random.default_rng(SEED)
    numbers = (rng.integers(1024, 2048, (4, 128)) * 2.0 ** rng.integers(0, 8, (4, 128))).astype(np.float32)
    numbers[:, ::64] = 2047 * 2.0**7  # The greatest first: nothing is shifted later.
    weights = rng.integers(-20, 21, (3, 128))
    assert check(config, weights, encode("FP16", numbers / 1024), rng.integers(0, 256, (3, 2)), [64, 64]) == 12


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_operands(data):
    config = data.draw(st.sampled_from(CONFIGS))
    lanes = config.lanes
    groups = [lanes * data.draw(st.integers(1, 3)) for _ in range(data.draw(st.integers(1, 3)))]
    length = sum(groups)
    codes = st.integers(0, (1 << config.activation_format.bits) - 1).filter(
        lambda code: config.activation_format.decode(code).special is None
    )
    activations = np.array([[data.draw(codes) for _ in range(length)]])
    magnitude = config.weight_magnitude
    weights = np.array([[data.draw(st.integers(-magnitude, magnitude)) for _ in range(length)]])
    scales = np.array([[data.draw(st.integers(0, 255)) for _ in groups]])
    check(config, weights, activations, scales, groups)


def test_alignment_by_hand():
    config = BitSerialConfig(lanes=2, group=8, window=11)
    # 1, 2 | 4, 0.0029296875 = 3 * 2**-10 | 0, 1: units of 2**-9, 2**-8, 2**-8.
    numbers = np.array([[1.0, 2.0, 4.0, 3 * 2.0**-10, 0.0, 1.0]])
    found = align(config, encode("FP16", numbers), [6])
    assert found.values.tolist() == [[[512, 1024], [1024, 1], [0, 256]]]
    assert found.shifts.tolist() == [[0, 1, 0]]
    assert found.exponents.tolist() == [[17]]
    assert found.cut.tolist() == [[[False, False], [False, True], [False, False]]]
    result = matmul(config, [[1, 0, 0, 0, 0, 3]], encode("FP16", numbers), scales=[[2]], groups=[6])
    assert (result.value.tolist(), result.exponent.tolist()) == ([[2 * (256 + 3 * 256)]], [-8])
    # The weight of what was cut is 0, and 512 loses nothing when it is halved.
    assert result.bound.tolist() == [[0.0]]


def test_halves_of_activations_go_to_even_and_of_sums_up():
    config = BitSerialConfig(lanes=1, group=8, window=11)
    numbers = encode("FP16", np.array([[1024.0, 2048.0, 1025.0, 1027.0]]))
    found = align(config, numbers, [4])
    # In units of 2: 1025 is 512.5 and 1027 is 513.5.
    assert found.values.tolist() == [[[1024], [1024], [512], [514]]]
    # 1025 - 2 * 513.5: -1025 / 2 is -512.5, which goes up to -512.
    sums = matmul(config, [[-1, 0]], encode("FP16", np.array([[1025.0, 2048.0]])), scales=[[1]], groups=[2])
    assert (sums.value.tolist(), sums.exponent.tolist(), sums.bound.tolist()) == ([[-512]], [1], [[1.0]])


def test_subnormals_and_the_greatest_number():
    config = BitSerialConfig(lanes=2, group=4)
    least, greatest = 2.0**-24, 65504.0
    found = align(config, encode("FP16", np.array([[least, -3 * least, 0.0, 0.0]])), [4])
    assert found.values.tolist() == [[[32, -96], [0, 0]]]
    assert found.exponents.tolist() == [[1]]
    found = align(config, encode("FP16", np.array([[least, greatest]])), [2])
    assert found.values.tolist() == [[[0, 2047 << 5]]]


def test_specials_are_zero_and_invalid():
    config = BitSerialConfig(lanes=2, group=4)
    codes = encode("FP16", np.array([[1.0, 2.0], [np.inf, 2.0], [np.nan, 1.0]]), saturate=False)
    found = matmul(config, [[1, 1]], codes, scales=[[1]], groups=[2])
    assert found.invalid.tolist() == [False, True, True]
    assert found.exact(0, 1) == 2
    assert np.isnan(found.to_float()[0]).tolist() == [False, True, True]


def test_given_exponents_by_hand():
    config = BitSerialConfig(lanes=2, group=4, window=11, group_exponent="given")
    # 1, 2 | 4, 0.0029296875 = 3 * 2**-10 || 0.5: all under the exponent of 4, then under that of 2.
    codes = encode("FP16", np.array([[1.0, 2.0, 4.0, 3 * 2.0**-10, 0.5]]))
    tight = align(config, codes, [4, 1])
    assert group_exponents(config, codes, [4, 1]).tolist() == tight.exponents.tolist() == [[17, 14]]
    assert tight.values.tolist() == [[[256, 512], [1024, 1], [1024, 0]]]
    assert tight.shifts.tolist() == [[0, 0, 0]]
    loose = align(config, codes, [4, 1], [[18, 16]])
    assert loose.values.tolist() == [[[128, 256], [512, 0], [256, 0]]]
    assert (loose.exponents.tolist(), loose.cut.tolist()) == ([[18, 16]], [[[False] * 2, [False, True], [False] * 2]])
    assert not loose.invalid.any()


def test_an_activation_above_the_given_exponent_is_zero_and_invalid():
    config = BitSerialConfig(lanes=2, group=4, window=11, group_exponent="given")
    codes = encode("FP16", np.array([[1.0, 2.0, 4.0, 0.5], [1.0, 1.0, 1.0, 1.0]]))
    found = matmul(config, [[1, 1, 1, 1]], codes, scales=[[1]], groups=[4], exponents=[[16], [15]])
    assert found.invalid.tolist() == [True, False]
    assert (found.exact(0, 0), found.exact(0, 1)) == (Fraction(7, 2), 4)


def test_exponents_of_groups_are_of_matrices_of_floats():
    with pytest.raises(BitmillError, match=r"activations must be a matrix \[N, K\], not of shape \[4\]"):
        group_exponents(BitSerialConfig(), np.zeros(4, int), [4])
    with pytest.raises(BitmillError, match="activations must be floats to have exponents, not INT8"):
        group_exponents(BitSerialConfig(activation="INT8"), np.zeros((1, 4), int), [4])


@pytest.mark.parametrize(
    ("kind", "exponents", "message"),
    [
        ("running", [[15]], r"exponents must be left out for a tile with group_exponent = 'running'"),
        ("given", [[15, 15]], r"exponents must be integers of 0 to 31 and shape \[1, 1\], not int64 of \[1, 2\]"),
        ("given", [[32]], r"exponents must be integers of 0 to 31 and shape \[1, 1\]"),
        ("given", [[1.0]], r"exponents must be integers .* not float64"),
    ],
)
def test_wrong_exponents(kind, exponents, message):
    config = BitSerialConfig(group_exponent=kind)
    with pytest.raises(BitmillError, match=message):
        align(config, np.zeros((1, 4), int), [4], exponents)


def test_the_greatest_scale():
    result = matmul(BitSerialConfig(activation="INT8"), [[3]], [[2]], scales=[[255]], groups=[1])
    assert result.value.tolist() == [[6 * 255]]


def test_too_long():
    config = BitSerialConfig(activation="INT8", lanes=2, group=4, k_max=6)
    for length, expected in ((6, False), (8, True)):
        ones = np.ones((1, length), int)
        groups = [4, length - 4]
        assert matmul(config, ones, ones, scales=[[1, 1]], groups=groups).too_long is expected


RIGHT = {"weights": np.ones((2, 8), int), "activations": np.ones((3, 8), int), "scales": np.ones((2, 2), int)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": np.ones((2, 8))}, r"weights must be integers \[M, K\], not float64 of shape \[2, 8\]"),
        ({"weights": np.full((2, 8), 129)}, r"weights must be within \+-128, not 129"),
        ({"activations": np.ones((3, 9), int)}, r"activations must have K = 8 as the weights have, not 9"),
        ({"activations": np.ones(8, int)}, r"activations must be a matrix \[N, K\], not of shape \[8\]"),
        ({"activations": np.full((3, 8), 1 << 16)}, r"activations must be codes of FP16 in 0\.\.65535, not 65536"),
        ({"scales": np.ones((2, 3), int)}, r"scales must be integers of shape \[2, 2\], not int64 of \[2, 3\]"),
        ({"scales": np.full((2, 2), 256)}, r"scales must be 0 to 255, not 256 to 256"),
        ({"groups": [4, 5]}, r"groups must add up to K = 8, not 9"),
        ({"groups": [3, 5]}, r"all but the last multiples of lanes = 4, not \[3, 5\]"),
        ({"groups": [8, 0]}, r"groups must be lengths of 1 to 128, .* not \[8, 0\]"),
        ({"groups": [132]}, r"groups must be lengths of 1 to 128, .* not \[132\]"),
    ],
)
def test_wrong_operands(change, message):
    operands = {**RIGHT, "groups": [4, 4], **change}
    if "groups" in change and len(change["groups"]) == 1:
        operands["scales"] = np.ones((2, 1), int)
    with pytest.raises(BitmillError, match=message):
        matmul(BitSerialConfig(), **operands)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"window": 10}, r"window must be 11 to 32 for FP16, not 10"),
        ({"activation": "INT8", "window": 8}, r"window must be 7 to 7 for INT8, not 8"),
        ({"group": 6}, r"group must be a multiple of lanes = 4, not 6"),
        ({"k_max": 3}, r"k_max must be at least lanes = 4, not 3"),
        ({"rows": 0}, r"rows: .*at least 1, not 0"),
        ({"weight_bits": 5}, r"weight_bits: .*not 5"),
        ({"window": 32, "group": 4096, "k_max": 1 << 20}, r"at most 63 bits to accumulate in, not 70"),
        (
            {"activation": "INT8", "lanes": 1, "group": 1, "drop": 16},
            r"drop must be below the 16 bits of a group's sum",
        ),
        ({"activation": "INT8", "group_exponent": "given"}, r"group_exponent must be 'running' for INT8, not 'given'"),
        ({"group_exponent": "guessed"}, r"group_exponent: .*'running' or 'given', not 'guessed'"),
        ({"speed": 1}, r"field 'speed' is unknown; accepted are unit, rows"),
    ],
)
def test_wrong_configuration(fields, message):
    with pytest.raises(BitmillError, match=message):
        BitSerialConfig.from_dict(fields)


def test_configuration_survives_its_dictionary():
    for config in CONFIGS:
        assert BitSerialConfig.from_dict(config.to_dict()) == config
