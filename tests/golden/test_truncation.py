"""Sums that are truncated: by hand, at the ends of the range and of the window."""

from __future__ import annotations

import numpy as np

from bitmill import FloatAccumulator, WindowAccumulator
from bitmill.golden import dot, encode

from .accumulator_reference import check, make


def test_truncated_fp16_stops_at_its_greatest_number_and_comes_back():
    """IEEE 754 section 7.4: rounded toward zero, overflow is the greatest finite number; only operands are infinite."""
    config = make(("FP16", "FP16"), FloatAccumulator(format="FP16", rounding="truncate"))
    for values, expected in (
        ([65504.0, 65504.0], 65504.0),
        ([65504.0, 16.0], 65504.0),
        ([65504.0, 65504.0, -65504.0], 0.0),
        ([-65504.0, -32.0], -65504.0),
        ([-65504.0, -32.0, 32.0], -65472.0),
        ([65504.0, 65504.0, np.inf], np.inf),
        ([2048.0, 1.9990234375], 2048.0),  # nearest would give 2050
        ([-2048.0, -1.0, -1.0, -1.0], -2048.0),
        ([2048.0, -(2.0**-14)], 2047.0),  # the place below a power of two is half as wide
    ):
        w, a = encode("FP16", [values], saturate=False), encode("FP16", [[1.0] * len(values)])
        assert check(config, w, a).tolist() == [expected]
    finite = encode("FP16", [[65504.0] * 3]), encode("FP16", [[65504.0] * 3])
    assert not dot(config, *finite).invalid.any()


def test_a_truncated_window_cuts_twos_complement_downward():
    """INT8 x E5M2, P = 10, W = 10, as above: the last place is 2**8, and nothing is kept below it."""
    config = make(("INT8", "E5M2"), WindowAccumulator(width=10, rounding="truncate"), lanes=4)
    signed = make(("E5M2", "E5M2"), WindowAccumulator(width=6, rounding="truncate"), lanes=4)

    def total(config, *products):
        w, a = encode(config.weight, [[w for w, _ in products]]), encode("E5M2", [[a for _, a in products]])
        return float(check(config, w, a)[0])

    big, tiny = (-128, -7 * 2.0**8), 2.0**-10
    assert total(config, big, (127, 2.0)) == 896 * 2**8
    assert total(config, big, (1, tiny)) == 896 * 2**8
    assert total(config, big, (-1, tiny)) == 895 * 2**8
    assert total(config, big, (-1, tiny), (-1, tiny), (1, tiny)) == 894 * 2**8
    # Sign and magnitude: 7 * 7 * 2**8 fills the six bits, and what is far below goes toward zero, whatever its sign.
    top = (7 * 2.0**4, 7 * 2.0**4)
    assert total(signed, top, (1, tiny)) == total(signed, top, (-1, tiny)) == 49 * 2**8
