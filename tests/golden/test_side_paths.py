"""Side paths against exact fractions, loops over single weights, and the theorem of Eckart and Young."""

from fractions import Fraction

import numpy as np
import pytest

from bitmill.golden.side_paths.low_rank import after_quantization, before_quantization, in_turns, nearest_of_rank
from bitmill.golden.side_paths.outlier_columns import outlier_columns, stored_bits, with_outlier_columns
from bitmill.golden.side_paths.sparse_weights import compress, gains, greatest, split
from bitmill.golden.weights import dequantize, quantize_weights
from bitmill.models.sample import load_layer
from bitmill.system.errors import BitmillError


def _int8(x, w):
    """The vector-wise INT8 product of LLM.int8(): one scale per token and per output."""
    of_x, of_w = (np.abs(m).max(axis=1, keepdims=True).astype(np.float64) / 127 for m in (x, w))
    return np.rint(x / of_x) @ np.rint(w / of_w).T * of_x * of_w.T


def _int4(w):
    return dequantize(quantize_weights("int4", w, group=32)).astype(np.float32)


def _energy(m):
    return float(np.square(m, dtype=np.float64).sum())


@pytest.fixture(scope="module")
def layer():
    return load_layer("attention")


def test_columns_are_those_that_reach_the_threshold_in_any_token():
    x = np.array([[1.0, -6.0, 5.99, 0.0], [6.5, 0.0, -5.99, 1.0]])
    assert outlier_columns(x).tolist() == [0, 1]
    assert outlier_columns(x, threshold=5.99).tolist() == [0, 1, 2]
    assert outlier_columns(x, threshold=7).tolist() == []
    assert stored_bits(384, 2) == 2 * (384 * 16 + 16)


def test_fp16_columns_are_exact_sums_of_exact_products():
    rng = np.random.default_rng(3)
    x, w = rng.normal(size=(3, 5)) * 50, rng.normal(size=(4, 5))
    columns = [1, 4]
    found = with_outlier_columns(x, w, columns, lambda a, b: np.zeros((len(a), len(b))))
    for token in range(3):
        for out in range(4):
            exact = sum(
                Fraction(float(np.float16(np.float32(x[token, k]))))
                * Fraction(float(np.float16(np.float32(w[out, k]))))
                for k in columns
            )
            assert Fraction(float(found[token, out])) == exact


def test_all_columns_or_none_are_both_products():
    rng = np.random.default_rng(4)
    x, w = rng.normal(size=(2, 3)).astype(np.float32), rng.normal(size=(4, 3)).astype(np.float32)
    np.testing.assert_array_equal(with_outlier_columns(x, w, [], _int8), _int8(x, w))

    def never(x, w):
        raise AssertionError

    found = with_outlier_columns(x, w, [0, 1, 2], never)
    half = [m.astype(np.float16).astype(np.float64) for m in (x, w)]
    np.testing.assert_array_equal(found, half[0] @ half[1].T)


def test_outlier_columns_help_where_there_are_outliers(layer):
    x = layer.held_out.copy()
    x[:, 17] *= 60
    exact = x.astype(np.float64) @ layer.weight.T.astype(np.float64)
    plain = _energy(_int8(x, layer.weight) - exact)
    columns = outlier_columns(x, threshold=np.abs(layer.held_out).max() * 1.01)
    assert columns.tolist() == [17]
    ratio = plain / _energy(with_outlier_columns(x, layer.weight, columns, _int8) - exact)
    assert ratio > 20


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: outlier_columns([[7.0, 8.0]]), "threshold must leave columns to the low-bit product, not take all 2, not 6.0"),
        (lambda: outlier_columns([[1.0]], threshold=0), "threshold must be a positive number, not 0"),
        (lambda: outlier_columns([[1.0]], threshold=float("nan")), "threshold must be a positive number, not nan"),
        (lambda: with_outlier_columns([[1.0]], [[1.0]], [1], _int8), r"columns must be different ones of 0 to 0, not [1]"),
        (lambda: with_outlier_columns([[1.0, 2]], [[1.0, 2]], [1, 1], _int8),
         "columns must be different ones of 0 to 1, not [1, 1]"),
        (lambda: greatest([[1.0]], 1), "fraction must be at least 0 and below 1, not 1"),
        (lambda: greatest([[1.0]], -0.1), "fraction must be at least 0 and below 1, not -0.1"),
        (lambda: split([[1.0, 2]], fraction=0.1, group=3), "group must be a divisor of the 2 weights of a row, not 3"),
        (lambda: compress([[70000.0]], [[True]]), "sparse weights must be finite in FP16, at most 65504, not 70000.0"),
        (lambda: compress(np.zeros((1, 65537)), np.zeros((1, 65537), bool)),
         "weights must have at most 65536 columns to be numbered in 16 bits, not 65537"),
        (lambda: nearest_of_rank(np.eye(3)[:2], 3), "rank must be 1 to 2 for a matrix [2, 3], not 3"),
        (lambda: nearest_of_rank(np.eye(3), 0), "rank must be 1 to 3 for a matrix [3, 3], not 0"),
        (lambda: nearest_of_rank(np.eye(2) * 1e12, 1),
         "matrix must have factors that are finite in FP16, not of a singular value 1000000000000.0"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line(call, message):
    with pytest.raises(BitmillError) as refused:
        call()
    assert str(refused.value) == message


def test_sparse_rows_are_the_weights_one_by_one():
    rng = np.random.default_rng(7)
    w = rng.normal(size=(5, 9)).astype(np.float32)
    mask = rng.random((5, 9)) < 0.3
    mask[2] = False
    rows = compress(w, mask)
    assert rows.shape == (5, 9)
    for row in range(5):
        entries = range(int(rows.starts[row]), int(rows.starts[row + 1]))
        assert [int(rows.columns[entry]) for entry in entries] == [k for k in range(9) if mask[row, k]]
        assert [rows.values[entry] for entry in entries] == [np.float16(w[row, k]) for k in range(9) if mask[row, k]]
    np.testing.assert_array_equal(rows.dense(), np.where(mask, w.astype(np.float16), 0))
    assert rows.stored_bits == 32 * 6 + 32 * int(mask.sum())
    assert rows.cycles(per_cycle=2) == sum((int(row.sum()) + 1) // 2 for row in mask)
    x = rng.normal(size=(2, 9))
    np.testing.assert_allclose(rows.product(x), x @ rows.dense().T, rtol=1e-12)


def test_greatest_takes_that_many_and_the_first_of_equals():
    assert greatest([[3, 1, 3], [2, 3, 0]], 0.5).tolist() == [[True, False, True], [False, True, False]]
    assert greatest([[1, 1, 1, 1]], 0.5).tolist() == [[True, True, False, False]]
    assert not greatest([[1, 2]], 0.4).any()


@pytest.mark.parametrize("group", [None, 32])
def test_one_percent_of_sparse_weights_lessens_the_error(layer, group):
    sparse, rest = split(layer.weight, fraction=0.01, group=group)
    assert len(sparse.values) == int(0.01 * layer.weight.size)
    np.testing.assert_array_equal(rest == 0, (sparse.dense() != 0) | (layer.weight == 0))
    error = _energy(sparse.dense() + _int4(rest) - layer.weight) / _energy(_int4(layer.weight) - layer.weight)
    assert error < (0.9 if group is None else 0.8)


def test_gains_are_what_a_groups_scale_loses_without_a_weight():
    w = np.array([[3, -5, 1, 2, 2, 0], [0, 0, 0, 7, 6, -7]], np.float32)
    assert gains(w, 3).tolist() == [[0, 25 - 9, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]]
    sparse, rest = split(w, fraction=0.34, group=3)
    # The -5, then 3 of what is left, then no group gains but the first: 1; then the greatest.
    assert (sparse.dense() != 0).tolist() == [
        [True, True, True, False, False, False],
        [False, False, False, True, False, False],
    ]
    np.testing.assert_array_equal(sparse.dense() + rest, w)
    assert gains(w, 1).tolist() == np.square(w).tolist()


def test_the_nearest_of_a_rank_leaves_the_other_singular_values():
    w = np.random.default_rng(9).normal(size=(12, 20))
    values = np.linalg.svd(w, compute_uv=False)
    for rank in (1, 5, 12):
        branch = nearest_of_rank(w, rank)
        left, inner = branch.left.shape
        assert (left, inner, branch.right.shape) == (12, rank, (rank, 20))
        # FP16 factors of 10 to 11 bits.
        assert _energy(branch.dense() - w) == pytest.approx(float(np.square(values[rank:]).sum()), abs=2e-3)
    assert nearest_of_rank(w, 3).stored_bits == 16 * 3 * (12 + 20)
    assert nearest_of_rank(w, 3).cycles(per_cycle=8) == 3 * 3 + 12 * 1


def test_branch_rounds_what_is_between_to_fp16():
    branch = nearest_of_rank(np.outer([1.0, 2, 3], [1.0, 3, 5, 7]), 1)
    x = np.array([[1 / 3, 1 / 7, 1 / 9, 1 / 11]])
    inner = np.float16(sum(float(a) * float(b) for a, b in zip(x[0], branch.right[0], strict=True)))
    assert branch.product(x)[0].tolist() == [float(inner) * float(value) for value in branch.left[:, 0]]


def test_branches_lessen_the_error_each_in_its_way(layer):
    w, rank = layer.weight, 16
    plain = _energy(_int4(w) - w)
    branch, rest = before_quantization(w, rank)
    np.testing.assert_allclose(branch.dense() + rest, w, atol=1e-6)
    after = after_quantization(w, _int4, rank)
    turned, left = in_turns(w, _int4, rank)
    errors = {
        "before": _energy(branch.dense() + _int4(rest) - w),
        "after": _energy(after.dense() + _int4(w) - w),
        "in turns": _energy(turned.dense() + _int4(left) - w),
    }
    assert all(error < plain for error in errors.values()), (plain, errors)
    assert errors["in turns"] <= errors["after"] * 1.001
