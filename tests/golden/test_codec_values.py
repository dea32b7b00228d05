"""Values of formats that are written in the OCP specification."""

from __future__ import annotations

import numpy as np

from bitmill import formats
from bitmill.golden import decode, encode


def test_e8m0_is_the_power_of_two_of_its_code() -> None:
    exponents = np.arange(255) - 127
    np.testing.assert_array_equal(decode("E8M0", np.arange(255)), 2.0**exponents)
    assert np.isnan(decode("E8M0", 255))
    np.testing.assert_array_equal(encode("E8M0", 2.0**exponents), np.arange(255))
    np.testing.assert_array_equal(encode("E8M0", [1.499, 1.5, 1.501, 3.0, 1e-60, 1e60]), [127, 128, 128, 128, 0, 254])
    np.testing.assert_array_equal(encode("E8M0", [1.5, 3.0, 1.99], rounding="nearest-away"), [128, 129, 128])
    np.testing.assert_array_equal(encode("E8M0", [1.5, 3.0, 1.99], rounding="toward-zero"), [127, 128, 127])
    np.testing.assert_array_equal(encode("E8M0", [0.0, -1.0, 1e-60, 1e60], saturate=False), [255, 255, 0, 255])


def test_value_tables_of_the_ocp_specification() -> None:
    np.testing.assert_array_equal(decode("E2M1", np.arange(8)), [0, 0.5, 1, 1.5, 2, 3, 4, 6])
    for name, largest, least in (
        ("E3M2", 28, 2**-4),
        ("E2M3", 7.5, 2**-3),
        ("E4M3", 448, 2**-9),
        ("E5M2", 57344, 2**-16),
    ):
        values = decode(name, np.arange(1 << formats.get(name).bits))
        finite = values[np.isfinite(values)]
        assert (finite.max(), finite.min(), finite[finite > 0].min()) == (largest, -largest, least)
