"""Numbers to encode in test vectors: designs that are wrong at one tie are found, by numbers exact in binary32 alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from bitmill import formats
from bitmill.cli import main
from bitmill.formats import Codebook, Format, Minifloat, TopExponent
from bitmill.golden import decode
from bitmill.golden.grid import nan_code
from bitmill.sim.vectors import format_vectors

FLOAT32 = np.finfo(np.float32)
DESIGNS: dict[str, tuple[Any, float]] = {
    "E4M3": (ml_dtypes.float8_e4m3fn, 464.0),
    "E4M3FNUZ": (ml_dtypes.float8_e4m3fnuz, 248.0),
    "E5M2": (ml_dtypes.float8_e5m2, 61440.0),
    "E5M2FNUZ": (ml_dtypes.float8_e5m2fnuz, 61440.0),
    "FP16": (np.float16, 65520.0),
}
DOUBLING = ("A", "E8M0")
Design = Callable[[np.ndarray], np.ndarray]


def words(directory: Path, name: str) -> list[int]:
    return [int(word, 16) for word in (directory / f"{name}.hex").read_text().split()]


def tie_of(fmt: Format) -> float:
    """Where overflow begins: half a step on from the greatest number; without mantissa bits the next number is its double."""
    values = np.unique(decode(fmt, np.arange(1 << fmt.bits)))
    last, before = values[np.isfinite(values)][[-1, -2]]
    with np.errstate(over="ignore"):
        return float(last + (last - before) / (1 if fmt.name in DOUBLING else 2))


@pytest.mark.parametrize("name", DESIGNS)
def test_designs_wrong_at_where_overflow_begins_are_found(name: str, tmp_path: Path) -> None:
    dtype, tie = DESIGNS[name]
    fmt = formats.get(name)
    nan = nan_code(fmt)
    assert nan is not None
    assert tie == tie_of(fmt)
    assert main(["vectors", name, "-o", str(tmp_path)]) == 0
    pattern = np.dtype(f"u{np.dtype(dtype).itemsize}")

    def right(x: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore", invalid="ignore"):
            codes = x.astype(dtype).view(pattern)
        return np.where(np.isnan(codes.view(dtype).astype(np.float64)), nan, codes)

    def turned(x: np.ndarray) -> np.ndarray:
        """The other way at the tie itself."""
        other = np.where(right(np.array([tie])) == right(np.array([tie * 0.9999])), tie * 1.01, tie * 0.9999)
        return right(np.where(np.abs(x) == tie, np.copysign(other, x), x))

    def early(x: np.ndarray) -> np.ndarray:
        """Beyond the range one binary32 too early."""
        near = float(np.nextafter(np.float32(tie), np.float32(0)))
        return right(np.where(np.abs(x) == near, np.copysign(tie * 1.01, x), x))

    def late(x: np.ndarray) -> np.ndarray:
        near = float(np.nextafter(np.float32(tie), np.float32(np.inf)))
        return right(np.where(np.abs(x) == near, np.copysign(tie * 0.9999, x), x))

    narrow = np.array(words(tmp_path, "encode_input_fp32"), dtype=np.uint32).view(np.float32).astype(np.float64)
    expected = np.array(words(tmp_path, "encode_nearest_even_overflow"))
    wide = np.array(words(tmp_path, "encode_input"), dtype=np.uint64).view(np.float64)
    np.testing.assert_array_equal(wide[: len(narrow)], narrow)
    np.testing.assert_array_equal(np.signbit(wide[: len(narrow)]), np.signbit(narrow))
    with np.errstate(over="ignore"):
        assert not np.any(wide[len(narrow) :].astype(np.float32) == wide[len(narrow) :])
    np.testing.assert_array_equal(right(narrow), expected[: len(narrow)])
    mutants: tuple[Design, ...] = (turned, early, late)
    for mutant in mutants:
        assert np.count_nonzero(mutant(narrow) != expected[: len(narrow)]) == 2, mutant.__name__


@pytest.mark.parametrize(
    "fmt",
    [
        *(formats.get(name) for name in ("E4M3", "E5M2", "E2M1", "E3M2", "E8M0", "INT4", "INT8", "BF16", "FP16", "E4M3FNUZ")),
        Minifloat(name="A", exponent_bits=3, mantissa_bits=0, top=TopExponent.FN),
        Minifloat(name="B", exponent_bits=2, mantissa_bits=1, top=TopExponent.IEEE),
        Minifloat(name="C", exponent_bits=8, mantissa_bits=3, top=TopExponent.IEEE),
        Codebook(name="D", values=(1, 3, -7, None), step_exponent=-3),
    ],
    ids=lambda fmt: fmt.name,
)  # fmt: skip
def test_ties_and_ends_have_both_neighbours_in_binary32(fmt: Format) -> None:
    data = format_vectors(fmt, seed=1).data["encode"]
    inputs = np.array([float.fromhex(number) for number in data["inputs"]])
    narrow = set(inputs[: data["inputs_exact_in_binary32"]].tolist())
    values = np.unique(decode(fmt, np.arange(1 << fmt.bits)))
    values = values[np.isfinite(values)]
    at_ends = 100
    ends = np.concatenate([values[:at_ends], values[-at_ends:]])
    ties = np.concatenate([(some[1:] + some[:-1]) / 2 for some in (values[:at_ends], values[-at_ends:])])
    for point in (*ends, *ties, tie_of(fmt)):
        with np.errstate(over="ignore"):
            near = np.float32(point)
        assert np.isinf(near) or float(near) in narrow or float(near) != point
        assert {point, np.nextafter(point, np.inf), np.nextafter(point, -np.inf)} <= set(inputs.tolist())
        below = float(near) if near < point else float(np.nextafter(near, np.float32(-np.inf)))
        above = float(near) if near > point else float(np.nextafter(near, np.float32(np.inf)))
        assert {below, above} <= narrow
    assert {np.inf, -np.inf, 0.0} <= narrow


def test_wide_formats_have_true_ties() -> None:
    fmt = formats.get("FP32")
    data = format_vectors(fmt, seed=1).data["encode"]
    inputs = np.array([float.fromhex(number) for number in data["inputs"]])
    codes = data["codes"]
    even, away = (np.array(codes[rounding]["overflow"]) for rounding in ("nearest-even", "nearest-away"))
    assert np.count_nonzero(even != away) > 300
    assert {float(FLOAT32.max) + 2.0**103, 2.0**128} <= set(inputs.tolist())


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("E4M3", ("NaN of either sign becomes the code 0x7f, quiet and positive", "same NaN code, 0x7f", "of -inf")),
        ("E4M3FNUZ", ("NaN of either sign becomes the code 0x80", "same NaN code, 0x80")),
        ("E5M2", ("NaN of either sign becomes the code 0x7e", "the codes 0x7c and 0xfc")),
        ("E2M1", ("NaN of either sign becomes no code", "beyond the range becomes no code")),
        ("nvfp4", ("group of zeros has scale code 0x00 and codes 0", "NaN scale, code 0x7f, and all its codes are 0")),
        (
            "mxfp4",
            ("group of zeros has scale code 0x7f and codes 0", "NaN scale, code 0xff", "E8M0: NaN of either sign"),
        ),
    ],
)
def test_the_page_says_what_nan_and_overflow_become(name: str, wanted: tuple[str, ...], tmp_path: Path) -> None:
    assert main(["vectors", name, "-o", str(tmp_path)]) == 0
    page = (tmp_path / "README.md").read_text()
    for sentence in wanted:
        assert sentence in page
    prefix = "" if name.startswith("E") else "scale_"
    count = len(words(tmp_path, f"{prefix}encode_input_fp32"))
    assert f"the first {count} of the numbers are exact in binary32" in page


def test_the_documents_counts_are_those_of_e4m3() -> None:
    data = format_vectors(formats.get("E4M3"), seed=1).data["encode"]
    narrow, all_of_them = data["inputs_exact_in_binary32"], len(data["inputs"])
    text = (Path(__file__).parents[2] / "docs/vectors.md").read_text()
    for sentence in (f"{narrow} of {all_of_them} for E4M3", f"[0:{narrow}-1]", f"[0:{all_of_them}-1]"):
        assert sentence in text
