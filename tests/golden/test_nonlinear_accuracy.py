"""The errors against real functions that were measured for I-ViT's units before this project had any."""

import math
from dataclasses import replace

import numpy as np
import pytest

from bitmill.config.nonlinear import IVIT
from bitmill.golden.nonlinear import gelu_scale, layernorm, layernorm_scale, shift_gelu, shiftmax, shiftmax_scale
from bitmill.studies.nonlinear.synthetic import LENGTHS, ROWS, SCALES, heavy_tailed, normal_rows


@pytest.fixture(scope="module")
def rows():
    """int8 rows by scale and length."""
    return {key: codes.astype(np.int64) for key, codes in heavy_tailed().items()}


def near(value, published):
    """Within 5 %, or within half of the published figure's last digit."""
    digits = len(published.partition("e")[0].partition(".")[2])
    half_digit = 0.5 * 10.0 ** (int(published.partition("e")[2] or 0) - digits)
    return abs(value - float(published)) <= max(0.05 * float(published), half_digit)


def real_gelu(x):
    return x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def softmax_error(profile, x, scale):
    real = np.exp((x - x.max(axis=1, keepdims=True)) * scale)
    real /= real.sum(axis=1, keepdims=True)
    return np.abs(shiftmax(profile, x, scale=scale) * shiftmax_scale(profile) - real)


@pytest.mark.parametrize(
    ("scale", "ob", "greatest", "mean"),
    [
        (1 / 16, 8, "0.027", "1.3e-3"),
        (1 / 32, 8, "0.017", "3.4e-3"),
        (1 / 64, 8, "0.009", "4.5e-3"),
        (1 / 16, 16, "0.021", "1.3e-4"),
        (1 / 32, 16, "0.010", "1.0e-4"),
        (1 / 64, 16, "0.003", "1.5e-4"),
    ],
)
def test_softmax_errs_as_measured(rows, scale, ob, greatest, mean):
    error = softmax_error(replace(IVIT.softmax, output_bits=ob), rows[scale, 197], scale)
    assert near(error.max(), greatest)
    assert near(error.mean(), mean)


def test_softmax_suffers_where_the_reciprocal_is_cut(rows):
    assert near(softmax_error(IVIT.softmax, rows[0.045, 197], 0.045).max(), "0.060")


@pytest.mark.parametrize(("scale", "greatest"), [(1 / 16, "0.31"), (1 / 32, "0.25"), (1 / 64, "0.28")])
def test_gelu_by_row_errs_as_measured(rows, scale, greatest):
    x = rows[scale, 384]
    got = shift_gelu(IVIT.gelu, x, scale=scale) * gelu_scale(IVIT.gelu, scale=scale)
    assert near(np.abs(got - real_gelu(x * scale)).max(), greatest)


@pytest.mark.parametrize(("scale", "greatest"), [(1 / 16, "0.085"), (1 / 32, "0.053"), (1 / 64, "0.043")])
def test_gelu_by_element_errs_as_measured(scale, greatest):
    """Every int8, rounded to 8 bits of which the greatest is max|x * Phi(x)|."""
    profile = replace(IVIT.gelu, maximum="element", fraction_bits=16)
    x = np.arange(-128, 128)
    real = real_gelu(x * scale)
    step = np.abs(real).max() / 127
    got = np.rint(shift_gelu(profile, x, scale=scale) * gelu_scale(profile, scale=scale) / step) * step
    assert near(np.abs(got - real).max(), greatest)


def layernorm_error(profile, sigma):
    """Of normal rows; the figures below were recorded without their row length, which moves the first one much."""
    x = normal_rows(sigma, 240).codes.astype(np.int64)
    real = (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True)
    return np.abs(layernorm(profile, x) * layernorm_scale(length=240) - real).max()


def test_layernorm_errs_as_measured_where_ten_steps_have_not_converged():
    assert near(layernorm_error(IVIT.layernorm, 3), "1.65")
    assert layernorm_error(replace(IVIT.layernorm, root_iterations=20), 3) < 0.305


def test_layernorm_of_wide_rows_has_converged():
    assert layernorm_error(IVIT.layernorm, 32) < 0.042
    assert layernorm_error(IVIT.layernorm, 32) == layernorm_error(replace(IVIT.layernorm, root_iterations=20), 32)


def test_rows_are_those_that_figures_were_recorded_for(rows):
    """Drawn here once more, by scale and then by length; rows of 64 came later and change nothing."""
    rng = np.random.default_rng(0)
    for scale in (1 / 16, 0.045, 1 / 32, 1 / 64):
        for length in (197, 384):
            drawn = rng.standard_t(3, (512, length)) * 127 * scale / 8
            assert np.array_equal(rows[scale, length], np.clip(np.rint(drawn / scale), -128, 127))
    assert set(rows) == {(scale, length) for scale in SCALES for length in LENGTHS}
    assert {len(codes) for codes in rows.values()} == {ROWS}
