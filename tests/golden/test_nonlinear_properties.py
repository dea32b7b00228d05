"""What holds for the units of every profile, whatever row they are given; profiles to come are asked too."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bitmill import BitmillError
from bitmill.config.nonlinear import IBERT, IVIT, PROFILES, PolynomialSoftmaxRule, ShiftmaxRule, TableSoftmaxRule
from bitmill.golden.nonlinear import integer_reciprocal, polynomial_exp, shift_exp
from bitmill.golden.rows.constants import softmax_constants
from bitmill.golden.rows.dispatch import gelu, layernorm, softmax

from . import nonlinear_reference, polynomial_reference

SCALES = st.sampled_from([1 / 16, 0.045, 1 / 32, 1 / 64, 0.1])
ROWS = st.lists(st.integers(-128, 127), min_size=1, max_size=70)
EVERY_PROFILE = pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
often = settings(max_examples=80, deadline=None)
OUTPUT_SCALE = 1 / 16
"""For rules that round to few bits themselves."""


def masked(draw_from, row):
    return np.array(draw_from.draw(st.lists(st.booleans(), min_size=len(row), max_size=len(row))))


def permuted(draw_from, row):
    return np.array(draw_from.draw(st.permutations(range(len(row)))))


@EVERY_PROFILE
@often
@given(row=ROWS, scale=SCALES, data=st.data())
def test_softmax_stays_below_one_and_above_nothing(profile, row, scale, data):
    mask = masked(data, row)
    y, unit = softmax(profile.softmax, np.array(row), scale=scale, mask=mask)
    assert y.min() >= 0
    assert y.max() <= round(1 / unit) - 1
    assert not y[~mask].any()
    assert y.any() == mask.any() or y.size >= round(1 / unit)


@EVERY_PROFILE
@often
@given(row=ROWS, scale=SCALES)
def test_a_greater_element_has_no_smaller_share(profile, row, scale):
    y, _ = softmax(profile.softmax, np.sort(row), scale=scale)
    assert (np.diff(y) >= 0).all()


@EVERY_PROFILE
@often
@given(row=ROWS, scale=SCALES, data=st.data())
def test_shares_of_a_row_sum_to_one_at_most_or_about(profile, row, scale, data):
    mask = masked(data, row)
    y, unit = softmax(profile.softmax, np.array(row), scale=scale, mask=mask)
    # Those that cut never pass 1; others round each element.
    cuts = isinstance(profile.softmax, ShiftmaxRule | PolynomialSoftmaxRule)
    assert y.sum() * unit <= 1 + (0 if cuts else mask.sum() * unit / 2)


@EVERY_PROFILE
@often
@given(row=ROWS, scale=SCALES, data=st.data())
def test_a_row_and_its_mask_permuted_give_the_permuted_result(profile, row, scale, data):
    x, mask, order = np.array(row), masked(data, row), permuted(data, row)
    y, _ = softmax(profile.softmax, x, scale=scale, mask=mask)
    moved, _ = softmax(profile.softmax, x[order], scale=scale, mask=mask[order])
    assert moved.tolist() == y[order].tolist()


@EVERY_PROFILE
@often
@given(row=ROWS, scale=SCALES, data=st.data())
def test_what_is_masked_may_as_well_be_absent(profile, row, scale, data):
    x, mask = np.array(row), masked(data, row)
    mask[data.draw(st.integers(0, len(row) - 1))] = True
    y, _ = softmax(profile.softmax, x, scale=scale, mask=mask)
    alone, _ = softmax(profile.softmax, x[mask], scale=scale)
    assert y[mask].tolist() == alone.tolist()


@EVERY_PROFILE
@often
@given(row=st.lists(st.integers(-60, 60), min_size=1, max_size=40), scale=SCALES, moved=st.integers(-68, 67))
def test_softmax_sees_differences_alone(profile, row, scale, moved):
    """A running maximum that starts at 0 fails where all are negative."""
    if isinstance(profile.softmax, TableSoftmaxRule):
        moved = 64 * round(moved / 68)  # The digits below are cut one by one, which the same digits survive.
    y, _ = softmax(profile.softmax, np.array(row), scale=scale)
    other, _ = softmax(profile.softmax, np.array(row) + moved, scale=scale)
    assert other.tolist() == y.tolist()


@EVERY_PROFILE
@often
@given(row=ROWS, scale=SCALES, data=st.data())
def test_gelu_moves_with_its_elements_and_keeps_their_sign(profile, row, scale, data):
    x, order = np.array(row), permuted(data, row)
    y, unit = gelu(profile.gelu, x, scale=scale, output_scale=OUTPUT_SCALE)
    moved, _ = gelu(profile.gelu, x[order], scale=scale, output_scale=OUTPUT_SCALE)
    assert moved.tolist() == y[order].tolist()
    # GELU is from -0.17 to x; I-BERT's is above x by as much as its erf at most.
    assert (y[x > 0] >= 0).all()
    assert (y[x <= 0] <= 0).all()
    assert (np.abs(y * unit) <= np.abs(x * scale) * 1.02 + OUTPUT_SCALE).all()


@EVERY_PROFILE
@often
@given(row=ROWS, data=st.data())
def test_layernorm_moves_with_its_elements(profile, row, data):
    x, order = np.array(row), permuted(data, row)
    gamma = np.array(data.draw(st.lists(st.sampled_from([-1.5, -0.5, 0.5, 1.0]), min_size=len(row), max_size=len(row))))
    beta = np.array(data.draw(st.lists(st.sampled_from([-0.5, 0.0, 0.25]), min_size=len(row), max_size=len(row))))
    y, unit = layernorm(profile.layernorm, x, gamma=gamma, beta=beta, output_scale=OUTPUT_SCALE)
    moved, _ = layernorm(profile.layernorm, x[order], gamma=gamma[order], beta=beta[order], output_scale=OUTPUT_SCALE)
    assert moved.tolist() == y[order].tolist()
    # No element is more than sqrt(N) deviations from the mean.
    assert (np.abs(y * unit - beta) <= np.abs(gamma) * len(row) ** 0.5 + OUTPUT_SCALE).all()


@EVERY_PROFILE
@often
@given(row=st.lists(st.integers(-60, 60), min_size=1, max_size=40), moved=st.integers(-34, 33))
def test_layernorm_sees_distances_alone(profile, row, moved):
    """By an even number: I-ViT's and I-BERT's mean of a half goes to the even side."""
    y, _ = layernorm(profile.layernorm, np.array(row), output_scale=OUTPUT_SCALE)
    other, _ = layernorm(profile.layernorm, np.array(row) + 2 * moved, output_scale=OUTPUT_SCALE)
    assert other.tolist() == y.tolist()


@often
@given(scale=st.floats(2e-5, 3))
def test_shift_exp_is_monotone(scale):
    x0 = integer_reciprocal(scale, fraction_bits=15, rounding="floor")
    steps = np.arange(-max(255, min(20 * -x0, 100_000)), 1)
    assert (np.diff(shift_exp(steps, x0, fraction_bits=15)) >= 0).all()


@often
@given(scale=st.floats(2.6e-5, 1.67))
def test_polynomial_exp_is_monotone(scale):
    steps = np.arange(-max(255, min(round(25 / scale), 100_000)), 1)
    assert (np.diff(polynomial_exp(IBERT.softmax, steps, scale=scale)) >= 0).all()


ENDS = st.sampled_from([-(2**31), 1 - 2**31, -(2**30), -129, -1, 0, 1, 128, 2**30, 2**31 - 2, 2**31 - 1])


@often
@given(row=st.lists(ENDS, min_size=1, max_size=9), x0=st.sampled_from([1, 2, 255, 65534, 65535]), data=st.data())
def test_no_overflow_at_the_ends_of_ivits_widths(row, x0, data):
    """Inputs of 32 bits, and 1.0 of up to 31: whatever is computed in between is what unbounded integers give."""
    mask = masked(data, row).tolist()
    y, _ = softmax(IVIT.softmax, np.array(row), scale=1 / x0, mask=np.array(mask))
    assert y.tolist() == nonlinear_reference.softmax(row, -x0, 15, 16, mask)


@often
@given(
    row=st.lists(ENDS, min_size=1, max_size=9), scale=st.sampled_from([2.5497e-5, 2.56e-5, 1e-3, 1.67]), data=st.data()
)
def test_no_overflow_at_the_ends_of_iberts_widths(row, scale, data):
    mask = masked(data, row).tolist()
    y, _ = softmax(IBERT.softmax, np.array(row), scale=scale, mask=np.array(mask))
    assert y.tolist() == polynomial_reference.softmax(row, scale, 30, 16, 16, mask)


@pytest.mark.parametrize("profile", [IVIT, IBERT], ids=lambda profile: profile.name)
def test_one_beyond_the_input_width_is_refused(profile):
    for value in (-(2**31) - 1, 2**31):
        with pytest.raises(BitmillError, match=f"x must be from -2147483648 to 2147483647, not {value}"):
            softmax(profile.softmax, np.array([value]), scale=0.1)


@pytest.mark.parametrize(("scale", "limit"), [(1 / 64, 1023), (0.045, 2849)])
def test_a_sum_saturates_one_element_after_the_longest_row(scale, limit):
    """Equal elements: at the limit the reciprocal is 1 and not cut by anything; the next row would need 32 bits."""
    softmax_constants(IVIT.softmax, scale=scale, longest_row=limit, output_scale=1)
    one = -integer_reciprocal(scale, fraction_bits=15, rounding="floor") << 15
    assert limit * one <= 2**31 - 1 < (limit + 1) * one
    for length in (limit - 1, limit, limit + 1):
        y, _ = softmax(IVIT.softmax, np.zeros((1, length), dtype=np.int8), scale=scale)
        assert set(y.ravel().tolist()) == {one >> 16}
