"""What ``bitmill run gemm`` prints and writes of a run, on whatever unit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..system.files import to_json
from ..system.screen import say
from .tables import print_table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..sim.matrix_product import MatrixProduct


def write_run(
    directory: Path,
    result: MatrixProduct[Any, Any],
    output: NDArray[np.float64],
    inputs: Mapping[str, Any],
    **extra: Any,
) -> None:
    """Write ``gemm.json``, with ``extra`` among the run's figures, and ``output.npy`` [M, N]."""
    import numpy as np

    from .. import __version__
    from ..system.tools import tool_versions

    record = {
        "inputs": dict(inputs),
        "versions": {"bitmill": __version__, **tool_versions()},
        "gemm": {**result.to_dict(), **extra},
    }
    np.save(directory / "output.npy", output)
    (directory / "gemm.json").write_text(to_json(record), encoding="utf-8", newline="\n")


FILES = ("gemm.json", "output.npy")
"""What ``write_run`` writes."""


GIVEN = "the product of the given matrices"


def sqnr_of(wanted: NDArray[np.float64], found: NDArray[np.float64]) -> float | None:
    """Ratio of signal to error in dB; None where the reference is zero everywhere, or met exactly, or a result is no number."""
    import numpy as np

    from ..studies.int_vs_fp.accuracy import sqnr_db

    if not wanted.any() or (wanted == found).all() or not np.isfinite(found).all():
        return None
    # By a power of two, so that squares of great or small numbers are numbers too.
    exponent = -int(np.frexp(np.abs(wanted).max())[1])
    return sqnr_db(np.ldexp(wanted, exponent), np.ldexp(found, exponent))


def decibels(sqnr: float | None) -> str:
    """``31.25 dB``."""
    return "no error" if sqnr is None else f"{sqnr:.2f} dB"


def print_run(result: MatrixProduct[Any, Any], parts: Mapping[str, str]) -> None:
    """Print where the cycles went; ``parts`` says what each part of the account is."""
    m, n, k = result.shape
    say(f"passed: {result.config.title}, {m}x{n}x{k}, {result.engine}, {result.result.value.size} results equal golden")
    counts, cycles = result.cycles_by_part, result.account.cycles
    rows = [[text, f"{counts[name]}", f"{counts[name] / cycles:.2%}"] for name, text in parts.items()]
    rows.append(["all cycles", str(cycles), "100.00%"])
    print_table(["where cycles went", "cycles", "share"], rows, right=["cycles", "share"])
    say(
        f"utilisation {result.utilisation:.2%}: {result.ideal_cycles:.1f} cycles' worth of products in "
        f"{cycles}; padding of ragged edges {result.padding:.1f}"
    )
